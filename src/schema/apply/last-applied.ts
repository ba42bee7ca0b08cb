import { ANNOTATIONS_LIMIT_BYTES, utf8Length } from '../../machinery/metadata.ts';
import type { DraftObject, Json, JsonObject } from '../../machinery/object.ts';
import { getOwn } from '../../machinery/record.ts';
import { formatSortedJson } from '../go-print.ts';
import type { Atom } from './atom.ts';
import { changed, compare, fieldSetOf } from './compare.ts';
import { difference, type FieldSet, union } from './field-set.ts';
import { typedFaults } from './typed.ts';

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

/** Undefined when the object does not carry the annotation, or one that is no object of this version. */
export function lastAppliedFields(atom: Atom, live: JsonObject, apiVersion: string): FieldSet | undefined {
  const text = recordOf(annotationsOf(live));
  if (text === undefined) return undefined;
  let applied: JsonObject | undefined;
  try {
    applied = asObject(JSON.parse(text) as Json);
  } catch {
    return undefined;
  }
  if (applied === undefined || applied.apiVersion !== apiVersion || (applied.kind ?? '') === '' || typedFaults(atom, applied).length > 0) return undefined;
  const comparison = compare(atom, live, applied);
  return difference(fieldSetOf(atom, applied), union(changed(comparison), comparison.removed));
}

/** An empty one is none. */
function recordOf(annotations: JsonObject | undefined): string | undefined {
  const text = getOwn(annotations, LAST_APPLIED);
  return typeof text === 'string' && text !== '' ? text : undefined;
}

/**
 * Brings the annotation of a merged object up to date with what was applied now; an object that carries none gets none. One that would be
 * too long with the other annotations goes.
 */
export function noteLastApplied(object: DraftObject, applied: JsonObject): void {
  const annotations = annotationsOf(object) as DraftObject | undefined;
  if (annotations === undefined || recordOf(annotations) === undefined) return;
  annotations[LAST_APPLIED] = `${formatSortedJson(recorded(applied))}\n`;
  const size = Object.entries(annotations).reduce((sum, [key, value]) => sum + utf8Length(key) + utf8Length(String(value)), 0);
  if (size > ANNOTATIONS_LIMIT_BYTES) delete annotations[LAST_APPLIED];
}

function recorded(applied: JsonObject): JsonObject {
  const metadata = asObject(applied.metadata) ?? {};
  const annotations = asObject(metadata.annotations);
  if (annotations === undefined) return applied;
  const { [LAST_APPLIED]: _record, ...others } = annotations;
  return { ...applied, metadata: { ...metadata, annotations: others } };
}
