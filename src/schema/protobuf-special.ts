import type { DraftJson, Json, JsonObject } from '../machinery/object.ts';
import { formatDuration, formatTime, parseDuration, parseTime } from '../machinery/time.ts';
import type { Special } from './protobuf-plan.ts';
import { BYTES, ProtobufError, VARINT, type WireReader, type WireWriter } from './protobuf-wire.ts';

/** What special types need of the codec around them. */
export interface NestedReads {
  readSchema(reader: WireReader): DraftJson;
  /** Bytes of a RawExtension: JSON, or an object in an envelope of its own. */
  readRaw(bytes: Uint8Array): DraftJson;
}

export interface NestedWrites {
  writeSchema(writer: WireWriter, value: JsonObject): void;
}

const encoder = new TextEncoder();

/** Types of Kubernetes whose JSON form is not their message's (generated.proto of apimachinery and apiextensions). Null: nothing is set. */
export function readSpecial(special: Special, reader: WireReader, nested: NestedReads): DraftJson {
  const parts = new Map<number, (bigint | string | Uint8Array | DraftJson)[]>();
  while (!reader.done) {
    const tag = reader.tag();
    const number = tag >>> 3;
    const wire = tag & 7;
    const value = readPart(special, number, wire, reader, nested);
    const known = parts.get(number);
    if (known === undefined) parts.set(number, [value]);
    else known.push(value);
  }
  const last = (number: number): bigint => {
    const value = parts.get(number)?.at(-1);
    return typeof value === 'bigint' ? value : 0n;
  };
  switch (special) {
    case 'quantity':
      return (parts.get(1)?.at(-1) as string | undefined) ?? '0';
    case 'time':
    case 'microTime':
      return readTime(BigInt.asIntN(64, last(1)), BigInt.asIntN(32, last(2)), special);
    case 'duration':
      return formatDuration(Number(BigInt.asIntN(64, last(1))) / 1e6);
    case 'intOrString':
      return last(1) === 0n ? Number(BigInt.asIntN(32, last(2))) : ((parts.get(3)?.at(-1) as string | undefined) ?? '');
    case 'rawJson':
      return nested.readRaw((parts.get(1)?.at(-1) as Uint8Array | undefined) ?? new Uint8Array());
    case 'strings':
      return (parts.get(1) ?? []) as string[];
    case 'schemaOrBool':
      return parts.has(2) ? ((parts.get(2)?.at(-1) ?? null) as DraftJson) : last(1) !== 0n;
    case 'schemaOrArray':
    case 'schemaOrStrings':
      return parts.has(2) ? (parts.get(2) as DraftJson[]) : ((parts.get(1)?.at(-1) ?? null) as DraftJson);
  }
}

/** The wire types of the fields of each, by number. */
const WIRES: Readonly<Record<Special, Readonly<Record<number, number>>>> = {
  quantity: { 1: BYTES },
  time: { 1: VARINT, 2: VARINT },
  microTime: { 1: VARINT, 2: VARINT },
  duration: { 1: VARINT },
  intOrString: { 1: VARINT, 2: VARINT, 3: BYTES },
  rawJson: { 1: BYTES },
  strings: { 1: BYTES },
  schemaOrBool: { 1: VARINT, 2: BYTES },
  schemaOrArray: { 1: BYTES, 2: BYTES },
  schemaOrStrings: { 1: BYTES, 2: BYTES },
};

function readPart(special: Special, number: number, wire: number, reader: WireReader, nested: NestedReads): bigint | string | Uint8Array | DraftJson {
  const wanted = WIRES[special][number];
  if (wanted === undefined) {
    reader.skip(wire);
    return null;
  }
  if (wire !== wanted) throw new ProtobufError(`proto: wrong wireType = ${wire} for field ${number}`);
  if (wire === VARINT) return reader.varint();
  if (special === 'rawJson') return reader.bytes();
  const isSchema = special === 'schemaOrArray' || (special === 'schemaOrBool' && number === 2) || (special === 'schemaOrStrings' && number === 1);
  return isSchema ? nested.readSchema(reader.message()) : reader.string();
}

/** The zero time is no time: Go's own reading. Fractions are kept out of floating point. */
function readTime(seconds: bigint, nanos: bigint, special: 'time' | 'microTime'): string | null {
  if (seconds === 0n && nanos === 0n) return null;
  if (seconds < FIRST_SECOND || seconds > LAST_SECOND || nanos < 0n || nanos >= NANOS) throw new ProtobufError(`a time of ${seconds} seconds is out of range`);
  const text = formatTime(Number(seconds) * 1000);
  return special === 'time' ? text : `${text.slice(0, -1)}.${String(nanos / 1000n).padStart(6, '0')}Z`;
}

const NANOS = 1_000_000_000n;
/** The years 1 to 9999. */
const FIRST_SECOND = -62_135_596_800n;
const LAST_SECOND = 253_402_300_799n;

/** Writes the fields of the message, the last one first. */
export function writeSpecial(special: Special, writer: WireWriter, value: Json, nested: NestedWrites): void {
  switch (special) {
    case 'quantity':
      return writeText(writer, 1, String(value));
    case 'time':
    case 'microTime':
      return writeTime(writer, value);
    case 'duration':
      return writeInteger(writer, 1, BigInt(Math.round((parseDuration(String(value)) ?? 0) * 1e6)));
    case 'intOrString':
      if (typeof value === 'number') return writeInteger(writer, 2, BigInt(value));
      writeText(writer, 3, String(value));
      return writeInteger(writer, 1, 1n);
    case 'rawJson':
      if (value === null) return;
      writer.bytes(encoder.encode(JSON.stringify(value)));
      return writer.tag(1, BYTES);
    case 'strings':
      return writeEach(value, (item) => writeText(writer, 1, String(item)));
    case 'schemaOrBool':
      if (typeof value === 'boolean') return writeInteger(writer, 1, value ? 1n : 0n);
      writeSchema(writer, 2, value, nested);
      return writeInteger(writer, 1, 1n);
    case 'schemaOrArray':
      return Array.isArray(value) ? writeEach(value, (item) => writeSchema(writer, 2, item, nested)) : writeSchema(writer, 1, value, nested);
    case 'schemaOrStrings':
      return Array.isArray(value) ? writeEach(value, (item) => writeText(writer, 2, String(item))) : writeSchema(writer, 1, value, nested);
  }
}

function writeEach(list: Json, write: (item: Json) => void): void {
  for (const item of [...(Array.isArray(list) ? (list as readonly Json[]) : [])].reverse()) write(item);
}

function writeText(writer: WireWriter, number: number, text: string): void {
  writer.string(text);
  writer.tag(number, BYTES);
}

function writeInteger(writer: WireWriter, number: number, value: bigint): void {
  writer.varint(value);
  writer.tag(number, VARINT);
}

function writeSchema(writer: WireWriter, number: number, value: Json, nested: NestedWrites): void {
  const before = writer.length;
  nested.writeSchema(writer, (value ?? {}) as JsonObject);
  writer.varint(writer.length - before);
  writer.tag(number, BYTES);
}

function writeTime(writer: WireWriter, value: Json): void {
  const ms = typeof value === 'string' ? parseTime(value) : undefined;
  if (ms === undefined) return;
  const micros = /\.(\d{1,6})/.exec(String(value))?.[1]?.padEnd(6, '0') ?? '0';
  if (Number(micros) !== 0) writeInteger(writer, 2, BigInt(micros) * 1000n);
  writeInteger(writer, 1, BigInt(Math.floor(ms / 1000)));
}
