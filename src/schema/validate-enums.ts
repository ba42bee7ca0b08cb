import { type FieldError, type FieldPath, notSupported, required } from '../machinery/field-error.ts';
import type { Json, JsonObject } from '../machinery/object.ts';
import { getOwn } from '../machinery/record.ts';
import type { Facts, TypeRef } from './facts.ts';

/** A FieldValueNotSupported for every value outside a closed set. Empty and absent values are the kinds' own concern. */
export function validateEnums(facts: Facts, typeName: string, object: JsonObject, path: FieldPath): readonly FieldError[] {
  const errors: FieldError[] = [];
  visit(facts, typeName, object, path, (field, value, at) => {
    if (field.closed !== true || field.values === undefined || typeof value !== 'string' || value === '') return;
    if (!field.values.includes(value)) errors.push(notSupported(at, value, [...field.values].sort()));
  });
  return errors;
}

/** A FieldValueRequired for every absent field that the tables call required. Kubernetes' decoder does not enforce them; kinds may. */
export function validateRequired(facts: Facts, typeName: string, object: JsonObject, path: FieldPath): readonly FieldError[] {
  const errors: FieldError[] = [];
  visit(facts, typeName, object, path, (field, value, at) => {
    if (field.required === true && (value === undefined || value === null || value === '')) errors.push(required(at));
  });
  return errors;
}

type Visit = (
  field: { readonly required?: boolean | undefined; readonly closed?: boolean | undefined; readonly values?: readonly string[] | undefined },
  value: Json | undefined,
  at: FieldPath,
) => void;

function visit(facts: Facts, ref: TypeRef, value: Json | undefined, path: FieldPath, see: Visit): void {
  if (typeof value !== 'object' || value === null) return;
  if (typeof ref !== 'string') {
    if ('list' in ref) (Array.isArray(value) ? value : []).forEach((item: Json, i) => visit(facts, ref.list, item, path.index(i), see));
    else for (const [key, item] of Object.entries(value)) visit(facts, ref.map, item, path.key(key), see);
    return;
  }
  const type = facts.type(ref);
  if (type === undefined || Array.isArray(value)) return;
  for (const [name, field] of Object.entries(type.fields)) {
    const child = getOwn(value as JsonObject, name);
    const at = path.child(name);
    see(field, child, at);
    visit(facts, field.type, child, at, see);
  }
}
