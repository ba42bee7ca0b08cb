import type { DraftJson, DraftObject, Json, JsonObject } from '../machinery/object.ts';
import { setOwn } from '../machinery/record.ts';

/** A private, mutable copy. Depth is bounded by whoever parsed the value. */
export function copyJson(value: Json): DraftJson {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyJson);
  return copyObject(value as JsonObject);
}

export function copyObject(value: JsonObject): DraftObject {
  const out: DraftObject = {};
  for (const key of Object.keys(value)) {
    const item = value[key];
    if (item !== undefined) setOwn<DraftJson | undefined>(out, key, copyJson(item));
  }
  return out;
}

/** The order of keys does not count. */
export function equalJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item: Json, i) => equalJson(item, b[i] as Json));
  }
  const left = a as JsonObject;
  const right = b as JsonObject;
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  for (const key of keys) if (!Object.hasOwn(right, key) || !equalJson(left[key], right[key])) return false;
  return true;
}
