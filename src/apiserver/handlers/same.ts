import { semanticEqual } from '../../api/equal.ts';
import type { KubeObject, ManagedFieldsEntry } from '../../machinery/object.ts';
import { formatManagedFields } from '../../schema/apply/managed-fields.ts';
import type { StoredEntry } from '../codec/projection.ts';
import type { StoredForm } from './stored-form.ts';

/** What an object was, with its managers. */
export interface Before {
  readonly entry: StoredEntry;
  /** The entry's object, in the storage version. */
  readonly stored: KubeObject;
  readonly managed: readonly ManagedFieldsEntry[];
}

/** Whether an update changes nothing but, perhaps, the times of managedFields: then nothing is written. */
export function sameObject({ entry, stored, managed }: Before, form: StoredForm, formManaged: readonly ManagedFieldsEntry[]): boolean {
  return sameBody(entry, stored, form) && sameManagers(managed, formManaged);
}

function sameBody({ value, projection }: StoredEntry, stored: KubeObject, form: StoredForm): boolean {
  const { start, managedStart, managedEnd } = form.projection;
  const size = form.value.byteLength - (managedEnd - managedStart) - start;
  // Equal objects have bodies of one length, whatever the order of their keys.
  if (size !== value.byteLength - (projection.managedEnd - projection.managedStart) - projection.start) return false;
  const before = view(value, projection.start, projection.managedStart).equals(view(form.value, start, managedStart));
  const after = view(value, projection.managedEnd, value.byteLength).equals(view(form.value, managedEnd, form.value.byteLength));
  return (before && after) || semanticEqual(withoutHead(stored), form.body);
}

function withoutHead({ kind: _k, apiVersion: _a, metadata: { resourceVersion: _r, ...metadata } = {}, ...rest }: KubeObject): object {
  return { ...rest, metadata };
}

const view = (bytes: Uint8Array, from: number, to: number): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from);

function sameManagers(a: readonly ManagedFieldsEntry[], b: readonly ManagedFieldsEntry[]): boolean {
  if (a.length !== b.length) return false;
  const timeless = (entries: readonly ManagedFieldsEntry[]): string => formatManagedFields(entries.map((entry) => ({ ...entry, time: '' })));
  return timeless(a) === timeless(b);
}
