import { type FieldError, type FieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { validateLabels } from '../../machinery/labels.ts';
import { validateAnnotations } from '../../machinery/metadata.ts';
import { dns1123LabelFaults } from '../../machinery/names.ts';
import { addFaults, asJson, checkNonNegative, type Errors, isEmpty, selectorJson } from '../checks.ts';
import { validateClaimSpec } from '../core/persistent-volume-claim.validation.ts';
import { validateLongRunning, validateTemplate } from '../core/pod-template.validation.ts';
import { semanticEqual } from '../equal.ts';
import type * as apps from '../gen/types/apps.v1.ts';
import {
  checkCountOrPercent,
  checkCounts,
  checkNotMoreThanAll,
  checkSelector,
  isNone,
  isUnreadable,
  labelErrors,
  SPEC,
  validateCounts,
} from './workload.validation.ts';

const RETENTION = ['Retain', 'Delete'];

/** What is not looked at again: what an update can't change, or what was wrong already. */
interface Skipped {
  readonly fixed?: boolean;
  readonly template?: boolean;
}

export const validateStatefulSet = ({ spec }: apps.StatefulSet): readonly FieldError[] => validateSpec(spec, {});

function validateSpec(spec: apps.StatefulSetSpec | undefined, skipped: Skipped): Errors {
  const errors: Errors = [];
  const management = spec?.podManagementPolicy;
  if (isEmpty(management)) errors.push(required(SPEC.child('podManagementPolicy')));
  else if (management !== 'OrderedReady' && management !== 'Parallel')
    errors.push(invalid(SPEC.child('podManagementPolicy'), management, "must be 'OrderedReady' or 'Parallel'"));
  errors.push(...validateUpdateStrategy(spec?.updateStrategy), ...validateRetention(spec?.persistentVolumeClaimRetentionPolicy));
  if (skipped.fixed !== true)
    for (const [i, claim] of (spec?.volumeClaimTemplates ?? []).entries())
      errors.push(...validateClaimSpec(claim.spec, SPEC.child('volumeClaimTemplates').index(i).child('spec')));
  checkCounts(errors, { ...spec }, 'replicas', 'minReadySeconds');
  if (spec?.ordinals !== undefined) checkNonNegative(errors, SPEC.child('ordinals', 'start'), spec.ordinals.start);
  checkSelector(errors, spec?.selector, 'statefulset');
  const path = SPEC.child('template');
  if (isUnreadable(spec?.selector)) errors.push(invalid(SPEC.child('selector'), selectorJson(spec?.selector), ''));
  else errors.push(...labelErrors(spec?.template, spec?.selector), ...templateErrors(spec, path, skipped));
  errors.push(...validateLongRunning(spec?.template, path, 'StatefulSet'));
  if (skipped.fixed !== true && !isEmpty(spec?.serviceName))
    addFaults(errors, SPEC.child('serviceName'), spec?.serviceName, dns1123LabelFaults(spec?.serviceName ?? ''));
  return errors;
}

/** The pods' claims are volumes too, and take the place of the template's volumes of the same name. */
function templateErrors(spec: apps.StatefulSetSpec | undefined, path: FieldPath, skipped: Skipped): Errors {
  const template = spec?.template;
  if (skipped.template === true)
    return [
      ...validateLabels(template?.metadata?.labels, path.child('labels')),
      ...validateAnnotations(template?.metadata?.annotations, path.child('annotations')),
    ];
  if (template?.spec === undefined) return validateTemplate(template, path);
  const claims = new Set((spec?.volumeClaimTemplates ?? []).map(({ metadata }) => metadata?.name ?? ''));
  const volumes = [
    ...[...claims].map((name) => ({ name, persistentVolumeClaim: { claimName: name, readOnly: false } })),
    ...(template.spec.volumes ?? []).filter(({ name }) => !claims.has(name)),
  ];
  return validateTemplate({ ...template, spec: { ...template.spec, volumes } }, path);
}

function validateUpdateStrategy(strategy: apps.StatefulSetUpdateStrategy | undefined): Errors {
  const errors: Errors = [];
  const path = SPEC.child('updateStrategy');
  const rolling = strategy?.rollingUpdate;
  if (isEmpty(strategy?.type)) errors.push(required(path));
  else if (strategy?.type === 'OnDelete') {
    if (rolling !== undefined) errors.push(invalid(path.child('rollingUpdate'), asJson(rolling), "only allowed for updateStrategy 'RollingUpdate'"));
  } else if (strategy?.type === 'RollingUpdate') {
    checkNonNegative(errors, path.child('rollingUpdate', 'partition'), rolling?.partition);
    const most = rolling?.maxUnavailable;
    checkCountOrPercent(errors, path.child('rollingUpdate', 'maxUnavailable'), most);
    if (most !== undefined && isNone(most)) errors.push(invalid(path.child('rollingUpdate', 'maxUnavailable'), most, 'cannot be 0'));
    checkNotMoreThanAll(errors, path.child('rollingUpdate', 'maxUnavailable'), most);
  } else {
    errors.push(invalid(path, asJson(strategy), "must be 'RollingUpdate' or 'OnDelete'"));
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

const MUTABLE = ['replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy', 'minReadySeconds'];
const IMMUTABLE_SPEC =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

export function validateStatefulSetUpdate(set: apps.StatefulSet, old: apps.StatefulSet): readonly FieldError[] {
  const template = validateSpec(old.spec, { fixed: true }).length > 0;
  const errors: Errors = validateSpec(set.spec, { fixed: true, template });
  const fixed = (spec: apps.StatefulSetSpec | undefined): object =>
    Object.fromEntries(Object.entries(spec ?? {}).filter(([field]) => !MUTABLE.includes(field)));
  if (!semanticEqual(fixed(set.spec), fixed(old.spec))) errors.push(forbidden(SPEC, IMMUTABLE_SPEC));
  return errors;
}

export const validateStatefulSetStatus = ({ status }: apps.StatefulSet, old: apps.StatefulSet): readonly FieldError[] =>
  validateCounts(
    status,
    old.status,
    ['replicas', 'readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas', 'observedGeneration', 'collisionCount'],
    [
      ['readyReplicas', 'status.replicas'],
      ['currentReplicas', 'status.replicas'],
      ['updatedReplicas', 'status.replicas'],
      ['availableReplicas', 'status.replicas'],
      ['availableReplicas', 'status.readyReplicas'],
    ],
  );
