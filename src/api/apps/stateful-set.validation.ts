import { type FieldError, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { dns1123LabelFaults } from '../../machinery/names.ts';
import { addFaults, checkNonNegative, type Errors, isEmpty } from '../checks.ts';
import { validateClaimSpec } from '../core/persistent-volume-claim.validation.ts';
import { semanticEqual } from '../equal.ts';
import type * as apps from '../gen/types/apps.v1.ts';
import { checkCountOrPercent, checkCounts, checkSelector, checkTemplateOfStatefulSet, isNone, SPEC, validateCounts } from './workload.validation.ts';

const RETENTION = ['Retain', 'Delete'];

export function validateStatefulSet({ spec }: apps.StatefulSet): readonly FieldError[] {
  const errors: Errors = [];
  const management = spec?.podManagementPolicy;
  if (isEmpty(management)) errors.push(required(SPEC.child('podManagementPolicy')));
  else if (management !== 'OrderedReady' && management !== 'Parallel')
    errors.push(invalid(SPEC.child('podManagementPolicy'), management, "must be 'OrderedReady' or 'Parallel'"));
  errors.push(...validateUpdateStrategy(spec?.updateStrategy), ...validateRetention(spec?.persistentVolumeClaimRetentionPolicy));
  checkCounts(errors, { ...spec }, 'replicas', 'minReadySeconds');
  if (spec?.ordinals !== undefined) checkNonNegative(errors, SPEC.child('ordinals', 'start'), spec.ordinals.start);
  checkSelector(errors, spec?.selector, 'statefulset');
  checkTemplateOfStatefulSet(errors, spec?.template, spec?.selector);
  errors.push(...validateClaims(spec));
  if (!isEmpty(spec?.serviceName)) addFaults(errors, SPEC.child('serviceName'), spec?.serviceName, dns1123LabelFaults(spec?.serviceName ?? ''));
  return errors;
}

function validateUpdateStrategy(strategy: apps.StatefulSetUpdateStrategy | undefined): Errors {
  const errors: Errors = [];
  const path = SPEC.child('updateStrategy');
  const rolling = strategy?.rollingUpdate;
  if (isEmpty(strategy?.type)) errors.push(required(path));
  else if (strategy?.type === 'OnDelete') {
    if (rolling !== undefined) errors.push(invalid(path.child('rollingUpdate'), null, "only allowed for updateStrategy 'RollingUpdate'"));
  } else if (strategy?.type === 'RollingUpdate') {
    checkNonNegative(errors, path.child('rollingUpdate', 'partition'), rolling?.partition);
    const most = rolling?.maxUnavailable;
    checkCountOrPercent(errors, path.child('rollingUpdate', 'maxUnavailable'), most);
    if (most !== undefined && isNone(most)) errors.push(invalid(path.child('rollingUpdate', 'maxUnavailable'), most, 'cannot be 0'));
  } else {
    errors.push(invalid(path, strategy?.type ?? '', "must be 'RollingUpdate' or 'OnDelete'"));
  }
  return errors;
}

function validateRetention(policy: apps.StatefulSetPersistentVolumeClaimRetentionPolicy | undefined): Errors {
  const errors: Errors = [];
  for (const field of ['whenDeleted', 'whenScaled'] as const) {
    const value = policy?.[field];
    if (value !== undefined && !RETENTION.includes(value))
      errors.push(notSupported(SPEC.child('persistentVolumeClaimRetentionPolicy', field), value, RETENTION));
  }
  return errors;
}

function validateClaims(spec: apps.StatefulSetSpec | undefined): Errors {
  const errors: Errors = [];
  for (const [i, claim] of (spec?.volumeClaimTemplates ?? []).entries()) {
    const at = SPEC.child('volumeClaimTemplates').index(i);
    const name = claim.metadata?.name;
    if (isEmpty(name)) errors.push(required(at.child('metadata', 'name')));
    else addFaults(errors, at.child('metadata', 'name'), name, dns1123LabelFaults(name));
    errors.push(...validateClaimSpec(claim.spec, at.child('spec')));
  }
  return errors;
}

const MUTABLE = ['replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy', 'minReadySeconds'];
const IMMUTABLE_SPEC =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

export function validateStatefulSetUpdate(set: apps.StatefulSet, old: apps.StatefulSet): readonly FieldError[] {
  const errors: Errors = [...validateStatefulSet(set)];
  const fixed = (spec: apps.StatefulSetSpec | undefined): object =>
    Object.fromEntries(Object.entries(spec ?? {}).filter(([field]) => !MUTABLE.includes(field)));
  if (!semanticEqual(fixed(set.spec), fixed(old.spec))) errors.push(forbidden(SPEC, IMMUTABLE_SPEC));
  return errors;
}

export const validateStatefulSetStatus = ({ status }: apps.StatefulSet): readonly FieldError[] =>
  validateCounts(
    status,
    ['replicas', 'readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas', 'observedGeneration', 'collisionCount'],
    [
      ['readyReplicas', 'replicas'],
      ['currentReplicas', 'replicas'],
      ['updatedReplicas', 'replicas'],
      ['availableReplicas', 'replicas'],
      ['availableReplicas', 'readyReplicas'],
    ],
  );
