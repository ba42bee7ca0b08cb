import { duplicate, type FieldError, FieldPath, invalid, notSupported, required } from '../machinery/field-error.ts';
import type { Json } from '../machinery/object.ts';
import type * as machinery from './gen/types/machinery.ts';

/** Errors are collected in the order of the fields. */
export type Errors = FieldError[];

export const NON_NEGATIVE = 'must be greater than or equal to 0';
export const POSITIVE = 'must be greater than 0';
export const IMMUTABLE = 'field is immutable';

export const root = (field: string): FieldPath => new FieldPath(field);

/** One `Invalid value` for each fault. */
export function addFaults(errors: Errors, path: FieldPath, value: Json | undefined, faults: readonly string[]): void {
  for (const fault of faults) errors.push(invalid(path, value, fault));
}

/** A value that must be there (not empty) and well-formed. */
export function checkName(errors: Errors, path: FieldPath, value: string | undefined, faults: (value: string) => readonly string[]): void {
  if (isEmpty(value)) errors.push(required(path));
  else addFaults(errors, path, value, faults(value));
}

/** One of the values, given in the order in which they are to be listed. Empty or absent: required. */
export function checkOneOf(errors: Errors, path: FieldPath, value: string | undefined, supported: readonly string[]): void {
  if (isEmpty(value)) errors.push(required(path));
  else if (!supported.includes(value)) errors.push(notSupported(path, value, supported));
}

/** Like `checkOneOf`, where absent is fine. */
export function checkSupported(errors: Errors, path: FieldPath, value: string | undefined, supported: readonly string[]): void {
  if (value !== undefined && !supported.includes(value)) errors.push(notSupported(path, value, supported));
}

export function checkNonNegative(errors: Errors, path: FieldPath, value: number | undefined): void {
  if (value !== undefined && value < 0) errors.push(invalid(path, value, NON_NEGATIVE));
}

const STANDARD_FINALIZERS = ['kubernetes', 'orphan', 'foregroundDeletion'];
export const FOREIGN_FINALIZER = 'name is neither a standard finalizer name nor is it fully qualified';

export const isForeignFinalizer = (name: string): boolean => !name.includes('/') && !STANDARD_FINALIZERS.includes(name);

/** Of metadata, beyond what holds for custom resources too. */
export function finalizerErrors(finalizers: readonly string[] | undefined): Errors {
  const path = root('metadata').child('finalizers');
  return (finalizers ?? []).flatMap((name, i) => (isForeignFinalizer(name) ? [invalid(path.index(i), name, FOREIGN_FINALIZER)] : []));
}

/** Calls `each` with every item and its path; reports the second and later ones with the same key. */
export function checkUnique<T>(
  errors: Errors,
  path: FieldPath,
  items: readonly T[] | undefined,
  key: (item: T) => string | undefined,
  at: (path: FieldPath) => FieldPath = (p) => p,
): void {
  const seen = new Set<string>();
  for (const [i, item] of (items ?? []).entries()) {
    const value = key(item);
    if (value === undefined || value === '') continue;
    if (seen.has(value)) errors.push(duplicate(at(path.index(i)), value));
    seen.add(value);
  }
}

/** Times that are not set are null in stored objects. */
export function isEmpty(value: string | null | undefined): value is null | undefined | '' {
  return value === undefined || value === null || value === '';
}

/** An object of the schema as plain JSON, for the value of an error. */
export const asJson = (value: unknown): Json => (value ?? null) as Json;

/** A selector as messages show it: Go writes its two parts in this order. */
export function selectorJson(selector: machinery.LabelSelector | undefined): Json {
  if (selector === undefined) return null;
  const { matchLabels, matchExpressions } = selector;
  return {
    ...(matchLabels === undefined ? {} : { matchLabels: asJson(matchLabels) }),
    ...(matchExpressions === undefined ? {} : { matchExpressions: asJson(matchExpressions) }),
  };
}
