import { semanticEqual } from '../../api/equal.ts';
import type { ManagedFieldsEntry } from '../../machinery/object.ts';
import { formatManagedFields } from '../../schema/apply/managed-fields.ts';
import type { StoredEntry } from '../codec/projection.ts';
import { parseBody } from '../codec/record.ts';
import type { StoredForm } from './stored-form.ts';

/** Whether an update changes nothing but, perhaps, the times of managedFields: then nothing is written. */
export function sameObject(entry: StoredEntry, managed: readonly ManagedFieldsEntry[], form: StoredForm, formManaged: readonly ManagedFieldsEntry[]): boolean {
  return sameBody(entry, form) && sameManagers(managed, formManaged);
}

function sameBody({ value, projection }: StoredEntry, form: StoredForm): boolean {
  const { start, managedStart, managedEnd } = form.projection;
  const size = form.value.byteLength - (managedEnd - managedStart) - start;
  // Equal objects have bodies of one length, whatever the order of their keys.
  if (size !== value.byteLength - (projection.managedEnd - projection.managedStart) - projection.start) return false;
  const before = view(value, projection.start, projection.managedStart).equals(view(form.value, start, managedStart));
  const after = view(value, projection.managedEnd, value.byteLength).equals(view(form.value, managedEnd, form.value.byteLength));
  return (before && after) || semanticEqual(parseBody(value, projection), form.body);
}

const view = (bytes: Uint8Array, from: number, to: number): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from);

function sameManagers(a: readonly ManagedFieldsEntry[], b: readonly ManagedFieldsEntry[]): boolean {
  if (a.length !== b.length) return false;
  const timeless = (entries: readonly ManagedFieldsEntry[]): string => formatManagedFields(entries.map((entry) => ({ ...entry, time: '' })));
  return timeless(a) === timeless(b);
}
