import { tolerates, untoleratedTaint } from '../../api/core/node.rules.ts';
import { byLargest, type Plugin, refuseForGood } from '../plugin.ts';

// The taints themselves are no longer named (observed on 1.35 and later).
const UNTOLERATED = refuseForGood('node(s) had untolerated taint(s)');

/** Taints keep pods away (NoSchedule, NoExecute) or make a node less liked (PreferNoSchedule). */
export const taintToleration: Plugin = {
  name: 'TaintToleration',
  events: ['node'],
  weight: 3,
  consider: ({ pod }) => {
    const tolerations = pod.spec?.tolerations ?? [];
    const preferring = tolerations.filter(({ effect = '' }) => effect === '' || effect === 'PreferNoSchedule');
    return {
      filter: ({ node }) => (untoleratedTaint(tolerations, node.spec?.taints, ['NoSchedule', 'NoExecute']) === undefined ? undefined : UNTOLERATED),
      score: ({ node }) =>
        (node.spec?.taints ?? []).filter((taint) => taint.effect === 'PreferNoSchedule' && !preferring.some((toleration) => tolerates(toleration, taint)))
          .length,
      normalise: (scores) => byLargest(scores, true),
    };
  },
};
