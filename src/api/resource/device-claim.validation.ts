import { duplicate, type FieldError, type FieldPath, invalid, notSupported, required, tooLong, tooMany, typeInvalid } from '../../machinery/field-error.ts';
import { cIdentifierFaults, dns1123LabelFaults, labelValueFaults, qualifiedNameFaults } from '../../machinery/names.ts';
import type { Json } from '../../machinery/object.ts';
import { addFaults, asJson, checkSupported, type Errors, isEmpty } from '../checks.ts';
import { checkDriverName } from '../core/remote-volume.validation.ts';
import type * as v1 from '../gen/types/resource.v1.ts';

const MAX_REFERENCES = 32;
const MAX_CONSTRAINTS = 32;
const MAX_CONFIGURATIONS = 32;
const MAX_NAME_LENGTH = 32;
const MAX_PARAMETER_BYTES = 10 * 1024;
const REFERENCE_FAULT = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

/** Every item, then whether there are too many. */
export function validateEach<T>(
  items: readonly T[] | undefined,
  most: number,
  path: FieldPath,
  validate: (item: T, at: FieldPath) => readonly FieldError[],
): Errors {
  const errors: Errors = [];
  for (const [i, item] of (items ?? []).entries()) errors.push(...validate(item, path.index(i)));
  const count = (items ?? []).length;
  return count > most ? [...errors, tooMany(path, count, most)] : errors;
}

export function duplicateErrors(names: readonly string[], at: (index: number) => FieldPath): Errors {
  return names.flatMap((name, i) => (names.indexOf(name) === i ? [] : [duplicate(at(i), name)]));
}

/** What constraints and configurations of a claim may name: requests, and their alternatives as `request/alternative`. */
function namesOf(requests: readonly v1.DeviceRequest[]): ReadonlySet<string> {
  return new Set(requests.flatMap(({ name, firstAvailable }) => [name, ...(firstAvailable ?? []).map((alternative) => `${name}/${alternative.name}`)]));
}

export function validateConstraintsAndConfigurations(devices: v1.DeviceClaim | undefined, path: FieldPath): Errors {
  const known = namesOf(devices?.requests ?? []);
  const references = (names: readonly string[] | undefined, at: FieldPath): Errors => [
    ...validateEach(names, MAX_REFERENCES, at, (name, each) => referenceErrors(name, known, each)),
    ...duplicateErrors(names ?? [], (i) => at.index(i)),
  ];
  return [
    ...validateEach(devices?.constraints, MAX_CONSTRAINTS, path.child('constraints'), (constraint, at) => [
      ...references(constraint.requests, at.child('requests')),
      ...attributeErrors(constraint, at),
    ]),
    ...validateEach(devices?.config, MAX_CONFIGURATIONS, path.child('config'), ({ requests, opaque }, at) => [
      ...references(requests, at.child('requests')),
      ...opaqueErrors(opaque, at.child('opaque')),
    ]),
  ];
}

/** Of a class. */
export const validateClassConfigurations = (config: readonly v1.DeviceClassConfiguration[] | undefined, path: FieldPath): Errors =>
  validateEach(config, MAX_CONFIGURATIONS, path, ({ opaque }, at) => opaqueErrors(opaque, at.child('opaque')));

function referenceErrors(name: string, known: ReadonlySet<string>, path: FieldPath): Errors {
  const segments = name.split('/');
  const errors: Errors = [];
  if (segments.length > 2) return [invalid(path, name, REFERENCE_FAULT)];
  for (const segment of segments) addFaults(errors, path, segment, dns1123LabelFaults(segment));
  if (!known.has(name)) errors.push(invalid(path, name, REFERENCE_FAULT));
  return errors;
}

function attributeErrors({ matchAttribute, distinctAttribute }: v1.DeviceConstraint, path: FieldPath): Errors {
  if (matchAttribute !== undefined) return fullNameErrors(matchAttribute, path.child('matchAttribute'));
  return distinctAttribute === undefined ? [required(path.child('matchAttribute'))] : fullNameErrors(distinctAttribute, path.child('distinctAttribute'));
}

