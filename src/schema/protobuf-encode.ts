import { decodeBase64 } from '../machinery/base64.ts';
import type { Json, JsonObject } from '../machinery/object.ts';
import type { Facts } from './facts.ts';
import { type ItemShape, MAGIC, type MessagePlan, messagePlan, type Part, type Scalar, SCHEMA } from './protobuf-plan.ts';
import { type NestedWrites, writeSpecial } from './protobuf-special.ts';
import { BYTES, FIXED64, VARINT, WireWriter } from './protobuf-wire.ts';

/** `object` is of that type; its kind and apiVersion go into the envelope. Values must fit the type, as `decode` leaves them. */
export function encodeProtobufObject(facts: Facts, typeName: string, object: JsonObject): Uint8Array {
  const writer = new WireWriter();
  // contentType and contentEncoding are empty, and written, as Go does.
  writer.string('');
  writer.tag(4, BYTES);
  writer.string('');
  writer.tag(3, BYTES);
  const before = writer.length;
  new Encoder(facts).message(typeName, writer, object);
  writer.varint(writer.length - before);
  writer.tag(2, BYTES);
  const beforeType = writer.length;
  writer.string(text(object.kind));
  writer.tag(2, BYTES);
  writer.string(text(object.apiVersion));
  writer.tag(1, BYTES);
  writer.varint(writer.length - beforeType);
  writer.tag(1, BYTES);
  writer.raw(Uint8Array.from(MAGIC));
  return writer.finish();
}

export function encodeProtobufMessage(facts: Facts, typeName: string, object: JsonObject): Uint8Array {
  const writer = new WireWriter();
  new Encoder(facts).message(typeName, writer, object);
  return writer.finish();
}

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

class Encoder implements NestedWrites {
  readonly #facts: Facts;

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  message(typeName: string, writer: WireWriter, object: JsonObject): void {
    this.#parts(messagePlan(this.#facts, typeName), writer, object);
  }

  writeSchema(writer: WireWriter, value: JsonObject): void {
    this.message(SCHEMA, writer, value);
  }

  #parts(plan: MessagePlan, writer: WireWriter, object: JsonObject): void {
    for (const [number, part] of plan.descending) {
      if ('inner' in part) this.#inner(number, part.inner, writer, object);
      else this.#field(number, part, writer, object[part.field]);
    }
  }

  /** Left out when it would be empty. */
  #inner(number: number, plan: MessagePlan, writer: WireWriter, object: JsonObject): void {
    const before = writer.length;
    this.#parts(plan, writer, object);
    if (writer.length === before) return;
    writer.varint(writer.length - before);
    writer.tag(number, BYTES);
  }

  #field(number: number, part: Extract<Part, { field: string }>, writer: WireWriter, value: Json | undefined): void {
    const { shape } = part;
    if (value === undefined || value === null) return;
    if ('list' in shape) {
      const items = Array.isArray(value) ? (value as readonly Json[]) : [];
      for (let i = items.length - 1; i >= 0; i--) this.#item(number, shape.list, writer, items[i] ?? null);
    } else if ('map' in shape) {
      for (const key of Object.keys(value).sort().reverse()) this.#entry(number, key, shape.map, writer, (value as JsonObject)[key] ?? null);
    } else {
      this.#item(number, shape, writer, value);
    }
  }

  #entry(number: number, key: string, shape: ItemShape, writer: WireWriter, value: Json): void {
    const before = writer.length;
    this.#item(2, shape, writer, value);
    writer.string(key);
    writer.tag(1, BYTES);
    writer.varint(writer.length - before);
    writer.tag(number, BYTES);
  }

  #item(number: number, shape: ItemShape, writer: WireWriter, value: Json): void {
    if ('scalar' in shape) {
      writer.tag(number, writeScalar(shape.scalar, writer, value));
      return;
    }
    const before = writer.length;
    if ('message' in shape) this.message(shape.message, writer, (value ?? {}) as JsonObject);
    else writeSpecial(shape.special, writer, value, this);
    writer.varint(writer.length - before);
    writer.tag(number, BYTES);
  }
}

/** Writes the value and returns its wire type. */
function writeScalar(scalar: Scalar, writer: WireWriter, value: Json): number {
  switch (scalar) {
    case 'string':
      writer.string(typeof value === 'string' ? value : String(value));
      return BYTES;
    case 'bytes':
      writer.bytes(decodeBase64(typeof value === 'string' ? value : '') ?? new Uint8Array());
      return BYTES;
    case 'double':
      writer.double(Number(value));
      return FIXED64;
    case 'bool':
      writer.varint(value === true ? 1 : 0);
      return VARINT;
    case 'int32':
    case 'int64':
      writer.varint(Math.trunc(Number(value)));
      return VARINT;
  }
}
