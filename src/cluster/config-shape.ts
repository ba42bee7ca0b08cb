import { FieldPath, type FieldError, invalid } from '../machinery/field-error.ts';
import type { Json, JsonObject } from '../machinery/object.ts';

/** What a value in a configuration file may be. Absent and null always are allowed. */
export type Shape = 'text' | 'flag' | 'any' | { readonly listOf: Shape } | { readonly fields: Readonly<Record<string, Shape>> };

/** Fields that nobody knows, and values of another type: a file in which something would be passed over is not taken. */
export function shapeFaults(value: Json | undefined, shape: Shape, path?: FieldPath): readonly FieldError[] {
  if (value === undefined || value === null || shape === 'any') return [];
  const wrong = (what: string): readonly FieldError[] => [invalid(path ?? new FieldPath(''), value, `must be ${what}`)];
  if (shape === 'text') return typeof value === 'string' ? [] : wrong('a string');
  if (shape === 'flag') return typeof value === 'boolean' ? [] : wrong('a boolean');
  if ('listOf' in shape) {
    return Array.isArray(value) ? value.flatMap((each, at) => shapeFaults(each, shape.listOf, (path ?? new FieldPath('')).index(at))) : wrong('a list');
  }
  if (typeof value !== 'object' || Array.isArray(value)) return wrong('an object');
  return Object.entries(value as JsonObject).flatMap(([field, each]) => {
    const at = path?.child(field) ?? new FieldPath(field);
    const known = Object.hasOwn(shape.fields, field) ? shape.fields[field] : undefined;
    return known === undefined ? [invalid(at, field, `unknown field ${JSON.stringify(field)}`)] : shapeFaults(each, known, at);
  });
}
