import type { Draft } from '../../machinery/object.ts';
import { defaultTemplate } from '../core/pod-template.defaults.ts';
import { defaultClaimSpec } from '../core/volume.defaults.ts';
import type * as apps from '../gen/types/apps.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { statefulSetColumns } from './columns.ts';
import { validateStatefulSet, validateStatefulSetStatus, validateStatefulSetUpdate } from './stateful-set.validation.ts';
import { templateWarnings } from '../core/pod.warnings.ts';

function defaultStatefulSet({ spec }: Draft<apps.StatefulSet>): void {
  if (spec === undefined) return;
  spec.podManagementPolicy ||= 'OrderedReady';
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ||= 'RollingUpdate';
  if (spec.updateStrategy.type === 'RollingUpdate') {
    spec.updateStrategy.rollingUpdate ??= {};
    spec.updateStrategy.rollingUpdate.partition ??= 0;
  }
  spec.persistentVolumeClaimRetentionPolicy ??= {};
  spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= 'Retain';
  spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= 'Retain';
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion ||= 'v1';
    claim.kind ||= 'PersistentVolumeClaim';
    defaultClaimSpec(claim.spec);
    claim.status = { ...claim.status, phase: claim.status?.phase || 'Pending' };
  }
  defaultTemplate(spec.template);
}

const base = specAndStatus<apps.StatefulSet>();

export const statefulSetRules: KindRules<apps.StatefulSet> = {
  strategy: {
    ...base,
    default: defaultStatefulSet,
    allowUnconditionalUpdate: true,
    validateCreate: validateStatefulSet,
    validateUpdate: validateStatefulSetUpdate,
    warnings: (object, old) => templateWarnings(object.spec?.template, old?.spec?.template),
    status: { ...base.status, validateUpdate: validateStatefulSetStatus },
  },
  columns: statefulSetColumns,
  shortNames: ['sts'],
  categories: ['all'],
};
