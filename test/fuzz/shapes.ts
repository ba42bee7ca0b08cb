/** Mutators that know a format: most of what they make still has it, so that the code behind the first check is reached. */
import type { Random } from '../../src/base/random.ts';
import type { Json } from '../../src/machinery/object.ts';
import { below, joined, type Mutator, oneOf } from './mutate.ts';

const KEYS = ['name', 'metadata', 'labels', 'spec', 'a', '', '__proto__', 'constructor', '$patch', '$retainKeys', 'a/b', 'a~b', '0', '-'];
const VALUES: readonly Json[] = [
  null,
  true,
  false,
  0,
  -0,
  1,
  -1,
  2 ** 31,
  2 ** 53,
  1e300,
  1e-9,
  '',
  'a',
  '0',
  '__proto__',
  '\0',
  '\ud800',
  'é',
  [],
  {},
  [null],
  [[]],
  { a: null },
];

/** JSON text in which something at one place is another. Text that is none is left alone. */
export const jsonShape: Mutator = (random, input) => {
  let root: { value: Json };
  try {
    root = { value: JSON.parse(Buffer.from(input).toString()) as Json };
  } catch {
    return input;
  }
  const spots: (() => void)[] = [];
  const all: Json[] = [];
  visit(random, root, spots, all);
  oneOf(random, spots)();
  return Buffer.from(JSON.stringify(root.value) ?? 'null');
};

function visit(random: Random, holder: object, spots: (() => void)[], all: Json[]): void {
  const set = (key: string, value: Json): unknown => Object.defineProperty(holder, key, { value, writable: true, enumerable: true, configurable: true });
  for (const [key, value] of Object.entries(holder) as [string, Json][]) {
    all.push(value);
    spots.push(() => set(key, oneOf(random, VALUES)));
    spots.push(() => set(key, structuredClone(oneOf(random, all))));
    spots.push(() => (Array.isArray(holder) ? holder.splice(Number(key), 1) : key === 'value' || delete (holder as Record<string, Json>)[key]));
    spots.push(() => (Array.isArray(holder) ? holder.splice(Number(key), 0, structuredClone(oneOf(random, all))) : set(oneOf(random, KEYS), value)));
    if (typeof value === 'object' && value !== null) visit(random, value, spots, all);
  }
}

/** A field of a protobuf message: its tag, and what it holds. */
interface WireField {
  readonly tag: number;
  readonly value: { readonly varint: bigint } | { readonly fixed: Uint8Array } | { readonly bytes: Uint8Array; readonly message: WireField[] | undefined };
}

/** Protobuf in which a field at some depth went, came twice, or holds something else; the lengths around it are right. `skip`: bytes before the message. */
export const protobufShape =
  (skip: number): Mutator =>
  (random, input) => {
    const message = readMessage(input.subarray(skip), 0);
    if (message === undefined || message.length === 0) return input;
    const lists: WireField[][] = [];
    const collect = (list: WireField[]): void => {
      if (list.length > 0) lists.push(list);
      for (const { value } of list) if ('message' in value && value.message !== undefined) collect(value.message);
    };
    collect(message);
    const list = oneOf(random, lists);
    const at = below(random, list.length);
    const field = list[at] as WireField;
    // A copy: it may hold the place that it is put into.
    const donor = structuredClone(oneOf(random, oneOf(random, lists)));
    const changes: readonly (() => void)[] = [
      () => list.splice(at, 1),
      () => list.splice(at, 0, donor),
      () => list.splice(at, 0, field),
      () => (list[at] = { ...field, tag: ((below(random, 40) + 1) << 3) | (field.tag & 7) }),
      () => (list[at] = { tag: (field.tag & ~7) >>> 0, value: { varint: oneOf(random, VARINTS) } }),
      () => (list[at] = { tag: ((field.tag & ~7) | 2) >>> 0, value: { bytes: random.bytes(below(random, 9)), message: undefined } }),
      () => (list[at] = { tag: ((field.tag & ~7) | 2) >>> 0, value: 'bytes' in donor.value ? donor.value : { bytes: new Uint8Array(), message: undefined } }),
    ];
    oneOf(random, changes)();
    return joined(input.subarray(0, skip), writeMessage(message));
  };

const VARINTS = [0n, 1n, 2n, 127n, 128n, 0x7fffffffn, 0xffffffffn, 0x7fffffffffffffffn, 0xffffffffffffffffn];
const DEEPEST = 12;

