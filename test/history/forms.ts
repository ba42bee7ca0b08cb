/** The forms in which a server writes the events of a watch, taken apart again, apart from the code that writes them. */
import { builtinFacts } from '../../src/api/facts.ts';
import type { WatchEvent } from '../../src/machinery/exchange.ts';
import type { JsonObject } from '../../src/machinery/object.ts';
import { decodeProtobufObject } from '../../src/schema/protobuf-decode.ts';

/** `columns`: how many columns a Table describes; absent in other forms. */
export interface Heard {
  readonly event: WatchEvent;
  readonly columns?: number;
}

export interface Form {
  readonly name: string;
  readonly accept: string;
  /** More to ask for. */
  readonly query: readonly (readonly [name: string, value: string])[];
  /** Objects come without spec, data and status. */
  readonly metadataOnly: boolean;
  /** Whether nothing else comes than Tables. */
  readonly isTable: boolean;
  /** What a watch is refused with. */
  readonly refusal: (bytes: Buffer) => JsonObject;
  /** Cuts whole events from the front of the bytes. */
  readonly take: (bytes: Buffer) => { readonly heard: readonly Heard[]; readonly rest: Buffer };
}

const refusal = (bytes: Buffer): JsonObject => JSON.parse(bytes.toString()) as JsonObject;
const json = { query: [], metadataOnly: false, isTable: false, refusal } as const;
const PARTIAL = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
const TABLE = 'application/json;as=Table;g=meta.k8s.io;v=v1';

export const JSON_FORM: Form = { ...json, name: 'JSON', accept: 'application/json', take: lines((event) => ({ event: event as unknown as WatchEvent })) };

export const FORMS: readonly Form[] = [
  JSON_FORM,
  {
    ...json,
    name: 'protobuf',
    accept: 'application/vnd.kubernetes.protobuf',
    take: messages,
    refusal: (bytes) => decodeProtobufObject(builtinFacts, bytes, typeNameOf),
  },
  { ...json, name: 'metadata', accept: PARTIAL, metadataOnly: true, take: JSON_FORM.take },
  { ...json, name: 'Table', accept: TABLE, metadataOnly: true, isTable: true, take: lines(fromTable) },
  { ...json, name: 'Table with objects', accept: TABLE, query: [['includeObject', 'Object']], isTable: true, take: lines(fromTable) },
];

const NEWLINE = 0x0a;

function lines(read: (event: JsonObject) => Heard): Form['take'] {
  return (bytes) => {
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    const whole = bytes.toString('utf8', 0, end).split('\n').slice(0, -1);
    return { heard: whole.map((line) => read(JSON.parse(line) as JsonObject)), rest: bytes.subarray(end) };
  };
}

/** One row a Table; a bookmark is a Table without rows. */
function fromTable(event: JsonObject): Heard {
  const table = event.object as {
    readonly kind: string;
    readonly columnDefinitions?: readonly unknown[];
    readonly rows?: readonly { readonly object: JsonObject }[];
  };
  if (table.kind !== 'Table') return { event: event as unknown as WatchEvent };
  const columns = table.columnDefinitions?.length ?? 0;
  const rows = table.rows ?? [];
  if (rows.length > 1) throw new Error(`a Table of ${rows.length} rows in a watch`);
  return { event: { ...event, object: rows[0]?.object ?? table } as unknown as WatchEvent, columns };
}

const LENGTH_BYTES = 4;

/** Four bytes of length, then `WatchEvent { type = 1, object = 2 { raw = 1 } }`; the object in Kubernetes' own envelope. */
function messages(bytes: Buffer): { readonly heard: readonly Heard[]; readonly rest: Buffer } {
  const heard: Heard[] = [];
  let rest = bytes;
  while (rest.length >= LENGTH_BYTES && rest.length >= LENGTH_BYTES + rest.readUInt32BE(0)) {
    const end = LENGTH_BYTES + rest.readUInt32BE(0);
    const fields = fieldsOf(rest.subarray(LENGTH_BYTES, end));
    const raw = fieldsOf(fields.get(2) ?? Buffer.alloc(0)).get(1) ?? Buffer.alloc(0);
    const object = decodeProtobufObject(builtinFacts, raw, typeNameOf);
    heard.push({ event: { type: fields.get(1)?.toString(), object } as unknown as WatchEvent });
    rest = rest.subarray(end);
  }
  return { heard, rest };
}

const typeNameOf = (apiVersion: string, kind: string): string | undefined =>
  apiVersion !== 'v1' ? undefined : kind === 'Status' ? 'machinery.meta.v1.Status' : `core.v1.${kind}`;

/** A message of nothing but fields with a length, each once. */
function fieldsOf(message: Buffer): ReadonlyMap<number, Buffer> {
  const fields = new Map<number, Buffer>();
  for (let at = 0; at < message.length; ) {
    const number = (message[at] ?? 0) >> 3;
    let length = 0;
    let shift = 0;
    do {
      at++;
      length |= ((message[at] ?? 0) & 0x7f) << shift;
      shift += 7;
    } while ((message[at] ?? 0) & 0x80);
    fields.set(number, message.subarray(at + 1, at + 1 + length));
    at += 1 + length;
  }
  return fields;
}
