import { duplicate, type FieldError, type FieldPath, invalid, notSupported, required, tooLong, tooMany } from '../../machinery/field-error.ts';
import { cIdentifierFaults, dns1123LabelFaults, dns1123SubdomainFaults, labelValueFaults, qualifiedNameFaults } from '../../machinery/names.ts';
import type { Json } from '../../machinery/object.ts';
import { addFaults, checkSupported, type Errors, isEmpty } from '../checks.ts';
import { checkDriverName } from '../core/remote-volume.validation.ts';
import type * as v1 from '../gen/types/resource.v1.ts';

/** What the kinds of this group share: bounded lists and maps, names of devices and of what they say, taints. */
const MAX_ID_LENGTH = 32;
const MAX_POOL_NAME = 253;
const MAX_BINDING_CONDITIONS = 4;

type Validate<T> = (item: T, at: FieldPath) => readonly FieldError[];

/** Every item; of too many only that. */
export function validateEach<T>(items: readonly T[] | undefined, most: number, path: FieldPath, validate: Validate<T>): Errors {
  const count = (items ?? []).length;
  if (count > most) return [tooMany(path, count, most)];
  return (items ?? []).flatMap((item, i) => validate(item, path.index(i)));
}

/** The same, and no key twice. */
export function validateSet<T>(items: readonly T[] | undefined, most: number, path: FieldPath, validate: Validate<T>, keyOf: (item: T) => string): Errors {
  const errors = validateEach(items, most, path, validate);
  const seen = new Set<string>();
  if ((items ?? []).length > most) return errors;
  for (const [i, item] of (items ?? []).entries()) {
    const key = keyOf(item);
    if (seen.has(key)) errors.push(duplicate(path.index(i), key));
    seen.add(key);
  }
  return errors;
}

/** Keys that are long are shown shortened, in the middle. */
export function validateMap<T>(
  map: Readonly<Record<string, T>> | undefined,
  { most = Number.POSITIVE_INFINITY, longestKey, key }: { readonly most?: number; readonly longestKey: number; readonly key: Validate<string> },
  path: FieldPath,
  validate: Validate<T> = () => [],
): Errors {
  const entries = Object.entries(map ?? {});
  if (entries.length > most) return [tooMany(path, entries.length, most)];
  return entries.flatMap(([name, item]) => {
    const at = path.key(shortened(name, longestKey));
    return [...key(name, at), ...validate(item, at)];
  });
}

const DOTS = '...';

function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  const rest = most - DOTS.length;
  return `${text.slice(0, Math.ceil(rest / 2))}${DOTS}${text.slice(text.length - Math.floor(rest / 2))}`;
}

const faultsAt =
  (faults: (text: string) => readonly string[]): Validate<string> =>
  (text, at) =>
    faults(text).map((fault) => invalid(at, text, fault));

export const labelErrors = faultsAt(dns1123LabelFaults);
export const subdomainErrors = faultsAt(dns1123SubdomainFaults);

/** A pool is mostly named after its node, and may have parts. */
export function poolNameErrors(name: string | undefined, path: FieldPath): Errors {
  if (isEmpty(name)) return [required(path)];
  const errors: Errors = name.length > MAX_POOL_NAME ? [tooLong(path, MAX_POOL_NAME)] : [];
  return [...errors, ...name.split('/').flatMap((part) => subdomainErrors(part, path))];
}

/** `name` or `domain/name` of an attribute or a capacity. More slashes pass, as they do in Kubernetes. */
export function qualifiedErrors(name: string, path: FieldPath): Errors {
  const [first = '', second, ...rest] = name.split('/');
  if (second === undefined) return identifierErrors(first, path);
  if (rest.length > 0) return [];
  return [
    ...(first === '' ? [invalid(path, '', 'the domain must not be empty')] : checkDriverName(first, path)),
    ...(second === '' ? [invalid(path, '', 'the name must not be empty')] : identifierErrors(second, path)),
  ];
}

export function fullNameErrors(name: string, path: FieldPath): Errors {
  const errors = qualifiedErrors(name, path);
  return name.includes('/') ? errors : [...errors, invalid(path, name, 'a fully qualified name must be a domain and a name separated by a slash')];
}

function identifierErrors(id: string, path: FieldPath): Errors {
  const faults = cIdentifierFaults(id).map((fault) => invalid(path, id, fault));
  return id.length > MAX_ID_LENGTH ? [tooLong(path, MAX_ID_LENGTH), ...faults] : faults;
}

/** JSON that is the driver's alone. What is stored already may be longer than `most`. */
export function rawErrors(raw: unknown, most: number, path: FieldPath): Errors {
  const value = raw as Json | undefined;
  if (value === undefined || value === null) return [required(path)];
  if (JSON.stringify(value).length > most) return [tooLong(path, most)];
  return typeof value === 'object' && !Array.isArray(value) ? [] : [invalid(path, '<value omitted>', 'must be a valid JSON object')];
}

const EFFECTS = ['NoExecute', 'NoSchedule', 'None'];

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

export function taintErrors({ key, value = '', effect }: v1.DeviceTaint, path: FieldPath): Errors {
  const errors: Errors = [];
  addFaults(errors, path.child('key'), key ?? '', qualifiedNameFaults(key ?? ''));
  addFaults(errors, path.child('value'), value, labelValueFaults(value));
  if (isEmpty(effect)) errors.push(required(path.child('effect')));
  else checkSupported(errors, path.child('effect'), effect, EFFECTS);
  return errors;
}

/** Of a device, and of one that was allocated. */
interface Binding {
  readonly bindingConditions?: readonly string[] | undefined;
  readonly bindingFailureConditions?: readonly string[] | undefined;
}

export function bindingErrors({ bindingConditions: wanted = [], bindingFailureConditions: failures = [] }: Binding, path: FieldPath): Errors {
  const [wantedAt, failuresAt] = [path.child('bindingConditions'), path.child('bindingFailureConditions')];
  const keyErrors = faultsAt(qualifiedNameFaults);
  const errors: Errors = [
    ...validateEach(wanted, MAX_BINDING_CONDITIONS, wantedAt, keyErrors),
    ...validateEach(failures, MAX_BINDING_CONDITIONS, failuresAt, keyErrors),
  ];
  for (const [i, condition] of wanted.entries()) if (wanted.indexOf(condition) !== i) errors.push(duplicate(wantedAt.index(i), condition));
  for (const [i, condition] of failures.entries()) {
    if (failures.indexOf(condition) !== i) errors.push(duplicate(failuresAt.index(i), condition));
    if (wanted.includes(condition)) errors.push(invalid(failuresAt.index(i), condition, 'bindingFailureConditions must not overlap with bindingConditions'));
  }
  if (wanted.length === 0 && failures.length > 0) errors.push(invalid(wantedAt, null, 'bindingConditions are required to use bindingFailureConditions'));
  if (failures.length === 0 && wanted.length > 0) errors.push(invalid(failuresAt, null, 'bindingFailureConditions are required to use bindingConditions'));
  return errors;
}
