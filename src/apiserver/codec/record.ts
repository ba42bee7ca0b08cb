import { setOwn } from '../../machinery/record.ts';
import { parseManagedFields, parseManagedFieldsSteps } from '../../schema/apply/managed-fields.ts';
import type { Steps } from '../../schema/steps.ts';
import type { JsonObject, KubeObject, ManagedFieldsEntry, ObjectMeta } from '../../machinery/object.ts';

/**
 * The form in which an object is stored (laws 5 and 12): a short header, then the bytes of its JSON without what is known later
 * or elsewhere. With `▮` for the cut:
 *
 *     {"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"7",▮"name":"x",…,"managedFields":[…]},"spec":{…}}
 *
 * The head before the cut is spliced in on output (kind and apiVersion are absent from items of typed lists, the version is
 * known at commit); everything after it is written as it stands. managedFields are a segment of their own, last in metadata.
 *
 * Header, little endian: format (u8), length of the storage apiVersion (u8), start and end of the managedFields segment
 * (u32 each, from the start of the value), the apiVersion in ASCII.
 */
export const RECORD_FORMAT = 1;
const FIXED = 10;

/** Offsets into a value. `managedStart === managedEnd`: there are none. */
export interface Segments {
  readonly start: number;
  readonly managedStart: number;
  readonly managedEnd: number;
}

export interface Encoded extends Segments {
  readonly value: Uint8Array;
}

/** `object` without regard to its kind, apiVersion, resourceVersion and managedFields; `managed` is the JSON of the latter, '' for none. */
export function encodeRecord(apiVersion: string, object: KubeObject, managed: string): Encoded {
  const { kind: _k, apiVersion: _a, metadata = {}, ...rest } = object;
  return encodeParts(apiVersion, metadata, rest, managed);
}

/** The same of an object that has been taken apart: its metadata, and what is neither metadata nor kind or apiVersion. */
export function encodeParts(apiVersion: string, metadata: ObjectMeta, rest: object, managed: string): Encoded {
  const metaText = JSON.stringify(inOrder(metadata));
  const restText = JSON.stringify(rest);
  const start = FIXED + apiVersion.length;
  // Both texts are written with their braces, which what stands beside them then covers.
  const managedStart = start + Buffer.byteLength(metaText) - 2;
  const managedEnd = managed === '' ? managedStart : managedStart + MANAGED.length + Buffer.byteLength(managed);
  const bare = restText === '{}';
  // From Node's pool: the store copies it to where it stays.
  const value = Buffer.allocUnsafe(managedEnd + (bare ? 2 : 1 + Buffer.byteLength(restText)));
  value.write(metaText, start - 1);
  value[0] = RECORD_FORMAT;
  value[1] = apiVersion.length;
  value.writeUInt32LE(managedStart, 2);
  value.writeUInt32LE(managedEnd, 6);
  value.write(apiVersion, FIXED, 'latin1');
  if (managed !== '') {
    value.write(MANAGED, managedStart, 'latin1');
    value.write(managed, managedStart + MANAGED.length);
  }
  if (!bare) value.write(restText, managedEnd + 1);
  value[managedEnd] = CLOSE;
  value[managedEnd + 1] = bare ? CLOSE : COMMA;
  return { value, start, managedStart, managedEnd };
}

const MANAGED = ',"managedFields":';
const CLOSE = 0x7d;
const COMMA = 0x2c;

/** One order whoever wrote them, so that equal objects have equal bytes. */
function inOrder(meta: ObjectMeta): ObjectMeta {
  const { name, generateName, namespace, uid, generation, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds } = meta;
  const { labels, annotations, ownerReferences, finalizers } = meta;
  // What is undefined is not printed.
  return {
    name,
    generateName,
    namespace,
    uid,
    generation,
    creationTimestamp,
    deletionTimestamp,
    deletionGracePeriodSeconds,
    labels,
    annotations,
    ownerReferences,
    finalizers,
  } as ObjectMeta;
}

export function readSegments(value: Uint8Array): Segments {
  if (value[0] !== RECORD_FORMAT) throw new RangeError(`a stored object has format ${value[0]}, this version reads ${RECORD_FORMAT}`);
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return { start: FIXED + (value[1] as number), managedStart: view.getUint32(2, true), managedEnd: view.getUint32(6, true) };
}

/** The apiVersion under which it was stored. */
export function recordApiVersion(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset + FIXED, value[1] as number).toString('latin1');
}

const text = (bytes: Uint8Array, from: number, to: number): string => Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('utf8');

/** The object without kind, apiVersion, resourceVersion and managedFields, not frozen. */
export function parseBody(value: Uint8Array, segments: Segments): KubeObject {
  const { start, managedStart, managedEnd } = segments;
  return JSON.parse(`{"metadata":{${text(value, start, managedStart)}${text(value, managedEnd, value.byteLength)}`) as KubeObject;
}

/** The JSON of managedFields; '' for none. */
export function managedText(value: Uint8Array, { managedStart, managedEnd }: Segments): string {
  return managedStart === managedEnd ? '' : text(value, managedStart + MANAGED.length, managedEnd);
}

export function parseManaged(value: Uint8Array, segments: Segments): readonly ManagedFieldsEntry[] {
  const json = managedText(value, segments);
  return json === '' ? [] : parseManagedFields(json);
}

export function* parseManagedSteps(value: Uint8Array, segments: Segments): Steps<readonly ManagedFieldsEntry[]> {
  const json = managedText(value, segments);
  return json === '' ? [] : yield* parseManagedFieldsSteps(json);
}

/** An object as clients know it: kind first, then apiVersion, metadata, the rest. Shallow. */
export function withHead(body: KubeObject, kind: string, apiVersion: string, resourceVersion: string): KubeObject {
  const { metadata = {}, kind: _k, apiVersion: _a, ...rest } = body;
  const { resourceVersion: _r, ...meta } = metadata;
  const whole: Record<string, unknown> = { kind, apiVersion, metadata: { ...meta, ...(resourceVersion === '' ? {} : { resourceVersion }) } };
  for (const [name, value] of Object.entries(rest)) setOwn(whole, name, value);
  return whole as JsonObject as KubeObject;
}
