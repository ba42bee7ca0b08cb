import type { DraftObject, JsonObject, KubeObject } from '../../machinery/object.ts';
import type { StoredEntry } from '../codec/projection.ts';
import { parseBody } from '../codec/record.ts';
import type { Binding } from '../registry/registry.ts';

/** A draft of the requested version, as it is stored. */
export function toStorageVersion({ kind, stored, storedApiVersion }: Binding, draft: DraftObject): DraftObject {
  if (kind === stored) return draft;
  const converted = kind.convert === undefined ? draft : (kind.convert.toStorage(draft as JsonObject) as DraftObject);
  // Converters may hand parts of their input over; the draft is not used afterwards.
  return { ...converted, kind: stored.kind, apiVersion: storedApiVersion };
}

/** A private copy of what is stored, in the storage version, without managedFields; resourceVersion is set. */
export function storedDraft(entry: StoredEntry, { stored, storedApiVersion }: Binding): DraftObject {
  return withVersion(parseBody(entry.value, entry.projection), stored.kind, storedApiVersion, entry);
}

/** The same in the requested version. */
export function requestedDraft(entry: StoredEntry, binding: Binding): DraftObject {
  const body = parseBody(entry.value, entry.projection);
  const { kind, apiVersion } = binding;
  if (kind.convert === undefined || kind === binding.stored) return withVersion(body, kind.kind, apiVersion, entry);
  const whole = withVersion(body, binding.stored.kind, binding.storedApiVersion, entry);
  return { ...(kind.convert.fromStorage(whole as JsonObject) as DraftObject), kind: kind.kind, apiVersion };
}

function withVersion(body: KubeObject, kind: string, apiVersion: string, entry: StoredEntry): DraftObject {
  const draft = body as unknown as DraftObject;
  (draft.metadata as DraftObject).resourceVersion = String(entry.modRevision);
  return { kind, apiVersion, ...draft };
}
