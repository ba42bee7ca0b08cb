import type { Draft } from '../../machinery/object.ts';
import { defaultTemplate } from '../core/pod-template.defaults.ts';
import type * as apps from '../gen/types/apps.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { deploymentColumns } from './columns.ts';

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

export const deploymentRules: KindRules<apps.Deployment> = {
  strategy: {
    ...specAndStatus({ generationOfAnnotations: true, statusKeepsLabels: true }),
    default: defaultDeployment,
    allowUnconditionalUpdate: true,
  },
  columns: deploymentColumns,
  shortNames: ['deploy'],
  categories: ['all'],
};
