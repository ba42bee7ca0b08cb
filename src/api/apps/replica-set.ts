import { dropShutInTemplate } from '../core/pod.gates.ts';
import { defaultTemplate } from '../core/pod-template.defaults.ts';
import type * as apps from '../gen/types/apps.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { replicaSetColumns } from './columns.ts';
import { validateReplicaSet, validateReplicaSetStatus, validateReplicaSetUpdate } from './replica-set.validation.ts';
import { podNameWarnings, workloadWarnings } from '../core/pod.warnings.ts';

const base = specAndStatus<apps.ReplicaSet>({ drop: dropShutInTemplate });

export const replicaSetRules: KindRules<apps.ReplicaSet> = {
  strategy: {
    ...base,
    default: ({ spec }) => {
      if (spec === undefined) return;
      spec.replicas ??= 1;
      defaultTemplate(spec.template);
    },
    allowUnconditionalUpdate: true,
    status: { ...base.status, validateUpdate: validateReplicaSetStatus },
    validateCreate: validateReplicaSet,
    validateUpdate: validateReplicaSetUpdate,
    warnings: (object, old) => [...podNameWarnings(object, old), ...workloadWarnings(object, old)],
  },
  columns: replicaSetColumns,
  shortNames: ['rs'],
  categories: ['all'],
  selectable: { names: ['status.replicas'], values: ({ status }) => ({ 'status.replicas': String(status?.replicas ?? 0) }) },
};
