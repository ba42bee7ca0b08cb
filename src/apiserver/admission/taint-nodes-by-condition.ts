import { nodes } from '../../api/gen/resources.ts';
import type { AdmissionPlugin } from '../stages.ts';
import { draftOf, isAbout } from './request.ts';

const NOT_READY = 'node.kubernetes.io/not-ready';

/** TaintNodesByCondition: a new node takes no pods until the node lifecycle controller has seen it ready. */
export const taintNodesByCondition: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  handles: (request) => isAbout(request, nodes, 'CREATE'),
  admit(request) {
    const node = draftOf(request, nodes);
    node.spec ??= {};
    const taints = node.spec.taints ?? [];
    if (taints.some(({ key, effect }) => key === NOT_READY && effect === 'NoSchedule')) return;
    node.spec.taints = [...taints, { key: NOT_READY, effect: 'NoSchedule' }];
  },
};
