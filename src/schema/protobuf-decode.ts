import { encodeBase64 } from '../machinery/base64.ts';
import type { DraftJson, DraftObject } from '../machinery/object.ts';
import { setOwn } from '../machinery/record.ts';
import type { Facts } from './facts.ts';
import { measureJson } from './parse-json.ts';
import { type ItemShape, MAGIC, MAX_DEPTH, type MessagePlan, messagePlan, type Scalar, SCHEMA, type Shape } from './protobuf-plan.ts';
import { type NestedReads, readSpecial } from './protobuf-special.ts';
import { BYTES, FIXED64, ProtobufError, VARINT, WireReader } from './protobuf-wire.ts';

export { ProtobufError } from './protobuf-wire.ts';

/**
 * Kubernetes' protobuf (API reference, "Protobuf encoding"): four bytes `k8s\0`, then a message Unknown that names the kind and
 * holds the object. Works on any type by its facts.
 *
 * Reading gives the JSON form with what stood on the wire, zero values included: Go's encoder writes every value that is not a
 * pointer. `decode` of this folder then drops the zeros that Go's JSON omits and keeps those behind pointers (`replicas: 0`).
 */
/** More than an object may hold: the answer is 413. */
export class ProtobufTooLarge extends ProtobufError {}

/** What one body may cost: a field counts one, an entry of a map or list five, a value of JSON within it four. */
const MOST = 200_000;
const ENTRY = 4;
const JSON_VALUE = 4;
const MAX_RAW_DEPTH = 1000;

/** The type of a kind; undefined when there is none. */
export type TypeNameOf = (apiVersion: string, kind: string) => string | undefined;

export function isProtobufObject(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, i) => bytes[i] === byte);
}

/** The object with its kind and apiVersion. Throws ProtobufError. */
export function decodeProtobufObject(facts: Facts, bytes: Uint8Array, typeNameOf: TypeNameOf): DraftObject {
  return new Decoder(facts, typeNameOf).envelope(bytes);
}

/** A message without an envelope. Throws ProtobufError. */
export function decodeProtobufMessage(facts: Facts, typeName: string, bytes: Uint8Array, typeNameOf: TypeNameOf = () => undefined): DraftObject {
  return new Decoder(facts, typeNameOf).message(typeName, new WireReader(bytes));
}

class Decoder implements NestedReads {
  readonly #facts: Facts;
  readonly #typeNameOf: TypeNameOf;
  #depth = 0;
  #left = MOST;

  constructor(facts: Facts, typeNameOf: TypeNameOf) {
    this.#facts = facts;
    this.#typeNameOf = typeNameOf;
  }

