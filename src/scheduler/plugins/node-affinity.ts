import { matchesNodeAffinity, matchesPreference } from '../../api/core/node.rules.ts';
import { byLargest, type Plugin, refuseForGood } from '../plugin.ts';

const MISMATCH = refuseForGood("node(s) didn't match Pod's node affinity/selector");

/** nodeSelector and node affinity. */
export const nodeAffinity: Plugin = {
  name: 'NodeAffinity',
  events: ['node'],
  weight: 2,
  consider: ({ pod: { spec } }) => {
    if (spec === undefined) return undefined;
    const preferred = spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    const required = Object.keys(spec.nodeSelector ?? {}).length > 0 || spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution !== undefined;
    return {
      ...(required && { filter: (node) => (matchesNodeAffinity(spec, node) ? undefined : MISMATCH) }),
      ...(preferred.length > 0 && {
        score: (node) => preferred.reduce((sum, { preference, weight }) => sum + (matchesPreference(preference, node) ? weight : 0), 0),
        normalise: (scores) => byLargest(scores),
      }),
    };
  },
};
