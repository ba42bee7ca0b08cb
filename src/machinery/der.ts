/**
 * The outside of DER (X.690), enough to see whether bytes have the shape that they should: reading certificates is for libraries, which
 * are not loaded for that. Faults are in the words of Go's `encoding/asn1`, which people know.
 */
export interface DerElement {
  /** The identifier octet: class, whether it is constructed, and the number of the tag. */
  readonly tag: number;
  /** Header and contents. */
  readonly whole: Uint8Array;
  readonly contents: Uint8Array;
}

export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;
export const OBJECT_ID = 0x06;
export const SEQUENCE = 0x30;
/** `[0]`, constructed. */
export const CONTEXT_0 = 0xa0;
/** `[3]`, constructed. */
export const CONTEXT_3 = 0xa3;

/** What the bytes begin with. */
export function readDer(bytes: Uint8Array): DerElement | { readonly fault: string } {
  if (bytes.length === 0) return { fault: syntax('sequence truncated') };
  const [tag = 0, first] = bytes;
  // Tags of several octets stand nowhere in what is read here.
  if (first === undefined || (tag & 0x1f) === 0x1f) return { fault: syntax('truncated tag or length') };
  const length = readLength(bytes, first);
  if (typeof length !== 'object') return { fault: length };
  const end = length.start + length.value;
  if (end > bytes.length) return { fault: syntax('data truncated') };
  return { tag, whole: bytes.subarray(0, end), contents: bytes.subarray(length.start, end) };
}

/** One more octet, and Go's int of 32 bits is full. */
const MAX_SHIFTED = 2 ** 23;

function readLength(bytes: Uint8Array, first: number): { readonly value: number; readonly start: number } | string {
  if (first < 0x80) return { value: first, start: 2 };
  const count = first & 0x7f;
  if (count === 0) return syntax('indefinite length found (not DER)');
  let value = 0;
  for (let i = 0; i < count; i++) {
    const next = bytes[2 + i];
    if (next === undefined) return syntax('truncated tag or length');
    if (value >= MAX_SHIFTED) return structure('length too large');
    value = value * 256 + next;
    if (value === 0) return structure('superfluous leading zeros in length');
  }
  return value < 0x80 ? structure('non-minimal length') : { value, start: 2 + count };
}

const syntax = (why: string): string => `asn1: syntax error: ${why}`;
const structure = (why: string): string => `asn1: structure error: ${why}`;

/** Of an element that is no sequence, where Go looks for one of its types. */
export function noSequence({ tag, whole, contents }: DerElement, type: string): string {
  const found = `{class:${tag >> 6} tag:${tag & 0x1f} length:${contents.length} isCompound:${(tag & 0x20) !== 0}}`;
  const wanted =
    '{optional:false explicit:false application:false private:false defaultValue:<nil> tag:<nil> stringType:0 timeType:0 set:false omitEmpty:false}';
  return structure(`tags don't match (16 vs ${found}) ${wanted} ${type} @${whole.length - contents.length}`);
}

/** Reads one element after the other. After a fault there is nothing more to read. */
export class DerReader {
  fault: string | undefined;
  #rest: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#rest = bytes;
  }

  get done(): boolean {
    return this.#rest.length === 0;
  }

  /** The next one, when it has this tag (or any); else undefined, with a fault unless it is only another one. */
  next(tag?: number): DerElement | undefined {
    if (this.fault !== undefined) return undefined;
    const element = readDer(this.#rest);
    if ('fault' in element) this.fault = element.fault;
    else if (tag === undefined || element.tag === tag) {
      this.#rest = this.#rest.subarray(element.whole.length);
      return element;
    }
    return undefined;
  }
}
