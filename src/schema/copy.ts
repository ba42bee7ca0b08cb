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
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && equalLists(a as readonly Json[], b as readonly Json[]);
  const left = a as JsonObject;
  const right = b as JsonObject;
  let more = 0;
  for (const key in left) {
    if (!Object.hasOwn(right, key) || !equalJson(left[key], right[key])) return false;
    more++;
  }
  for (const _ in right) more--;
  return more === 0;
}

function equalLists(a: readonly Json[], b: readonly Json[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!equalJson(a[i], b[i])) return false;
  return true;
}
