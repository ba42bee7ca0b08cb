import { type FieldError, type FieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { validateLabels, validateLabelSelector } from '../../machinery/labels.ts';
import { validateAnnotations } from '../../machinery/metadata.ts';
import { dns1123LabelFaults, dns1123SubdomainFaults, qualifiedNameFaults } from '../../machinery/names.ts';
import { compareQuantities } from '../../machinery/quantity.ts';
import { getOwn } from '../../machinery/record.ts';
import { addFaults, asJson, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import { semanticEqual } from '../equal.ts';
import type * as core from '../gen/types/core.v1.ts';
import { checkAccessModes } from './remote-volume.validation.ts';
import { checkAmount, checkCapacity, isNative, quantityOf } from './resources.validation.ts';

const SPEC = root('spec');
const VOLUME_MODES = ['Block', 'Filesystem'];
const POSITIVE_AMOUNT = 'must be greater than zero';
/** The class of a claim or a volume before the field was (1.6). */
const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

type Claim = core.PersistentVolumeClaim;
type ClaimSpec = core.PersistentVolumeClaimSpec;

/** `old`: the spec that is replaced; what it was wrong in may stay so. */
export function validateClaimSpec(spec: ClaimSpec | undefined, path: FieldPath, old?: ClaimSpec): Errors {
  const errors: Errors = [];
  if ((spec?.accessModes ?? []).length === 0) errors.push(required(path.child('accessModes'), 'at least 1 access mode is required'));
  const hadBadSelector = validateLabelSelector(old?.selector, path).length > 0;
  if (spec?.selector !== undefined && !hadBadSelector) errors.push(...validateLabelSelector(spec.selector, path.child('selector')));
  checkAccessModes(errors, spec?.accessModes, path.child('accessModes'));
  const size = getOwn(spec?.resources?.requests, 'storage');
  const sizePath = path.child('resources').key('storage');
  if (size === undefined) errors.push(required(sizePath));
  else if (quantityOf(size).nanos <= 0n) errors.push(invalid(sizePath, size, POSITIVE_AMOUNT));
  checkClassName(errors, path.child('storageClassName'), spec?.storageClassName);
  if (spec?.volumeMode !== undefined && !VOLUME_MODES.includes(spec.volumeMode))
    errors.push(notSupported(path.child('volumeMode'), spec.volumeMode, VOLUME_MODES));
  errors.push(...validateDataSources(spec, path, old));
  checkClassName(errors, path.child('volumeAttributesClassName'), spec?.volumeAttributesClassName);
  return errors;
}

export function checkClassName(errors: Errors, path: FieldPath, name: string | undefined): void {
  if (!isEmpty(name)) addFaults(errors, path, name, dns1123SubdomainFaults(name));
}

function validateDataSources(spec: ClaimSpec | undefined, path: FieldPath, old: ClaimSpec | undefined): Errors {
  const errors: Errors = [];
  const { dataSource, dataSourceRef } = spec ?? {};
  const anyGroup = old?.dataSource?.apiGroup !== undefined || old?.dataSourceRef?.apiGroup !== undefined;
  if (dataSource !== undefined) checkDataSource(errors, dataSource, path.child('dataSource'), anyGroup);
  if (dataSourceRef !== undefined) checkDataSource(errors, dataSourceRef, path.child('dataSourceRef'), anyGroup);
  const namespace = dataSourceRef?.namespace;
  if (!isEmpty(namespace)) {
    addFaults(errors, path.child('dataSourceRef', 'namespace'), namespace, dns1123LabelFaults(namespace));
    if (dataSource !== undefined)
      errors.push(invalid(path, path.child('dataSource').toString(), 'may not be specified when dataSourceRef.namespace is specified'));
  } else if (dataSource !== undefined && dataSourceRef !== undefined && !sameSource(dataSource, dataSourceRef)) {
    errors.push(invalid(path, path.child('dataSource').toString(), 'must match dataSourceRef'));
  }
  return errors;
}

function checkDataSource(errors: Errors, { apiGroup, kind, name }: core.TypedLocalObjectReference, path: FieldPath, anyGroup: boolean): void {
  if (isEmpty(name)) errors.push(required(path.child('name')));
  if (isEmpty(kind)) errors.push(required(path.child('kind')));
  if (isEmpty(apiGroup) && kind !== 'PersistentVolumeClaim')
    errors.push(invalid(path, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup"));
  if (!isEmpty(apiGroup) && !anyGroup) addFaults(errors, path.child('apiGroup'), apiGroup, dns1123SubdomainFaults(apiGroup));
}

function sameSource(a: core.TypedLocalObjectReference, b: core.TypedObjectReference): boolean {
  return (a.apiGroup ?? '') === (b.apiGroup ?? '') && a.kind === b.kind && a.name === b.name;
}

/** Of an ephemeral volume: of its metadata, labels and annotations are used. */
export function validateClaimTemplate({ metadata, spec }: core.PersistentVolumeClaimTemplate, path: FieldPath): Errors {
  const { annotations, labels, ...others } = metadata ?? {};
  const at = path.child('metadata');
  const set = Object.entries(others).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return [
    ...validateAnnotations(annotations, at.child('annotations')),
    ...validateLabels(labels, at.child('labels')),
    ...set.map(([field]) => forbidden(at.child(field), 'cannot be set')),
    ...validateClaimSpec(spec, path.child('spec')),
  ];
}

export const validateClaim = ({ spec }: Claim): readonly FieldError[] => validateClaimSpec(spec, SPEC);

const IMMUTABLE_SPEC = 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';

/** Binding fills in volumeName; a bound claim may ask for more, and for less while an expansion has not yet happened. */
export function validateClaimUpdate(claim: Claim, old: Claim): readonly FieldError[] {
  const errors: Errors = validateClaimSpec(claim.spec, SPEC, old.spec);
  const [annotation, oldAnnotation] = [classAnnotation(claim), classAnnotation(old)];
  if (!namesAnnotatedClass(claim, old) && (annotation ?? '') !== (oldAnnotation ?? ''))
    errors.push(invalid(root('metadata').child('annotations', CLASS_ANNOTATION), annotation ?? '', IMMUTABLE));
  if (!semanticEqual(comparable(claim, old), comparable(old, old))) errors.push(forbidden(SPEC, IMMUTABLE_SPEC));
  const [size, before] = [requested(claim), requested(old)];
  if (compareQuantities(size, before) < 0 && compareQuantities(size, quantityOf(getOwn(old.status?.capacity, 'storage'))) <= 0) {
    errors.push(forbidden(SPEC.child('resources', 'requests').child('storage'), 'field can not be less than status.capacity'));
  }
  if (claim.spec?.volumeMode !== old.spec?.volumeMode) errors.push(invalid(root('volumeMode'), claim.spec?.volumeMode, IMMUTABLE));
  const [attributes, oldAttributes] = [claim.spec?.volumeAttributesClassName, old.spec?.volumeAttributesClassName];
  if (old.status?.currentVolumeAttributesClassName !== undefined && attributes !== oldAttributes && isEmpty(attributes)) {
    const nothing = attributes === undefined ? 'nil' : 'empty string';
    errors.push(
      forbidden(SPEC.child('volumeAttributesClassName'), `update to ${nothing} is forbidden when status.currentVolumeAttributesClassName is not nil`),
    );
  }
  return errors;
}

const requested = ({ spec }: Claim) => quantityOf(getOwn(spec?.resources?.requests, 'storage'));
const classAnnotation = ({ metadata }: Claim): string | undefined => getOwn(metadata?.annotations, CLASS_ANNOTATION);

/** A claim whose class stood in the annotation may give it in the field, with or without the annotation. */
function namesAnnotatedClass(claim: Claim, old: Claim): boolean {
  const before = classAnnotation(old);
  return (
    before !== undefined &&
    old.spec?.storageClassName === undefined &&
    claim.spec?.storageClassName === before &&
    [undefined, before].includes(classAnnotation(claim))
  );
}

/** The spec without what may change now. */
function comparable({ spec }: Claim, old: Claim): object {
  const { resources, volumeName, volumeAttributesClassName, storageClassName, ...rest } = spec ?? {};
  const bound = old.status?.phase === 'Bound';
  // A claim that named no class may still be given one, retroactively.
  const oldClass = classAnnotation(old);
  const classMayBeSet = old.spec?.storageClassName === undefined && storageClassName !== undefined && (oldClass === undefined || oldClass === storageClassName);
  return {
    ...rest,
    ...(classMayBeSet ? {} : { storageClassName }),
    resources: bound ? { ...resources, requests: { ...resources?.requests, storage: '' } } : resources,
    ...(isEmpty(old.spec?.volumeName) ? {} : { volumeName }),
    volumeAttributesClassName: bound ? old.spec?.volumeAttributesClassName : volumeAttributesClassName,
  };
}

const RESIZE_STATES = ['ControllerResizeInProgress', 'ControllerResizeInfeasible', 'NodeResizeInProgress', 'NodeResizeInfeasible', 'NodeResizePending'];

export function validateClaimStatusUpdate({ spec, status }: Claim): readonly FieldError[] {
  const errors: Errors = [];
  const path = root('status');
  // The path is the one that Kubernetes gives.
  if ((spec?.accessModes ?? []).length === 0) errors.push(required(root('Spec').child('accessModes')));
  for (const [name, amount] of Object.entries(status?.capacity ?? {})) checkCapacity(errors, path.child('capacity').key(name), amount);
  const states = path.child('allocatedResourceStatuses');
  for (const [name, state] of Object.entries(status?.allocatedResourceStatuses ?? {})) {
    errors.push(...resourceKeyErrors(name, states));
    if (!RESIZE_STATES.includes(state)) errors.push(notSupported(states, name, RESIZE_STATES));
  }
  const allocated = path.child('allocatedResources');
  for (const [name, amount] of Object.entries(status?.allocatedResources ?? {})) {
    const faults = resourceKeyErrors(name, allocated);
    if (faults.length === 0) checkCapacity(faults, allocated.key(name), amount);
    if (faults.length === 0) checkAmount(faults, allocated.key(name), 'storage', amount);
    errors.push(...faults);
  }
  return errors;
}

/** Storage, and what others name in a domain of their own. */
function resourceKeyErrors(name: string, path: FieldPath): Errors {
  const faults = qualifiedNameFaults(name);
  if (faults.length > 0) return faults.map((fault) => invalid(path, name, fault));
  return isNative(name) && name !== 'storage' ? [notSupported(path, asJson(name), ['storage'])] : [];
}
