import type * as core from '../gen/types/core.v1.ts';
import { root } from '../checks.ts';
import type { KindRules } from '../kind-rules.ts';
import { metadataOf, specAndStatus } from '../strategy.ts';
import { replicationControllerColumns } from './columns.ts';
import { dropShutInTemplate } from './pod.gates.ts';
import { isNewGeneration, podNameWarnings, templateWarnings } from './pod.warnings.ts';
import { defaultTemplate } from './pod-template.defaults.ts';
import { keepOldTemplate } from './pod-template.validation.ts';
import { validateReplicationController, validateReplicationControllerStatus } from './replication-controller.validation.ts';

const base = specAndStatus<core.ReplicationController>({ drop: dropShutInTemplate });

export const replicationControllerRules: KindRules<core.ReplicationController> = {
  strategy: {
    ...base,
    status: { ...base.status, validateUpdate: validateReplicationControllerStatus },
    default: (draft) => {
      const { spec } = draft;
      if (spec === undefined) return;
      const labels = spec.template?.metadata?.labels ?? {};
      if (Object.keys(labels).length > 0) {
        if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
        const metadata = metadataOf(draft);
        if (Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
      }
      spec.replicas ??= 1;
      defaultTemplate(spec.template);
    },
    allowUnconditionalUpdate: true,
    validateCreate: validateReplicationController,
    validateUpdate: keepOldTemplate(validateReplicationController, 'spec.template'),
    // The path is the one that Kubernetes gives.
    warnings: (object, old) => [
      ...podNameWarnings(object, old),
      ...(isNewGeneration(object, old) ? templateWarnings(object.spec?.template, root('template')) : []),
    ],
  },
  columns: replicationControllerColumns,
  shortNames: ['rc'],
  categories: ['all'],
  selectable: { names: ['status.replicas'], values: ({ status }) => ({ 'status.replicas': String(status?.replicas ?? 0) }) },
};
