import type { Draft } from '../../machinery/object.ts';
import { dropShutInTemplate } from '../core/pod.gates.ts';
import { defaultTemplate } from '../core/pod-template.defaults.ts';
import type * as apps from '../gen/types/apps.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { daemonSetColumns } from './columns.ts';
import { validateDaemonSet, validateDaemonSetStatus, validateDaemonSetUpdate } from './daemon-set.validation.ts';
import { workloadWarnings } from '../core/pod.warnings.ts';

function defaultDaemonSet({ spec }: Draft<apps.DaemonSet>): void {
  if (spec === undefined) return;
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ||= 'RollingUpdate';
  if (spec.updateStrategy.type === 'RollingUpdate') {
    spec.updateStrategy.rollingUpdate ??= {};
    spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
    spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
  }
  spec.revisionHistoryLimit ??= 10;
  defaultTemplate(spec.template);
}

const base = specAndStatus<apps.DaemonSet>({ drop: dropShutInTemplate });

export const daemonSetRules: KindRules<apps.DaemonSet> = {
  strategy: {
    ...base,
    default: defaultDaemonSet,
    allowUnconditionalUpdate: true,
    validateCreate: validateDaemonSet,
    validateUpdate: validateDaemonSetUpdate,
    warnings: workloadWarnings,
    status: { ...base.status, validateUpdate: validateDaemonSetStatus },
  },
  columns: daemonSetColumns,
  shortNames: ['ds'],
  categories: ['all'],
};
