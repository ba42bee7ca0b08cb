import type { Json, JsonObject } from '../machinery/object.ts';
import { getOwn, setOwn } from '../machinery/record.ts';
import { badRequest } from '../machinery/status-error.ts';
import { goValueName } from './go-type.ts';

/**
 * RFC 7386 on a stored object; nulls within a list go too, where no object was before. The result shares what does not change with both:
 * it is for reading only. Throws 400 when the patch is no object.
 */
export function applyMergePatch(document: JsonObject, patch: Json): JsonObject {
  if (patch === null) throw badRequest('Invalid JSON Patch');
  if (!isObject(patch)) throw badRequest(`error decoding patch: json: cannot unmarshal ${goValueName(patch)} into Go value of type map[string]interface {}`);
  return mergeObjects(document, patch);
}

function mergeObjects(document: JsonObject, patch: JsonObject): JsonObject {
  const out: Record<string, Json> = {};
  for (const key of Object.keys(document)) {
    const change = getOwn(patch, key);
    const value = document[key];
    if (change === null || value === undefined) continue;
    setOwn(out, key, change === undefined ? value : merge(value, change));
  }
  for (const key of Object.keys(patch)) {
    const change = patch[key];
    if (change !== null && change !== undefined && getOwn(document, key) === undefined) setOwn(out, key, merge(undefined, change));
  }
  return out;
}

function merge(value: Json | undefined, change: Json): Json {
  if (isObject(change)) return mergeObjects(isObject(value) ? value : {}, change);
  return Array.isArray(change) && !isObject(value) ? change.map((item: Json) => (item === null ? item : merge(undefined, item))) : change;
}

const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
