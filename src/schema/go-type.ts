import type { TypeRef } from './facts.ts';

/** What a type is called in the messages of Go's decoder, which clients know: `int32`, `[]v1.Container`, `map[string]string`. */
export function goTypeName(ref: TypeRef): string {
  if (typeof ref !== 'string') return 'list' in ref ? `[]${goTypeName(ref.list)}` : `map[string]${goTypeName(ref.map)}`;
  const scalar = SCALARS.get(ref);
  if (scalar !== undefined) return scalar;
  const parts = ref.split('.');
  return parts.length < 2 ? ref : `${parts.at(-2)}.${parts.at(-1)}`;
}

const SCALARS: ReadonlyMap<string, string> = new Map([
  ['string', 'string'],
  ['boolean', 'bool'],
  ['integer:int32', 'int32'],
  ['integer:int64', 'int64'],
  ['integer', 'int64'],
  ['number:double', 'float64'],
  ['number', 'float64'],
  ['string:byte', '[]uint8'],
]);

/** `DeploymentSpec` of `apps.v1.DeploymentSpec`. */
export function shortTypeName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** The word for a JSON value in such a message. */
export function goValueName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** What Go holds a JSON value in. */
export function goKindName(value: unknown): string {
  if (Array.isArray(value)) return 'slice';
  if (typeof value === 'object') return 'map';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}
