import type { Draft } from '../../machinery/object.ts';
import { isEmpty } from '../checks.ts';
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

/** Configuration from the cluster is gone: only what has it keeps it. */
function dropConfig({ spec, status }: Draft<core.Node>, old: core.Node | undefined): void {
  if (old?.spec?.configSource === undefined) delete spec?.configSource;
  if (old?.status?.config === undefined) delete status?.config;
}

function nodeWarnings({ spec = {} }: core.Node): readonly string[] {
  const out: string[] = [];
  if (spec.configSource !== undefined) out.push('spec.configSource: the feature is removed');
  if (!isEmpty(spec.externalID)) out.push('spec.externalID: this field is deprecated, and is unused by Kubernetes');
  return out;
}

export const nodeRules: KindRules<core.Node> = {
  strategy: {
    default: ({ spec, status }) => {
      settleRanges(spec);
      // What a node has, pods may use, unless it says otherwise.
      if (status?.capacity !== undefined && status.allocatable === undefined) status.allocatable = { ...status.capacity };
    },
    prepareForCreate: (draft) => dropConfig(draft, undefined),
    prepareForUpdate: (draft, old) => {
      keep(draft, old, 'status');
      dropConfig(draft, old);
    },
    status: {
      prepareForUpdate: (draft, old) => {
        keep(draft, old, 'spec');
        dropConfig(draft, old);
      },
      validateUpdate: validateNodeUpdate,
    },
    allowUnconditionalUpdate: true,
    validateCreate: validateNode,
    validateUpdate: (node, old) => [...validateNode(node), ...validateNodeUpdate(node, old)],
    warnings: nodeWarnings,
  },
  columns: nodeColumns,
  shortNames: ['no'],
  selectable: { names: ['spec.unschedulable'], values: ({ spec }) => ({ 'spec.unschedulable': String(spec?.unschedulable ?? false) }) },
};
