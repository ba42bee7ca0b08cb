import type { DraftJson, DraftObject, Json, JsonObject } from '../machinery/object.ts';
import { getOwn, setOwn } from '../machinery/record.ts';
import { badRequest } from '../machinery/status-error.ts';
import { copyJson } from './copy.ts';

/** RFC 7386 on a stored object. The result is private; the document is not changed. Throws 400 when the patch is no object. */
export function applyMergePatch(document: JsonObject, patch: Json): DraftObject {
  if (!isObject(patch)) throw badRequest('error decoding patch: json: cannot unmarshal the patch into an object');
  return mergeObjects(document, patch);
}

function mergeObjects(document: JsonObject, patch: JsonObject): DraftObject {
  const out: DraftObject = {};
  for (const key of Object.keys(document)) {
    const change = getOwn(patch, key);
    const value = document[key];
    if (change === null || value === undefined) continue;
    setOwn(out, key, change === undefined ? copyJson(value) : merge(value, change));
  }
  for (const key of Object.keys(patch)) {
    const change = patch[key];
    if (change !== null && change !== undefined && getOwn(document, key) === undefined) setOwn(out, key, merge(undefined, change));
  }
  return out;
}

function merge(value: Json | undefined, change: Json): DraftJson {
  if (!isObject(change)) return copyJson(change);
  return mergeObjects(isObject(value) ? value : {}, change);
}

const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
