import type { Draft } from '../../machinery/object.ts';
import { dropShutInTemplate } from '../core/pod.gates.ts';
import { defaultTemplate } from '../core/pod-template.defaults.ts';
import type * as apps from '../gen/types/apps.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { deploymentColumns } from './columns.ts';
import { validateDeployment, validateDeploymentStatus, validateDeploymentUpdate } from './deployment.validation.ts';
import { podNameWarnings, workloadWarnings } from '../core/pod.warnings.ts';

function defaultDeployment({ spec }: Draft<apps.Deployment>): void {
  if (spec === undefined) return;
  spec.replicas ??= 1;
  spec.strategy ??= {};
  spec.strategy.type ||= 'RollingUpdate';
  if (spec.strategy.type === 'RollingUpdate') {
    spec.strategy.rollingUpdate ??= {};
    spec.strategy.rollingUpdate.maxUnavailable ??= '25%';
    spec.strategy.rollingUpdate.maxSurge ??= '25%';
  }
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  defaultTemplate(spec.template);
}

const base = specAndStatus<apps.Deployment>({ drop: dropShutInTemplate, generationOfAnnotations: true, statusKeepsLabels: true });

export const deploymentRules: KindRules<apps.Deployment> = {
  strategy: {
    ...base,
    default: defaultDeployment,
    allowUnconditionalUpdate: true,
    status: { ...base.status, validateUpdate: validateDeploymentStatus, resetFields: [['spec'], ['metadata', 'labels']] },
    validateCreate: validateDeployment,
    validateUpdate: validateDeploymentUpdate,
    warnings: (object, old) => [...podNameWarnings(object, old), ...workloadWarnings(object, old)],
  },
  columns: deploymentColumns,
  shortNames: ['deploy'],
  categories: ['all'],
};
