import { FieldPath } from '../../machinery/field-error.ts';
import { dns1123LabelFaults } from '../../machinery/names.ts';
import type { Draft } from '../../machinery/object.ts';
import { dropShutInTemplate } from '../core/pod.gates.ts';
import { defaultTemplate } from '../core/pod-template.defaults.ts';
import { claimSpecWarnings } from '../core/volume.warnings.ts';
import { defaultClaimSpec } from '../core/volume.defaults.ts';
import type * as apps from '../gen/types/apps.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { statefulSetColumns } from './columns.ts';
import { validateStatefulSet, validateStatefulSetStatus, validateStatefulSetUpdate } from './stateful-set.validation.ts';
import { workloadWarnings } from '../core/pod.warnings.ts';

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

/** The gate MaxUnavailableStatefulSet is off in 1.36 (and on again in 1.37): what was stored when it was on stays, and has no effect. */
function dropMaxUnavailable({ spec }: Draft<apps.StatefulSet>, old: apps.StatefulSet | undefined): void {
  if (old?.spec?.updateStrategy?.rollingUpdate?.maxUnavailable === undefined) delete spec?.updateStrategy?.rollingUpdate?.maxUnavailable;
}

const base = specAndStatus<apps.StatefulSet>({
  drop: (draft, old) => {
    dropMaxUnavailable(draft, old);
    dropShutInTemplate(draft, old);
  },
});

const KEEPS_ALL = 'spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended';

/** The paths of claims are those that Kubernetes gives, which differ. */
function statefulSetWarnings(object: apps.StatefulSet, old: apps.StatefulSet | undefined): readonly string[] {
  const out = [...workloadWarnings(object, old)];
  const claims = new FieldPath('spec').child('volumeClaimTemplates');
  for (const [i, { spec }] of (object.spec?.volumeClaimTemplates ?? []).entries())
    out.push(...claimSpecWarnings(spec, old === undefined ? claims.index(i) : claims.index(i).child('Spec')));
  return (object.spec?.revisionHistoryLimit ?? 0) < 0 ? [...out, KEEPS_ALL] : out;
}

export const statefulSetRules: KindRules<apps.StatefulSet> = {
  strategy: {
    ...base,
    // Its pods are named after it, and their names are labels of DNS.
    validateName: dns1123LabelFaults,
    default: defaultStatefulSet,
    allowUnconditionalUpdate: true,
    validateCreate: validateStatefulSet,
    validateUpdate: validateStatefulSetUpdate,
    warnings: statefulSetWarnings,
    status: { ...base.status, validateUpdate: validateStatefulSetStatus },
  },
  columns: statefulSetColumns,
  shortNames: ['sts'],
  categories: ['all'],
};
