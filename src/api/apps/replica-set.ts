import { defaultTemplate } from '../core/pod-template.defaults.ts';
import type * as apps from '../gen/types/apps.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { replicaSetColumns } from './columns.ts';

export const replicaSetRules: KindRules<apps.ReplicaSet> = {
  strategy: {
    ...specAndStatus(),
    default: ({ spec }) => {
      if (spec === undefined) return;
      spec.replicas ??= 1;
      defaultTemplate(spec.template);
    },
    allowUnconditionalUpdate: true,
  },
  columns: replicaSetColumns,
  shortNames: ['rs'],
  categories: ['all'],
  selectable: { names: ['status.replicas'], values: ({ status }) => ({ 'status.replicas': String(status?.replicas ?? 0) }) },
};
