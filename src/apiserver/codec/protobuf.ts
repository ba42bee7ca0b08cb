import type { Json, JsonObject, KubeObject } from '../../machinery/object.ts';
import { badRequest } from '../../machinery/status-error.ts';
import type { Facts } from '../../schema/facts.ts';
import { decodeProtobufObject, ProtobufError, ProtobufTooLarge } from '../../schema/protobuf-decode.ts';
import { encodeProtobufMessage, encodeProtobufObject } from '../../schema/protobuf-encode.ts';
import type { Registry } from '../registry/registry.ts';
import type { Representation } from './accept.ts';
import { type ProtobufReader, tooLarge } from './body.ts';
import type { StoredEntry } from './projection.ts';
import { partialBytes } from './render.ts';

/** Kinds that belong to meta/v1 in whatever group version they come. */
const META: ReadonlySet<string> = new Set(['CreateOptions', 'DeleteOptions', 'ListOptions', 'PatchOptions', 'Status', 'UpdateOptions']);

/** The schema's name of a kind; undefined for one that the tables do not know (custom resources). */
export function typeNameOf(facts: Facts, registry: Registry, apiVersion: string, kind: string): string | undefined {
  if (META.has(kind)) return `machinery.meta.v1.${kind}`;
  const served = registry.findKind(apiVersion, kind);
  if (served !== undefined) return facts.type(served.kind.typeName) === undefined ? undefined : served.kind.typeName;
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['core', apiVersion];
  const name = `${group.split('.')[0]}.${version}.${kind}`;
  return facts.type(name) === undefined ? OLDER_SHAPES[name] : name;
}

/** Versions that nothing is served in, but that subresources take: the fields are the same. */
const OLDER_SHAPES: Readonly<Record<string, string>> = { 'policy.v1beta1.Eviction': 'policy.v1.Eviction' };

/** Bodies in Kubernetes' protobuf, of every kind that is served and of the kinds of their subresources. */
export function protobufReader(facts: Facts, registry: Registry): ProtobufReader {
  return (bytes) => {
    try {
      return decodeProtobufObject(facts, bytes, (apiVersion, kind) => typeNameOf(facts, registry, apiVersion, kind)) as Json;
    } catch (thrown) {
      if (thrown instanceof ProtobufTooLarge) throw tooLarge(`the body is ${thrown.message}`);
      if (!(thrown instanceof ProtobufError)) throw thrown;
      throw badRequest(`the object provided is unrecognized (must be of type Object): couldn't get version/kind; protobuf: ${thrown.message}`);
    }
  };
}

export function protobufObject(facts: Facts, typeName: string, object: KubeObject | JsonObject): Uint8Array {
  return encodeProtobufObject(facts, typeName, object as JsonObject);
}

const MAGIC = Buffer.from('k8s\0', 'latin1');
/** Content encoding and content type: empty, and written, as Go does. */
const ENVELOPE_TAIL = Buffer.from([0x1a, 0x00, 0x22, 0x00]);
const RAW_TAG = 0x12;
const TYPE_TAG = 0x0a;

/** The fields of a list's message, which are written in the order of their numbers. */
export interface ListTags {
  readonly metadata: number;
  readonly items: number;
}

const LIST_TAGS: ListTags = { metadata: 0x0a, items: 0x12 };
/** Of meta.k8s.io/v1beta1 PartialObjectMetadataList alone. */
const ITEMS_FIRST: ListTags = { metadata: 0x12, items: 0x0a };
export const listTags = ({ as, metaVersion }: Representation): ListTags =>
  as === 'PartialObjectMetadataList' && metaVersion === 'v1beta1' ? ITEMS_FIRST : LIST_TAGS;

/** One item of a list, as a field of the list's message. */
export function protobufItem(facts: Facts, typeName: string, object: KubeObject | JsonObject, tags: ListTags): Buffer {
  return framed(tags.items, encodeProtobufMessage(facts, typeName, object as JsonObject));
}

export const protobufListMeta = (facts: Facts, metadata: JsonObject, tags: ListTags): Buffer =>
  framed(tags.metadata, encodeProtobufMessage(facts, 'machinery.meta.v1.ListMeta', metadata));

/** The message of an object that is shown by its metadata alone, in either version. */
export const PARTIAL_TYPE = 'machinery.meta.v1.PartialObjectMetadata';

/** What `partialOf` made of an object, or of a list that is not stored. */
export function protobufPartial(facts: Facts, partial: JsonObject, representation: Representation): Uint8Array {
  const { metadata, items, apiVersion, kind } = partial;
  if (!Array.isArray(items)) return encodeProtobufObject(facts, PARTIAL_TYPE, partial);
  const tags = listTags(representation);
  const meta = protobufListMeta(facts, metadata as JsonObject, tags);
  const all = items.map((item) => protobufItem(facts, PARTIAL_TYPE, item as JsonObject, tags));
  const message = Buffer.concat(tags.metadata < tags.items ? [meta, ...all] : [...all, meta]);
  return Buffer.concat([protobufListHead(String(apiVersion), String(kind), message.length), message, protobufListTail]);
}

/** A stored object's metadata alone. */
export const partialObject = (entry: StoredEntry, { metaVersion }: Representation): JsonObject =>
  JSON.parse(partialBytes(entry, metaVersion).toString('utf8')) as JsonObject;

/** What stands before the fields of a list of so many bytes; the tail follows them. */
export function protobufListHead(apiVersion: string, kind: string, bytes: number): Buffer {
  const type = Buffer.concat([framed(0x0a, Buffer.from(apiVersion)), framed(0x12, Buffer.from(kind))]);
  return Buffer.concat([MAGIC, framed(TYPE_TAG, type), Buffer.from([RAW_TAG]), varint(bytes)]);
}

export const protobufListTail = ENVELOPE_TAIL;

/** A watch event: its length in four bytes, then the message; the object in its own envelope. */
export function protobufEvent(type: string, object: Uint8Array): Buffer {
  const raw = framed(0x0a, object);
  const event = Buffer.concat([framed(0x0a, Buffer.from(type)), framed(0x12, raw)]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(event.length);
  return Buffer.concat([length, event]);
}

const framed = (tag: number, bytes: Uint8Array): Buffer => Buffer.concat([Buffer.from([tag]), varint(bytes.length), bytes]);

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}
