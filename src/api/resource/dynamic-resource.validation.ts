import { duplicate, type FieldError, type FieldPath, invalid, notSupported, required, tooMany } from '../../machinery/field-error.ts';
import { dns1123LabelFaults, dns1123SubdomainFaults } from '../../machinery/names.ts';
import { addFaults, asJson, checkName, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import { checkDriverName } from '../core/remote-volume.validation.ts';
import { semanticEqual } from '../equal.ts';
import type * as v1 from '../gen/types/resource.v1.ts';

const MAX_REQUESTS = 32;
const MAX_SELECTORS = 32;
const MAX_DEVICES = 128;
const MODES = ['All', 'ExactCount'];

export const validateClaim = ({ spec }: v1.ResourceClaim): readonly FieldError[] => validateClaimSpec(spec, root('spec'));
export const validateClaimTemplate = ({ spec }: v1.ResourceClaimTemplate): readonly FieldError[] => validateClaimSpec(spec.spec, root('spec').child('spec'));

export function validateClaimUpdate(claim: v1.ResourceClaim, old: v1.ResourceClaim): readonly FieldError[] {
  return semanticEqual(claim.spec, old.spec) ? [] : [...validateClaim(claim), invalid(root('spec'), asJson(claim.spec), IMMUTABLE)];
}

export function validateClaimTemplateUpdate(template: v1.ResourceClaimTemplate, old: v1.ResourceClaimTemplate): readonly FieldError[] {
  return semanticEqual(template.spec, old.spec) ? [] : [...validateClaimTemplate(template), invalid(root('spec'), asJson(template.spec), IMMUTABLE)];
}

function validateClaimSpec(spec: v1.ResourceClaimSpec | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  const requests = spec?.devices?.requests ?? [];
  const at = path.child('devices', 'requests');
  if (requests.length > MAX_REQUESTS) errors.push(tooMany(at, requests.length, MAX_REQUESTS));
  const names = new Set<string>();
  for (const [i, request] of requests.entries()) {
    errors.push(...validateRequest(request, at.index(i)));
    if (names.has(request.name)) errors.push(duplicate(at.index(i).child('name'), request.name));
    names.add(request.name);
  }
  return errors;
}

function validateRequest({ name, exactly, firstAvailable }: v1.DeviceRequest, path: FieldPath): Errors {
  const errors: Errors = [];
  checkName(errors, path.child('name'), name, dns1123LabelFaults);
  const alternatives = firstAvailable ?? [];
  if (exactly === undefined && alternatives.length === 0) errors.push(required(path, 'exactly one of `exactly` or `firstAvailable` is required'));
  else if (exactly !== undefined && alternatives.length > 0)
    errors.push(invalid(path, null, 'exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set'));
  if (exactly !== undefined) errors.push(...validateDetails(exactly, path.child('exactly')));
  for (const [i, alternative] of alternatives.entries()) {
    const at = path.child('firstAvailable').index(i);
    checkName(errors, at.child('name'), alternative.name, dns1123LabelFaults);
    errors.push(...validateDetails(alternative, at));
  }
  return errors;
}

function validateDetails({ deviceClassName, selectors, allocationMode, count }: v1.ExactDeviceRequest | v1.DeviceSubRequest, path: FieldPath): Errors {
  const errors: Errors = [];
  checkName(errors, path.child('deviceClassName'), deviceClassName, dns1123SubdomainFaults);
  errors.push(...validateSelectors(selectors, path.child('selectors')));
  if (allocationMode === 'ExactCount') {
    if ((count ?? 0) <= 0) errors.push(invalid(path.child('count'), count ?? 0, 'must be greater than zero'));
  } else if (allocationMode === 'All') {
    if ((count ?? 0) !== 0) errors.push(invalid(path.child('count'), count ?? 0, "must not be specified when allocationMode is 'All'"));
  } else {
    errors.push(notSupported(path.child('allocationMode'), allocationMode ?? '', MODES));
  }
  return errors;
}

function validateSelectors(selectors: readonly v1.DeviceSelector[] | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  if ((selectors ?? []).length > MAX_SELECTORS) errors.push(tooMany(path, (selectors ?? []).length, MAX_SELECTORS));
  for (const [i, { cel }] of (selectors ?? []).entries()) {
    if (cel === undefined) errors.push(required(path.index(i).child('cel')));
    else if (isEmpty(cel.expression)) errors.push(required(path.index(i).child('cel', 'expression')));
  }
  return errors;
}

export const validateDeviceClass = ({ spec }: v1.DeviceClass): readonly FieldError[] => validateSelectors(spec.selectors, root('spec').child('selectors'));

export function validateSlice({ spec }: v1.ResourceSlice): readonly FieldError[] {
  const path = root('spec');
  const errors: Errors = checkDriverName(spec.driver, path.child('driver'));
  if (isEmpty(spec.pool?.name)) errors.push(required(path.child('pool', 'name')));
  if ((spec.pool?.resourceSliceCount ?? 0) <= 0)
    errors.push(invalid(path.child('pool', 'resourceSliceCount'), spec.pool?.resourceSliceCount ?? 0, 'must be greater than zero'));
  const places = [
    isEmpty(spec.nodeName) ? undefined : spec.nodeName,
    spec.nodeSelector,
    spec.allNodes === true ? true : undefined,
    spec.perDeviceNodeSelection === true ? true : undefined,
  ].filter((p) => p !== undefined);
  if (places.length === 0 && (spec.sharedCounters ?? []).length === 0)
    errors.push(required(path, 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required'));
  else if (places.length > 1)
    errors.push(
      invalid(path, null, 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set'),
    );
  const devices = spec.devices ?? [];
  if (devices.length > MAX_DEVICES) errors.push(tooMany(path.child('devices'), devices.length, MAX_DEVICES));
  const names = new Set<string>();
  for (const [i, { name }] of devices.entries()) {
    const at = path.child('devices').index(i).child('name');
    if (isEmpty(name)) errors.push(required(at));
    else addFaults(errors, at, name, dns1123LabelFaults(name));
    if (names.has(name)) errors.push(duplicate(at, name));
    names.add(name);
  }
  return errors;
}

export function validateSliceUpdate(slice: v1.ResourceSlice, old: v1.ResourceSlice): readonly FieldError[] {
  const errors: Errors = [...validateSlice(slice)];
  const path = root('spec');
  if (slice.spec.driver !== old.spec.driver) errors.push(invalid(path.child('driver'), slice.spec.driver, IMMUTABLE));
  if (slice.spec.pool?.name !== old.spec.pool?.name) errors.push(invalid(path.child('pool', 'name'), slice.spec.pool?.name ?? '', IMMUTABLE));
  if (slice.spec.nodeName !== old.spec.nodeName) errors.push(invalid(path.child('nodeName'), slice.spec.nodeName ?? '', IMMUTABLE));
  return errors;
}
