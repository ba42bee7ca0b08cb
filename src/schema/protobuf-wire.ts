/** The wire format itself: varints, lengths, fields. Nothing here knows of Kubernetes. */
export class ProtobufError extends Error {
  override readonly name = 'ProtobufError';
}

export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
export const FIXED32 = 5;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads one message: a part of a shared buffer. Every method throws ProtobufError at the end of that part. */
export class WireReader {
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  /** The field's number times eight, and its wire type in the lowest three bits. */
  tag(): number {
    const tag = this.#small();
    if (tag < 8) throw new ProtobufError(`proto: illegal tag ${tag >>> 3}`);
    return tag;
  }

  /** A varint of at most 32 bits: tags and lengths. */
  #small(): number {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 28; scale *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value <= 0xffff_ffff ? value : this.#overflow();
    }
    return this.#overflow();
  }

  #overflow(): never {
    throw new ProtobufError('proto: integer overflow');
  }

  /** As a number where it is one of 32 bits or a small negative one; the usual case, without big integers. */
  signed(): number {
    const at = this.#at;
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return low;
    }
    this.#at = at;
    const value = BigInt.asIntN(64, this.varint());
    if (!Number.isSafeInteger(Number(value))) throw new ProtobufError(`the whole number ${value} is beyond 2^53`);
    return Number(value);
  }

  /** Unsigned, 64 bits. */
  varint(): bigint {
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt(low);
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new ProtobufError('proto: integer overflow');
  }

  double(): number {
    const at = this.#take(8);
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset).getFloat64(at, true);
  }

  /** A view into the buffer; copy it to keep it. */
  bytes(): Uint8Array {
    const length = this.#length();
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  string(): string {
    const bytes = this.bytes();
    try {
      return utf8.decode(bytes);
    } catch {
      throw new ProtobufError('proto: a string is no valid UTF-8');
    }
  }

  message(): WireReader {
    const length = this.#length();
    const at = this.#take(length);
    return new WireReader(this.#bytes, at, at + length);
  }

  skip(wire: number): void {
    if (wire === VARINT) this.varint();
    else if (wire === FIXED64) this.#take(8);
    else if (wire === BYTES) this.#take(this.#length());
    else if (wire === FIXED32) this.#take(4);
    else throw new ProtobufError(`proto: illegal wireType ${wire}`);
  }

  #length(): number {
    const length = this.#small();
    if (length > this.#end - this.#at) throw new ProtobufError('unexpected EOF');
    return length;
  }

  #byte(): number {
    if (this.#at >= this.#end) throw new ProtobufError('unexpected EOF');
    return this.#bytes[this.#at++] as number;
  }

  #take(length: number): number {
    if (length > this.#end - this.#at) throw new ProtobufError('unexpected EOF');
    const at = this.#at;
    this.#at += length;
    return at;
  }
}

const encoder = new TextEncoder();

/** Writes from the end to the beginning, so that a message's length is known when it comes to be written. */
export class WireWriter {
  #bytes = new Uint8Array(1024);
  #at = 1024;

  /** Bytes written so far: remember it before a message's contents. */
  get length(): number {
    return this.#bytes.length - this.#at;
  }

  varint(value: bigint | number): void {
    if (typeof value === 'number' && value >= 0 && value < 0x8000_0000) this.#small(value);
    else this.#large(BigInt.asUintN(64, BigInt(value)));
  }

  #small(value: number): void {
    const length = value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
    let at = this.#reserve(length);
    for (let rest = value; ; rest >>>= 7) {
      if (rest < 0x80) {
        this.#bytes[at] = rest;
        return;
      }
      this.#bytes[at++] = (rest & 0x7f) | 0x80;
    }
  }

  #large(value: bigint): void {
    const bytes: number[] = [];
    for (let rest = value; ; rest >>= 7n) {
      if (rest < 0x80n) {
        bytes.push(Number(rest));
        break;
      }
      bytes.push(Number(rest & 0x7fn) | 0x80);
    }
    const at = this.#reserve(bytes.length);
    for (let i = 0; i < bytes.length; i++) this.#bytes[at + i] = bytes[i] as number;
  }

  tag(number: number, wire: number): void {
    this.varint(number * 8 + wire);
  }

  double(value: number): void {
    const at = this.#reserve(8);
    new DataView(this.#bytes.buffer).setFloat64(at, value, true);
  }

  /** Without a length. */
  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  bytes(bytes: Uint8Array): void {
    this.raw(bytes);
    this.varint(bytes.length);
  }

  string(text: string): void {
    // Most texts are short and ASCII: written byte by byte they need no buffer of their own.
    const { length } = text;
    if (length <= 64) {
      const at = this.#reserve(length);
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code > 0x7f) break;
        this.#bytes[at + i] = code;
      }
      if (i === length) {
        this.#small(length);
        return;
      }
      this.#at = at + length;
    }
    this.bytes(encoder.encode(text));
  }

  /** The bytes written; the writer is not to be used afterwards. */
  finish(): Uint8Array {
    return this.#bytes.subarray(this.#at);
  }

  #reserve(length: number): number {
    if (this.#at < length) this.#grow(length);
    this.#at -= length;
    return this.#at;
  }

  #grow(length: number): void {
    const used = this.length;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, used + length));
    grown.set(this.#bytes.subarray(this.#at), grown.length - used);
    this.#at = grown.length - used;
    this.#bytes = grown;
  }
}
