import type { DraftObject, Json, JsonObject } from '../../machinery/object.ts';
import { getOwn } from '../../machinery/record.ts';
import type { Atom } from './atom.ts';
import { changed, compare, fieldSetOf } from './compare.ts';
import { difference, type FieldSet, union } from './field-set.ts';

/**
 * The way from kubectl's client-side apply to server-side apply: what the annotation records as applied, unchanged since, may be
 * taken over by `kubectl` without a conflict, and the annotation is kept up to date for those who go back.
 */
export const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

function annotationsOf(object: JsonObject): JsonObject | undefined {
  const { metadata } = object;
  const annotations = asObject(metadata)?.annotations;
  return asObject(annotations);
}

const asObject = (value: Json | undefined): JsonObject | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;

/** Undefined when the object does not carry the annotation, or one that can't be read. */
export function lastAppliedFields(atom: Atom, live: JsonObject): FieldSet | undefined {
  const text = getOwn(annotationsOf(live), LAST_APPLIED);
  if (typeof text !== 'string') return undefined;
  let applied: JsonObject | undefined;
  try {
    applied = asObject(JSON.parse(text) as Json);
  } catch {
    return undefined;
  }
  if (applied === undefined) return undefined;
  const comparison = compare(atom, live, applied);
  return difference(fieldSetOf(atom, applied), union(changed(comparison), comparison.removed));
}

/** Brings the annotation of a merged object up to date with what was applied now; an object that carries none gets none. */
export function noteLastApplied(object: DraftObject, applied: JsonObject): void {
  const annotations = annotationsOf(object) as DraftObject | undefined;
  if (annotations === undefined || getOwn(annotations, LAST_APPLIED) === undefined) return;
  const text = `${JSON.stringify(recorded(applied))}\n`;
  annotations[LAST_APPLIED] = text.length > MAX_LENGTH ? '' : text;
}

/** Larger records are not kept: annotations have a bound in all. */
const MAX_LENGTH = 256 * 1024;

function recorded(applied: JsonObject): JsonObject {
  const metadata = asObject(applied.metadata) ?? {};
  const { managedFields: _managed, ...rest } = metadata;
  const annotations = { ...asObject(metadata.annotations) };
  delete annotations[LAST_APPLIED];
  return { ...applied, metadata: { ...rest, annotations } };
}
