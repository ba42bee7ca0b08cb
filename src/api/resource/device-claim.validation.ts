import { type FieldPath, invalid, notSupported, required, tooLong } from '../../machinery/field-error.ts';
import { dns1123SubdomainFaults } from '../../machinery/names.ts';
import { checkName, type Errors, isEmpty } from '../checks.ts';
import { checkDriverName } from '../core/remote-volume.validation.ts';
import type * as v1 from '../gen/types/resource.v1.ts';
import { fullNameErrors, labelErrors, rawErrors, tolerationErrors, validateEach, validateSet } from './device-names.validation.ts';

const MAX_REQUESTS = 32;
const MAX_SELECTORS = 32;
const MAX_ALTERNATIVES = 8;
const MAX_CONSTRAINTS = 32;
const MAX_CONFIGURATIONS = 32;
const MAX_EXPRESSION = 10 * 1024;
const MAX_PARAMETER_BYTES = 10 * 1024;
const MODES = ['All', 'ExactCount'];
const REFERENCE_FAULT = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

export function validateDeviceClaim(devices: v1.DeviceClaim | undefined, path: FieldPath): Errors {
  const names = requestNames(devices);
  return [
    ...validateSet(devices?.requests, MAX_REQUESTS, path.child('requests'), validateRequest, ({ name }) => name),
    ...validateEach(devices?.constraints, MAX_CONSTRAINTS, path.child('constraints'), (constraint, at) => [
      ...validateReferences(constraint.requests, names, at.child('requests')),
      ...attributeErrors(constraint, at),
    ]),
    ...validateEach(devices?.config, MAX_CONFIGURATIONS, path.child('config'), (config, at) => [
      ...validateReferences(config.requests, names, at.child('requests')),
      ...configurationErrors(config, at),
    ]),
  ];
}

function validateRequest({ name, exactly, firstAvailable }: v1.DeviceRequest, path: FieldPath): Errors {
  const errors: Errors = [...labelErrors(name ?? '', path.child('name'))];
  const alternatives = firstAvailable ?? [];
  const oneOf = 'exactly one of `exactly` or `firstAvailable` is required';
  if (exactly !== undefined && alternatives.length > 0) return [...errors, invalid(path, null, `${oneOf}, but multiple fields are set`)];
  if (exactly !== undefined) return [...errors, ...validateDetails(exactly, path.child('exactly'))];
  if (alternatives.length === 0) return [...errors, required(path, oneOf)];
  return [...errors, ...validateSet(alternatives, MAX_ALTERNATIVES, path.child('firstAvailable'), validateAlternative, (a) => a.name)];
}

function validateAlternative(alternative: v1.DeviceSubRequest, path: FieldPath): Errors {
  return [...labelErrors(alternative.name ?? '', path.child('name')), ...validateDetails(alternative, path)];
}

function validateDetails(
  { deviceClassName, selectors, allocationMode, count = 0, tolerations }: v1.ExactDeviceRequest | v1.DeviceSubRequest,
  path: FieldPath,
): Errors {
  const errors: Errors = [];
  checkName(errors, path.child('deviceClassName'), deviceClassName, dns1123SubdomainFaults);
  errors.push(...validateSelectors(selectors, path.child('selectors')));
  if (allocationMode === 'ExactCount') {
    if (count <= 0) errors.push(invalid(path.child('count'), count, 'must be greater than zero'));
  } else if (allocationMode === 'All') {
    if (count !== 0) errors.push(invalid(path.child('count'), count, "must not be specified when allocationMode is 'All'"));
  } else {
    errors.push(notSupported(path.child('allocationMode'), allocationMode ?? '', MODES));
  }
  for (const [i, toleration] of (tolerations ?? []).entries()) errors.push(...tolerationErrors(toleration, path.child('tolerations').index(i)));
  return errors;
}

export function validateSelectors(selectors: readonly v1.DeviceSelector[] | undefined, path: FieldPath): Errors {
  return validateEach(selectors, MAX_SELECTORS, path, ({ cel }, at) => {
    if (cel === undefined) return [required(at.child('cel'))];
    if (isEmpty(cel.expression)) return [required(at.child('cel', 'expression'))];
    return cel.expression.length > MAX_EXPRESSION ? [tooLong(at.child('cel', 'expression'), MAX_EXPRESSION)] : [];
  });
}

/** What constraints, configurations and allocations may name: requests, and their alternatives as `request/alternative`. */
export function requestNames(devices: v1.DeviceClaim | undefined): ReadonlySet<string> {
  return new Set(
    (devices?.requests ?? []).flatMap(({ name, firstAvailable }) => [name, ...(firstAvailable ?? []).map((alternative) => `${name}/${alternative.name}`)]),
  );
}

export function validateReferences(names: readonly string[] | undefined, known: ReadonlySet<string>, path: FieldPath): Errors {
  return validateSet(
    names,
    MAX_REQUESTS,
    path,
    (name, at) => referenceErrors(name, known, at),
    (name) => name,
  );
}

export function referenceErrors(name: string, known: ReadonlySet<string>, path: FieldPath): Errors {
  const segments = name.split('/');
  if (segments.length > 2) return [invalid(path, name, REFERENCE_FAULT)];
  const errors = segments.flatMap((segment) => labelErrors(segment, path));
  return known.has(name) ? errors : [...errors, invalid(path, name, REFERENCE_FAULT)];
}

function attributeErrors({ matchAttribute, distinctAttribute }: v1.DeviceConstraint, path: FieldPath): Errors {
  if (matchAttribute !== undefined) return fullNameErrors(matchAttribute, path.child('matchAttribute'));
  if (distinctAttribute !== undefined) return fullNameErrors(distinctAttribute, path.child('distinctAttribute'));
  return [required(path, 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set')];
}

/** Of a class. Parameters that are stored may be longer than new ones. */
export function validateClassConfigurations(config: readonly v1.DeviceClassConfiguration[] | undefined, stored: boolean, path: FieldPath): Errors {
  const most = stored ? Number.POSITIVE_INFINITY : MAX_PARAMETER_BYTES;
  return validateEach(config, MAX_CONFIGURATIONS, path, (each, at) => configurationErrors(each, at, most));
}

export function configurationErrors({ opaque }: v1.DeviceClassConfiguration, path: FieldPath, mostBytes = MAX_PARAMETER_BYTES): Errors {
  const at = path.child('opaque');
  if (opaque === undefined) return [required(at)];
  return [...checkDriverName(opaque.driver, at.child('driver')), ...rawErrors(opaque.parameters, mostBytes, at.child('parameters'))];
}
