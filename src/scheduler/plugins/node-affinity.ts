import { matchesNodeAffinity, matchesPreference } from '../../api/core/node.rules.ts';
import type { NodeSelectorTerm, PodSpec } from '../../api/gen/types/core.v1.ts';
import { byLargest, type Plugin, refuseForGood } from '../plugin.ts';

const MISMATCH = refuseForGood("node(s) didn't match Pod's node affinity/selector");
/** Upstream does not even look at nodes that are not named, and says so in its own way. */
const NOT_NAMED = refuseForGood("node(s) didn't satisfy plugin(s) [NodeAffinity]");

/** nodeSelector and node affinity. */
export const nodeAffinity: Plugin = {
  name: 'NodeAffinity',
  events: ['node'],
  weight: 2,
  consider: ({ pod: { spec } }) => {
    if (spec === undefined) return undefined;
    const preferred = spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
    const named = namedNodes(terms);
    if (named?.size === 0) return refuseForGood('pod affinity terms conflict');
    const required = terms !== undefined || Object.keys(spec.nodeSelector ?? {}).length > 0;
    return {
      ...(required && { filter: (node) => refusalOf(spec, node, named) }),
      ...(preferred.length > 0 && {
        score: (node) => preferred.reduce((sum, { preference, weight }) => sum + (matchesPreference(preference, node) ? weight : 0), 0),
        normalise: (scores) => byLargest(scores),
      }),
    };
  },
};

function refusalOf(spec: PodSpec, node: { readonly name: string; readonly labels: Readonly<Record<string, string>> }, named: ReadonlySet<string> | undefined) {
  if (named !== undefined && !named.has(node.name)) return NOT_NAMED;
  return matchesNodeAffinity(spec, node) ? undefined : MISMATCH;
}

/** The nodes that the terms name by field, as a daemon's pods do; undefined when a term names none. Empty: it contradicts itself. */
function namedNodes(terms: readonly NodeSelectorTerm[] | undefined): ReadonlySet<string> | undefined {
  if (terms === undefined || terms.length === 0) return undefined;
  const all = new Set<string>();
  for (const { matchFields = [] } of terms) {
    const lists = matchFields.filter(({ key, operator }) => key === 'metadata.name' && operator === 'In').map(({ values = [] }) => values);
    const [first, ...others] = lists;
    if (first === undefined) return undefined;
    for (const name of first) if (others.every((names) => names.includes(name))) all.add(name);
  }
  return all;
}
