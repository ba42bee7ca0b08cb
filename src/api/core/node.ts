import type * as core from '../gen/types/core.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { keep } from '../strategy.ts';
import { nodeColumns } from './node.columns.ts';
import { validateNode, validateNodeUpdate } from './node.validation.ts';

export const nodeRules: KindRules<core.Node> = {
  strategy: {
    default: ({ status }) => {
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