  envelope(bytes: Uint8Array): DraftObject {
    if (!isProtobufObject(bytes)) throw new ProtobufError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
    const reader = new WireReader(bytes, MAGIC.length);
    let raw = new Uint8Array();
    let apiVersion = '';
    let kind = '';
    let contentType = '';
    while (!reader.done) {
      const tag = reader.tag();
      const number = tag >>> 3;
      const wire = tag & 7;
      if (number === 1 && wire === BYTES) ({ apiVersion, kind } = readTypeMeta(reader.message()));
      else if (number === 2 && wire === BYTES) raw = new Uint8Array(reader.bytes());
      else if (number === 4 && wire === BYTES) contentType = reader.string();
      else reader.skip(wire);
    }
    if (contentType.startsWith('application/json')) return this.#raw(raw) as DraftObject;
    const typeName = this.#typeNameOf(apiVersion, kind);
    if (typeName === undefined) throw new ProtobufError(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
    return { kind, apiVersion, ...this.message(typeName, new WireReader(raw)) };
  }

  message(typeName: string, reader: WireReader): DraftObject {
    const out: DraftObject = {};
    if (++this.#depth > MAX_DEPTH) throw new ProtobufError('exceeded max depth');
    this.#fields(messagePlan(this.#facts, typeName), reader, out);
    this.#depth--;
    return out;
  }

  /** JSON within, measured before anything is built. */
  #raw(bytes: Uint8Array): DraftJson {
    try {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
      const { depth, tokens } = measureJson(text);
      if (depth > MAX_RAW_DEPTH) throw new ProtobufTooLarge('nested too deeply');
      this.#spend(tokens * JSON_VALUE);
      return JSON.parse(text) as DraftJson;
    } catch (thrown) {
      if (thrown instanceof ProtobufTooLarge) throw thrown;
      throw new ProtobufError('a raw extension holds no JSON');
    }
  }

  #spend(cost: number): void {
    this.#left -= cost;
    if (this.#left < 0) throw new ProtobufTooLarge('made of too many values');
  }

  readSchema(reader: WireReader): DraftJson {
    return this.message(SCHEMA, reader);
  }

  readRaw(bytes: Uint8Array): DraftJson {
    if (bytes.length === 0) return null;
    if (++this.#depth > MAX_DEPTH) throw new ProtobufError('exceeded max depth');
    const value = isProtobufObject(bytes) ? this.envelope(bytes) : this.#raw(bytes);
    this.#depth--;
    return value;
  }

  #fields(plan: MessagePlan, reader: WireReader, out: DraftObject): void {
    while (!reader.done) {
      this.#spend(1);
      const tag = reader.tag();
      const number = tag >>> 3;
      const wire = tag & 7;
      const part = plan.byNumber.get(number);
      if (part === undefined) reader.skip(wire);
      else if ('inner' in part) {
        if (wire === BYTES) this.#fields(part.inner, reader.message(), out);
        else throw wrongWire(wire);
      } else this.#field(part.field, part.shape, wire, reader, out);
    }
  }

  #field(name: string, shape: Shape, wire: number, reader: WireReader, out: DraftObject): void {
    if ('list' in shape) {
      this.#spend(ENTRY);
      const list = (out[name] ??= []) as DraftJson[];
      if (isPacked(shape.list, wire)) {
        for (const packed = reader.message(); !packed.done; this.#spend(1)) list.push(this.#item(shape.list, VARINT, packed));
      } else list.push(this.#item(shape.list, wire, reader));
    } else if ('map' in shape) {
      if (wire !== BYTES) throw wrongWire(wire);
      this.#spend(ENTRY);
      const { key, value } = this.#entry(shape.map, reader.message());
      setOwn((out[name] ??= {}) as DraftObject, key, value);
    } else {
      out[name] = this.#item(shape, wire, reader);
    }
  }

  #entry(shape: ItemShape, reader: WireReader): { readonly key: string; readonly value: DraftJson } {
    let key = '';
    let value: DraftJson | undefined;
    while (!reader.done) {
      const tag = reader.tag();
      const number = tag >>> 3;
      const wire = tag & 7;
      if (number === 1 && wire === BYTES) key = reader.string();
      else if (number === 2) value = this.#item(shape, wire, reader);
      else reader.skip(wire);
    }
    return { key, value: value ?? zeroOf(shape) };
  }

  #item(shape: ItemShape, wire: number, reader: WireReader): DraftJson {
    if ('scalar' in shape) return readScalar(shape.scalar, wire, reader);
    if (wire !== BYTES) throw wrongWire(wire);
    if ('message' in shape) return this.message(shape.message, reader.message());
    return readSpecial(shape.special, reader.message(), this);
  }
}

const wrongWire = (wire: number): ProtobufError => new ProtobufError(`proto: wrong wireType = ${wire}`);

/** Lists of numbers and flags may come in one piece. */
const isPacked = (shape: ItemShape, wire: number): boolean =>
  wire === BYTES && 'scalar' in shape && (shape.scalar === 'int32' || shape.scalar === 'int64' || shape.scalar === 'bool');

/** An entry of a map without a value has the value zero. */
function zeroOf(shape: ItemShape): DraftJson {
  if ('scalar' in shape) return shape.scalar === 'string' || shape.scalar === 'bytes' ? '' : shape.scalar === 'bool' ? false : 0;
  if ('message' in shape) return {};
  return shape.special === 'quantity' ? '0' : shape.special === 'strings' ? [] : null;
}

function readScalar(scalar: Scalar, wire: number, reader: WireReader): DraftJson {
  const expected = scalar === 'string' || scalar === 'bytes' ? BYTES : scalar === 'double' ? FIXED64 : VARINT;
  if (wire !== expected) throw wrongWire(wire);
  switch (scalar) {
    case 'string':
      return reader.string();
    case 'bytes':
      return encodeBase64(reader.bytes());
    case 'double':
      return reader.double();
    case 'bool':
      return reader.varint() !== 0n;
    case 'int32':
      return reader.signed() | 0;
    case 'int64':
      return reader.signed();
  }
}

function readTypeMeta(reader: WireReader): { readonly apiVersion: string; readonly kind: string } {
  let apiVersion = '';
  let kind = '';
  while (!reader.done) {
    const tag = reader.tag();
    const number = tag >>> 3;
    const wire = tag & 7;
    if (number === 1 && wire === BYTES) apiVersion = reader.string();
    else if (number === 2 && wire === BYTES) kind = reader.string();
    else reader.skip(wire);
  }
  return { apiVersion, kind };
}
