import { FieldPath, type FieldError, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { validateLabelSelector } from '../../machinery/labels.ts';
import { dns1123SubdomainFaults, qualifiedNameFaults } from '../../machinery/names.ts';
import { compareQuantities } from '../../machinery/quantity.ts';
import { getOwn } from '../../machinery/record.ts';
import { addFaults, type Errors, IMMUTABLE, isEmpty, POSITIVE, root } from '../checks.ts';
import { semanticEqual } from '../equal.ts';
import type * as core from '../gen/types/core.v1.ts';
import { checkAccessModes } from './remote-volume.validation.ts';
import { quantityOf } from './resources.validation.ts';

const VOLUME_MODES = ['Block', 'Filesystem'];
const POSITIVE_AMOUNT = 'must be greater than zero';

export function validateClaimSpec(spec: core.PersistentVolumeClaimSpec | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  if ((spec?.accessModes ?? []).length === 0) errors.push(required(path.child('accessModes'), 'at least 1 access mode is required'));
  if (spec?.selector !== undefined) errors.push(...validateLabelSelector(spec.selector, path.child('selector')));
  checkAccessModes(errors, spec?.accessModes, path.child('accessModes'));
  const size = getOwn(spec?.resources?.requests, 'storage');
  const sizePath = path.child('resources').key('storage');
  if (size === undefined) errors.push(required(sizePath));
  else if (quantityOf(size).nanos <= 0n) errors.push(invalid(sizePath, size, POSITIVE_AMOUNT));
  checkClassName(errors, path.child('storageClassName'), spec?.storageClassName);
  if (spec?.volumeMode !== undefined && !VOLUME_MODES.includes(spec.volumeMode))
    errors.push(notSupported(path.child('volumeMode'), spec.volumeMode, VOLUME_MODES));
  if (spec?.dataSource !== undefined) checkDataSource(errors, spec.dataSource, path.child('dataSource'));
  if (spec?.dataSourceRef !== undefined) checkDataSource(errors, spec.dataSourceRef, path.child('dataSourceRef'));
  if (spec?.dataSource !== undefined && spec.dataSourceRef !== undefined && !sameSource(spec.dataSource, spec.dataSourceRef)) {
    errors.push(invalid(path, path.child('dataSource').toString(), 'must match dataSourceRef'));
  }
  checkClassName(errors, path.child('volumeAttributesClassName'), spec?.volumeAttributesClassName);
  return errors;
}

export function checkClassName(errors: Errors, path: FieldPath, name: string | undefined): void {
  if (!isEmpty(name)) addFaults(errors, path, name, dns1123SubdomainFaults(name));
}

function checkDataSource(errors: Errors, { apiGroup, kind, name }: core.TypedLocalObjectReference, path: FieldPath): void {
  if (isEmpty(name)) errors.push(required(path.child('name')));
  if (isEmpty(kind)) errors.push(required(path.child('kind')));
  if (isEmpty(apiGroup) && kind !== 'PersistentVolumeClaim')
    errors.push(invalid(path, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup"));
  if (!isEmpty(apiGroup)) addFaults(errors, path.child('apiGroup'), apiGroup, dns1123SubdomainFaults(apiGroup));
}

function sameSource(a: core.TypedLocalObjectReference, b: core.TypedObjectReference): boolean {
  return (a.apiGroup ?? '') === (b.apiGroup ?? '') && a.kind === b.kind && a.name === b.name && isEmpty(b.namespace);
}

export const validateClaim = ({ spec }: core.PersistentVolumeClaim): readonly FieldError[] => validateClaimSpec(spec, root('spec'));

const IMMUTABLE_SPEC = 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';

/** Binding fills in volumeName; a bound claim may ask for more, and for less while an expansion has not yet happened. */
export function validateClaimUpdate(claim: core.PersistentVolumeClaim, old: core.PersistentVolumeClaim): readonly FieldError[] {
  const errors: Errors = [...validateClaim(claim)];
  const path = root('spec');
  if (!semanticEqual(comparable(claim, old), comparable(old, old))) errors.push(forbidden(path, IMMUTABLE_SPEC));
  const [size, before] = [requested(claim), requested(old)];
  if (compareQuantities(size, before) < 0 && compareQuantities(size, quantityOf(getOwn(old.status?.capacity, 'storage'))) <= 0) {
    errors.push(forbidden(path.child('resources', 'requests').child('storage'), 'field can not be less than status.capacity'));
  }
  if (!semanticEqual(claim.spec?.volumeMode, old.spec?.volumeMode)) errors.push(invalid(path.child('volumeMode'), claim.spec?.volumeMode, IMMUTABLE));
  if (!isEmpty(old.spec?.volumeAttributesClassName) && isEmpty(claim.spec?.volumeAttributesClassName)) {
    errors.push(forbidden(path.child('volumeAttributesClassName'), 'update from non-nil value to nil is forbidden'));
  }
  return errors;
}

const requested = ({ spec }: core.PersistentVolumeClaim) => quantityOf(getOwn(spec?.resources?.requests, 'storage'));

/** The spec without what may change now. */
function comparable({ spec, metadata }: core.PersistentVolumeClaim, old: core.PersistentVolumeClaim): object {
  const { resources, volumeName, volumeAttributesClassName, storageClassName, ...rest } = spec ?? {};
  const bound = old.status?.phase === 'Bound';
  // A claim that named no class may still be given one, as long as it is not bound.
  const classMayBeSet = old.spec?.storageClassName === undefined && isEmpty(old.spec?.volumeName);
  return {
    ...rest,
    ...(classMayBeSet ? {} : { storageClassName: storageClassName ?? metadata?.annotations?.['volume.beta.kubernetes.io/storage-class'] }),
    resources: bound ? { ...resources, requests: { ...resources?.requests, storage: '' } } : resources,
    ...(isEmpty(old.spec?.volumeName) ? {} : { volumeName }),
    ...(bound ? {} : { volumeAttributesClassName }),
  };
}

export function validateClaimStatusUpdate({ status }: core.PersistentVolumeClaim): readonly FieldError[] {
  const errors: Errors = [];
  const path = new FieldPath('status');
  for (const [name, amount] of Object.entries(status?.capacity ?? {})) {
    addFaults(errors, path.child('capacity'), name, qualifiedNameFaults(name));
    if (quantityOf(amount).nanos < 0n) errors.push(invalid(path.child('capacity').key(name), amount, POSITIVE));
  }
  return errors;
}
