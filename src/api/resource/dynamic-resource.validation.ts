import { duplicate, type FieldError, type FieldPath, invalid, notSupported, required, tooLong, tooMany } from '../../machinery/field-error.ts';
import { dns1123LabelFaults, dns1123SubdomainFaults } from '../../machinery/names.ts';
import { addFaults, asJson, checkName, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import { checkDriverName } from '../core/remote-volume.validation.ts';
import { isExtendedResource } from '../core/resources.validation.ts';
import { semanticEqual } from '../equal.ts';
import type * as v1 from '../gen/types/resource.v1.ts';
import {
  deviceAttributeErrors,
  duplicateErrors,
  qualifiedErrors,
  tolerationErrors,
  validateClassConfigurations,
  validateConstraintsAndConfigurations,
  validateEach,
} from './device-claim.validation.ts';

const MAX_REQUESTS = 32;
const MAX_SELECTORS = 32;
const MAX_ALTERNATIVES = 8;
const MAX_EXPRESSION = 10 * 1024;
/** Attributes and capacities of a device. */
const MAX_SAID = 32;
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
  const requests = spec?.devices?.requests ?? [];
  const at = path.child('devices', 'requests');
  return [
    ...validateEach(requests, MAX_REQUESTS, at, validateRequest),
    ...duplicateErrors(
      requests.map(({ name }) => name),
      (i) => at.index(i).child('name'),
    ),
    ...validateConstraintsAndConfigurations(spec?.devices, path.child('devices')),
  ];
}

function validateRequest({ name, exactly, firstAvailable }: v1.DeviceRequest, path: FieldPath): Errors {
  const errors: Errors = [];
  checkName(errors, path.child('name'), name, dns1123LabelFaults);
  const alternatives = firstAvailable ?? [];
  if (exactly === undefined && alternatives.length === 0) errors.push(required(path, 'exactly one of `exactly` or `firstAvailable` is required'));
  else if (exactly !== undefined && alternatives.length > 0)
    errors.push(invalid(path, null, 'exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set'));
  if (exactly !== undefined) errors.push(...validateDetails(exactly, path.child('exactly')));
  const at = path.child('firstAvailable');
  return [
    ...errors,
    ...validateEach(alternatives, MAX_ALTERNATIVES, at, validateAlternative),
    ...duplicateErrors(
      alternatives.map((alternative) => alternative.name),
      (i) => at.index(i).child('name'),
    ),
  ];
}

function validateAlternative(alternative: v1.DeviceSubRequest, path: FieldPath): Errors {
  const errors: Errors = [];
  checkName(errors, path.child('name'), alternative.name, dns1123LabelFaults);
  return [...errors, ...validateDetails(alternative, path)];
}

function validateDetails(
  { deviceClassName, selectors, allocationMode, count, tolerations }: v1.ExactDeviceRequest | v1.DeviceSubRequest,
  path: FieldPath,
): Errors {
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
  for (const [i, toleration] of (tolerations ?? []).entries()) errors.push(...tolerationErrors(toleration, path.child('tolerations').index(i)));
  return errors;
}

function validateSelectors(selectors: readonly v1.DeviceSelector[] | undefined, path: FieldPath): Errors {
  return validateEach(selectors, MAX_SELECTORS, path, ({ cel }, at) => {
    if (cel === undefined) return [required(at.child('cel'))];
    if (isEmpty(cel.expression)) return [required(at.child('cel', 'expression'))];
    return cel.expression.length > MAX_EXPRESSION ? [tooLong(at.child('cel', 'expression'), MAX_EXPRESSION)] : [];
  });
}

export function validateDeviceClass({ spec }: v1.DeviceClass): readonly FieldError[] {
  const path = root('spec');
  const name = spec.extendedResourceName;
  const errors: Errors = [...validateSelectors(spec.selectors, path.child('selectors')), ...validateClassConfigurations(spec.config, path.child('config'))];
  if (name !== undefined && !isExtendedResource(name)) errors.push(invalid(path.child('extendedResourceName'), name, 'must be a valid extended resource name'));
  return errors;
}

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
  for (const [i, { name, attributes, capacity }] of devices.entries()) {
    const device = path.child('devices').index(i);
    const at = device.child('name');
    if (isEmpty(name)) errors.push(required(at));
    else addFaults(errors, at, name, dns1123LabelFaults(name));
    errors.push(...deviceAttributeErrors(attributes, device.child('attributes')));
    for (const key of Object.keys(capacity ?? {})) errors.push(...qualifiedErrors(key, device.child('capacity').key(key)));
    const said = Object.keys(attributes ?? {}).length + Object.keys(capacity ?? {}).length;
    if (said > MAX_SAID) errors.push(invalid(device, said, `the total number of attributes and capacities must not exceed ${MAX_SAID}`));
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
