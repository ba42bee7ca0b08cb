import type { DraftObject, KubeObject, ManagedFieldsEntry, ObjectMeta } from '../../machinery/object.ts';
import { formatManagedFields } from '../../schema/apply/managed-fields.ts';
import type { Operation } from '../../store/store.ts';
import type { Core } from '../core.ts';
import { type Projection, project, type StoredEntry } from '../codec/projection.ts';
import { encodeParts } from '../codec/record.ts';
import type { Binding, Registry } from '../registry/registry.ts';

/** An object ready for the store. */
export interface StoredForm {
  readonly value: Uint8Array;
  readonly projection: Projection;
  /** Not changed any more; without kind, version, resourceVersion and managedFields. */
  readonly body: KubeObject;
}

/** `draft` is in the storage version and not used any more. */
export function toStoredForm(registry: Registry, binding: Binding, draft: DraftObject, managed: readonly ManagedFieldsEntry[]): StoredForm {
  const { kind: _k, apiVersion: _a, metadata: meta, ...rest } = draft;
  const { managedFields: _m, resourceVersion: _v, selfLink: _s, ...metadata } = meta as DraftObject;
  const body = { metadata, ...rest };
  // Frozen when it is first read in process, which costs a tenth of a write: over HTTPS only bytes are read.
  const object = body as unknown as KubeObject;
  const encoded = encodeParts(binding.storedApiVersion, metadata as ObjectMeta, rest, managed.length === 0 ? '' : formatManagedFields(managed));
  return { value: encoded.value, projection: project(registry, binding.prefix, object, encoded), body: object };
}

export function putOperation(core: Core, binding: Binding, key: string, form: StoredForm): Operation<Projection> {
  core.objects.remember(form.projection, form.body, form.value.byteLength);
  const seconds = binding.stored.strategy.timeToLiveSeconds;
  return {
    do: 'put',
    key,
    value: form.value,
    projection: form.projection,
    ...(seconds === undefined ? {} : { expiresAtMs: core.clock.now() + seconds * 1000 }),
  };
}

/** What the store has after the commit, also when others have written since. */
export function committedEntry(key: string, form: StoredForm, revision: number, createRevision = revision): StoredEntry {
  return { key, value: form.value, projection: form.projection, createRevision, modRevision: revision };
}
