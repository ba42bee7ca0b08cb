import { type FieldError, invalid, required } from '../../machinery/field-error.ts';
import { asJson, type Errors, IMMUTABLE, NON_NEGATIVE, root } from '../checks.ts';
import { semanticEqual } from '../equal.ts';
import type * as apps from '../gen/types/apps.v1.ts';

export function validateControllerRevision({ data, revision }: apps.ControllerRevision): readonly FieldError[] {
  const errors: Errors = [];
  if (data === undefined || data === null) errors.push(required(root('data'), 'data is mandatory'));
  if (revision < 0) errors.push(invalid(root('revision'), revision, NON_NEGATIVE));
  return errors;
}

/** A revision says what once was; only its number may rise. */
export function validateControllerRevisionUpdate(of: apps.ControllerRevision, old: apps.ControllerRevision): readonly FieldError[] {
  const errors: Errors = [...validateControllerRevision(of)];
  if (!semanticEqual(of.data, old.data)) errors.push(invalid(root('data'), asJson(of.data), IMMUTABLE));
  return errors;
}
