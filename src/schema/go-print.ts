import type { Json, JsonObject } from '../machinery/object.ts';

/** Values as Go prints them: messages that clients know quote them. `%v`: `map[a:1 b:[x y]]`, a text as it stands. */
export function printValue(value: Json | undefined): string {
  if (value === null || value === undefined) return '<nil>';
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${value.map(printValue).join(' ')}]`;
  return `map[${sortedEntries(value as JsonObject)
    .map(([key, item]) => `${key}:${printValue(item)}`)
    .join(' ')}]`;
}

/** `%#v`: `map[string]interface {}{"a":1}`. */
export function printSyntax(value: Json): string {
  if (value === null) return 'interface {}(nil)';
  if (typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `${printType(value)}{${value.map(printSyntax).join(', ')}}`;
  const entries = sortedEntries(value as JsonObject).map(([key, item]) => `${JSON.stringify(key)}:${printSyntax(item)}`);
  return `${printType(value)}{${entries.join(', ')}}`;
}

/** `%T`. */
export function printType(value: Json): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'object') return 'map[string]interface {}';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'number' ? (Number.isInteger(value) ? 'int64' : 'float64') : 'string';
}

/** JSON as Go writes a map: keys sorted, and what HTML could take for markup escaped. */
export const formatSortedJson = (value: Json): string =>
  JSON.stringify(sorted(value)).replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

function sorted(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.fromEntries(sortedEntries(value as JsonObject).map(([key, item]) => [key, sorted(item)]));
}

function sortedEntries(value: JsonObject): [string, Json][] {
  const entries = Object.entries(value).filter((entry): entry is [string, Json] => entry[1] !== undefined);
  return entries.sort(([a], [b]) => (a < b ? -1 : 1));
}
