import type { Kind } from '../../api/kind.ts';
import type { Core } from '../core.ts';
import type { Binding } from '../registry/registry.ts';
import type { StoredEntry } from './projection.ts';

const heads = new WeakMap<Kind, string>();
const ITEM = '{"metadata":{"resourceVersion":"';

function headOf({ kind, apiVersion }: Binding): string {
  let found = heads.get(kind);
  if (found === undefined) {
    found = `{"kind":${JSON.stringify(kind.kind)},"apiVersion":${JSON.stringify(apiVersion)},"metadata":{`;
    heads.set(kind, found);
  }
  return found;
}

/** What stands before the stored bytes of a single object, and of an item of a typed list. */
export const singleHead = (binding: Binding, { modRevision }: StoredEntry): string =>
  // What a dry run would have created has no version.
  modRevision === 0 ? headOf(binding) : `${headOf(binding)}"resourceVersion":"${modRevision}",`;
export const itemHead = (entry: StoredEntry): string => `${ITEM}${entry.modRevision}",`;

export function itemHeadLength({ modRevision }: StoredEntry): number {
  let digits = 1;
  for (let rest = modRevision; rest >= 10; rest /= 10) digits++;
  return ITEM.length + digits + 2;
}

export const storedBody = ({ value, projection }: StoredEntry): Uint8Array => value.subarray(projection.start);

/** One object as JSON bytes, `before` and `after` around it. */
export function objectBytes(core: Core, binding: Binding, entry: StoredEntry, before = '', after = ''): Buffer {
  if (!binding.direct) return Buffer.from(before + JSON.stringify(core.objects.full(entry, binding)) + after);
  const head = before + singleHead(binding, entry);
  const { value, projection } = entry;
  const size = value.byteLength - projection.start;
  // Heads and tails are ASCII: kinds and versions are.
  const out = Buffer.allocUnsafe(head.length + size + after.length);
  out.write(head, 0, 'latin1');
  out.set(value.subarray(projection.start), head.length);
  if (after !== '') out.write(after, head.length + size, 'latin1');
  return out;
}

/** `PartialObjectMetadata` of an entry, spliced from its bytes: metadata ends where managedFields end. */
export function partialBytes(entry: StoredEntry, metaVersion: string, before = '', after = ''): Buffer {
  const head = `${before}{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/${metaVersion}","metadata":{"resourceVersion":"${entry.modRevision}",`;
  const { value, projection } = entry;
  return Buffer.concat([Buffer.from(head, 'latin1'), value.subarray(projection.start, projection.managedEnd), Buffer.from(`}}${after}`, 'latin1')]);
}
