import type { Draft } from '../../machinery/object.ts';
import type * as core from '../gen/types/core.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { keep } from '../strategy.ts';
import { nodeColumns } from './node.columns.ts';
import { validateNode, validateNodeUpdate } from './node.validation.ts';

/** `podCIDR` and the first of `podCIDRs` are one range; where they differ, the single field is right. */
function settleRanges(spec: Draft<core.NodeSpec> | undefined): void {
  if (spec === undefined) return;
  const first = spec.podCIDRs?.[0];
  if ((spec.podCIDR ?? '') === '') {
    if (first !== undefined) spec.podCIDR = first;
  } else if (spec.podCIDR !== first) spec.podCIDRs = [spec.podCIDR as string];
}

export const nodeRules: KindRules<core.Node> = {
  strategy: {
    default: ({ spec, status }) => {
      settleRanges(spec);
      // What a node has, pods may use, unless it says otherwise.
      if (status?.capacity !== undefined && status.allocatable === undefined) status.allocatable = { ...status.capacity };
    },
    prepareForUpdate: (draft, old) => keep(draft, old, 'status'),
    status: { prepareForUpdate: (draft, old) => keep(draft, old, 'spec'), validateUpdate: validateNodeUpdate },
    allowUnconditionalUpdate: true,
    validateCreate: validateNode,
    validateUpdate: validateNodeUpdate,
  },
  columns: nodeColumns,
  shortNames: ['no'],
  selectable: { names: ['spec.unschedulable'], values: ({ spec }) => ({ 'spec.unschedulable': String(spec?.unschedulable ?? false) }) },
};