function fullNameErrors(name: string, path: FieldPath): Errors {
  const errors = qualifiedErrors(name, path);
  if (name !== '' && !name.includes('/')) errors.push(invalid(path, name, 'must include a domain'));
  return errors;
}

/** `name` or `domain/name` of an attribute or a capacity. */
export function qualifiedErrors(name: string, path: FieldPath): Errors {
  if (name === '') return [required(path, 'name required')];
  const [first = '', second] = name.split('/');
  if (second === undefined) return identifierErrors(first, path);
  return [
    ...(first === '' ? [required(path, 'the domain must not be empty')] : checkDriverName(first, path)),
    ...(second === '' ? [required(path, 'the name must not be empty')] : identifierErrors(second, path)),
  ];
}

function identifierErrors(id: string, path: FieldPath): Errors {
  const faults = cIdentifierFaults(id).map((fault) => typeInvalid(path, id, fault));
  return id.length > MAX_NAME_LENGTH ? [tooLong(path, MAX_NAME_LENGTH), ...faults] : faults;
}

function opaqueErrors(opaque: v1.OpaqueDeviceConfiguration | undefined, path: FieldPath): Errors {
  if (opaque === undefined) return [required(path)];
  const errors: Errors = checkDriverName(opaque.driver, path.child('driver'));
  const at = path.child('parameters');
  const parameters = opaque.parameters as unknown as Json | undefined;
  if (parameters === undefined || parameters === null) errors.push(required(at));
  else if (JSON.stringify(parameters).length > MAX_PARAMETER_BYTES) errors.push(tooLong(at, MAX_PARAMETER_BYTES));
  else if (typeof parameters !== 'object' || Array.isArray(parameters)) errors.push(invalid(at, '<value omitted>', 'parameters must be a valid JSON object'));
  return errors;
}

export function tolerationErrors({ key, operator, value = '', effect }: v1.DeviceToleration, path: FieldPath): Errors {
  const errors: Errors = [];
  if (!isEmpty(key)) addFaults(errors, path.child('key'), key, qualifiedNameFaults(key));
  if (isEmpty(operator)) errors.push(required(path.child('operator')));
  else if (operator === 'Exists') {
    if (value !== '') errors.push(invalid(path.child('value'), value, 'must be empty for operator `Exists`'));
  } else if (operator === 'Equal') addFaults(errors, path.child('value'), value, labelValueFaults(value));
  else errors.push(notSupported(path.child('operator'), operator, ['Equal', 'Exists']));
  if (!isEmpty(effect)) checkSupported(errors, path.child('effect'), effect, EFFECTS);
  return errors;
}

const EFFECTS = ['NoExecute', 'NoSchedule', 'None'];

const VERSION =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/;
const MAX_VALUE_LENGTH = 64;

/** What a device says of itself: one value under each name. */
export function deviceAttributeErrors(attributes: Readonly<Record<string, v1.DeviceAttribute>> | undefined, path: FieldPath): Errors {
  return Object.entries(attributes ?? {}).flatMap(([name, attribute]) => [...qualifiedErrors(name, path.key(name)), ...valueErrors(attribute, path.key(name))]);
}

function valueErrors(attribute: v1.DeviceAttribute, path: FieldPath): Errors {
  const errors: Errors = [];
  const { string: text, version } = attribute;
  if (text !== undefined && text.length > MAX_VALUE_LENGTH) errors.push(tooLong(path.child('string'), MAX_VALUE_LENGTH));
  if (version !== undefined) {
    if (!VERSION.test(version)) errors.push(invalid(path.child('version'), version, 'must be a string compatible with semver.org spec 2.0.0'));
    if (version.length > MAX_VALUE_LENGTH) errors.push(tooLong(path.child('version'), MAX_VALUE_LENGTH));
  }
  const count = Object.values(attribute).filter((value) => value !== undefined).length;
  if (count === 0) errors.push(required(path, 'exactly one value must be specified'));
  else if (count > 1) errors.push(invalid(path, asJson(attribute), 'exactly one value must be specified'));
  return errors;
}