function readMessage(bytes: Uint8Array, depth: number): WireField[] | undefined {
  const fields: WireField[] = [];
  let at = 0;
  const varint = (): bigint | undefined => {
    let value = 0n;
    for (let shift = 0n; shift < 70n && at < bytes.length; shift += 7n) {
      const byte = bytes[at++] as number;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return undefined;
  };
  while (at < bytes.length) {
    const tag = varint();
    if (tag === undefined || tag < 8n || tag > 0xffffffffn) return undefined;
    const wire = Number(tag & 7n);
    if (wire === 0) {
      const value = varint();
      if (value === undefined) return undefined;
      fields.push({ tag: Number(tag), value: { varint: value } });
    } else if (wire === 1 || wire === 5) {
      const size = wire === 1 ? 8 : 4;
      if (at + size > bytes.length) return undefined;
      fields.push({ tag: Number(tag), value: { fixed: bytes.subarray(at, at + size) } });
      at += size;
    } else if (wire === 2) {
      const length = varint();
      if (length === undefined || length > BigInt(bytes.length - at)) return undefined;
      const piece = bytes.subarray(at, at + Number(length));
      at += piece.length;
      fields.push({ tag: Number(tag), value: { bytes: piece, message: depth < DEEPEST && piece.length > 1 ? readMessage(piece, depth + 1) : undefined } });
    } else return undefined;
  }
  return fields;
}

function writeMessage(fields: readonly WireField[]): Uint8Array {
  return joined(
    ...fields.map(({ tag, value }) => {
      const head = writeVarint(BigInt(tag));
      if ('varint' in value) return joined(head, writeVarint(value.varint));
      if ('fixed' in value) return joined(head, value.fixed);
      const body = value.message === undefined ? value.bytes : writeMessage(value.message);
      return joined(head, writeVarint(BigInt(body.length)), body);
    }),
  );
}

function writeVarint(value: bigint): Uint8Array {
  const out: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 0x80n) return Uint8Array.of(...out, Number(rest));
    out.push(Number(rest & 0x7fn) | 0x80);
  }
}

/** Checksums of tar headers made right, so that what the headers say is believed. */
export const tarShape: Mutator = (random, input) => {
  const out = Buffer.from(input);
  if (out.length >= 512) {
    const header = 512 * below(random, Math.floor(out.length / 512));
    const at = header + oneOf(random, [0, 1, 100, 124, 125, 134, 135, 136, 156, 157, 257, 345]);
    out[at] = oneOf(random, [0, 0x30, 0x31, 0x32, 0x35, 0x37, 0x4b, 0x4c, 0x67, 0x78, 0x80, 0xff, below(random, 256)]);
  }
  for (let at = 0; at + 512 <= out.length; at += 512) {
    // Only what looks like a header: the checksum of a file's bytes is its own matter.
    if (out.toString('latin1', at + 257, at + 262) !== 'ustar') continue;
    out.fill(0x20, at + 148, at + 156);
    const sum = out.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
    out.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
  }
  return out;
};

/** A value in DER (X.690): its tag, and what it holds. */
interface DerValue {
  readonly tag: number;
  readonly bytes: Uint8Array;
  readonly inner: DerValue[] | undefined;
}

/** DER in which a value at some depth went, came twice, or is another; the lengths around it are right. */
export const derShape: Mutator = (random, input) => {
  const values = readDer(input);
  if (values === undefined || values.length === 0) return input;
  const lists: DerValue[][] = [];
  const collect = (list: DerValue[]): void => {
    if (list.length > 0) lists.push(list);
    for (const { inner } of list) if (inner !== undefined) collect(inner);
  };
  collect(values);
  const list = oneOf(random, lists);
  const at = below(random, list.length);
  const value = list[at] as DerValue;
  const donor = structuredClone(oneOf(random, oneOf(random, lists)));
  const changes: readonly (() => void)[] = [
    () => list.splice(at, 1),
    () => list.splice(at, 0, donor),
    () => (list[at] = donor),
    () => (list[at] = { ...value, tag: oneOf(random, [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0c, 0x13, 0x16, 0x17, 0x1e, 0x30, 0x31, 0x80, 0x82, 0x87, 0xa0]) }),
    () => (list[at] = { ...value, bytes: random.bytes(below(random, 9)), inner: undefined }),
    () => (list[at] = { ...value, bytes: new Uint8Array(), inner: undefined }),
  ];
  oneOf(random, changes)();
  return writeDer(values);
};

function readDer(bytes: Uint8Array): DerValue[] | undefined {
  const values: DerValue[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] as number;
    let length = bytes[at + 1] ?? Number.NaN;
    at += 2;
    if (length >= 0x80) {
      const count = length & 0x7f;
      length = bytes.subarray(at, at + count).reduce((sum, byte) => sum * 256 + byte, 0);
      at += count;
    }
    if (!(at + length <= bytes.length)) return undefined;
    const piece = bytes.subarray(at, at + length);
    // Constructed values, and octets that hold values of their own (extensions).
    values.push({ tag, bytes: piece, inner: (tag & 0x20) !== 0 || (tag === 0x04 && piece[0] === 0x30) ? readDer(piece) : undefined });
    at += length;
  }
  return values;
}

function writeDer(values: readonly DerValue[]): Uint8Array {
  return joined(
    ...values.map(({ tag, bytes, inner }) => {
      const body = inner === undefined ? bytes : writeDer(inner);
      const { length } = body;
      const head = length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
      return joined(Uint8Array.from(head), body);
    }),
  );
}
