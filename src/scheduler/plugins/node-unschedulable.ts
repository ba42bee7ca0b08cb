import { acceptsPods } from '../../api/core/node.rules.ts';
import { type Plugin, refuseForGood } from '../plugin.ts';

const CORDONED = refuseForGood('node(s) were unschedulable');

/** Cordoned nodes take only pods that tolerate it. */
export const nodeUnschedulable: Plugin = {
  name: 'NodeUnschedulable',
  events: ['node'],
  consider: ({ pod }) => ({ filter: ({ node }) => (pod.spec === undefined || acceptsPods(node, pod.spec) ? undefined : CORDONED) }),
};
