import type { Random } from '../../src/base/random.ts';

/** Makes another input from one. */
export type Mutator = (random: Random, input: Uint8Array) => Uint8Array;

export interface MutationOptions {
  readonly random: Random;
  /** Of the result; 1 or more. */
  readonly maxBytes: number;
  /** What means something to the code under test. */
  readonly words: readonly Uint8Array[];
  /** Another input of the corpus, to take pieces from. */
  readonly other: () => Uint8Array;
}

export const below = (random: Random, limit: number): number => Math.floor(random.float() * limit);
export const oneOf = <T>(random: Random, all: readonly T[]): T => all[below(random, all.length)] as T;

const NUMBERS = ['0', '-1', '1', '9', '127', '128', '255', '256', '32768', '65536', '2147483647', '2147483648', '-2147483649', '4294967296'];
const HUGE = [
  '9007199254740993',
  '9223372036854775807',
  '9223372036854775808',
  '18446744073709551616',
  '1e309',
  '0.1',
  '1e-400',
  '00',
  '0x7f',
  '99999999999999999999999',
];
const BYTES = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x0a, 0x20, 0x22, 0x27, 0x2c, 0x2e, 0x2f, 0x3a, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d, 0xc0, 0xef];

/** One to sixteen small changes, one on top of the other; one more often than not. */
export function mutate(input: Uint8Array, options: MutationOptions): Uint8Array {
  let bytes = input;
  for (let left = options.random.float() < 0.5 ? 1 : 1 << below(options.random, 5); left > 0; left--)
    bytes = oneOf(options.random, OPERATIONS)(bytes, options).subarray(0, options.maxBytes);
  return bytes;
}

type Operation = (input: Uint8Array, options: MutationOptions) => Uint8Array;

const OPERATIONS: readonly Operation[] = [
  (input, { random }) => changed(input, random, (byte) => byte ^ (1 << below(random, 8))),
  (input, { random }) => changed(input, random, () => oneOf(random, BYTES)),
  (input, { random }) => changed(input, random, () => below(random, 256)),
  (input, { random }) => changed(input, random, (byte) => byte + below(random, 9) - 4),
  // A piece goes, comes twice, moves, or takes another's place.
  (input, { random }) => {
    const [from, to] = range(random, input);
    return replaced(input, from, to, new Uint8Array());
  },
  (input, { random }) => {
    const [from, to] = range(random, input);
    return replaced(input, to, to, input.subarray(from, to));
  },
  (input, { random }) => {
    const [from, to] = range(random, input);
    const at = below(random, input.length + 1);
    return replaced(input, at, Math.min(input.length, at + to - from), input.subarray(from, to));
  },
  (input, { random, other }) => {
    const source = other();
    const [from, to] = range(random, source);
    const [start, end] = range(random, input);
    return replaced(input, start, random.float() < 0.5 ? start : end, source.subarray(from, to));
  },
  (input, { random, other }) => {
    const source = other();
    return joined(input.subarray(0, below(random, input.length + 1)), source.subarray(below(random, source.length + 1)));
  },
  word,
  word,
  word,
  number,
  number,
  (input, { random }) => {
    const at = below(random, input.length + 1);
    return replaced(input, at, at, random.bytes(1 + below(random, 8)));
  },
  pumped,
];

function changed(input: Uint8Array, random: Random, change: (byte: number) => number): Uint8Array {
  if (input.length === 0) return Uint8Array.of(below(random, 256));
  const out = input.slice();
  const at = below(random, out.length);
  out[at] = change(out[at] ?? 0) & 0xff;
  return out;
}

function word(input: Uint8Array, { random, words }: MutationOptions): Uint8Array {
  if (words.length === 0) return input;
  const given = oneOf(random, words);
  const at = below(random, input.length + 1);
  return replaced(input, at, random.float() < 0.5 ? at : Math.min(input.length, at + given.length), given);
}

/** Another number in a place where one is written in digits, or a new one. */
function number(input: Uint8Array, { random }: MutationOptions): Uint8Array {
  const given = Buffer.from(oneOf(random, random.float() < 0.7 ? NUMBERS : HUGE));
  const isDigit = (at: number): boolean => (input[at] ?? 0) >= 0x30 && (input[at] ?? 0) <= 0x39;
  const places = [...input.keys()].filter((at) => isDigit(at) && !isDigit(at - 1));
  const from = places.length === 0 ? below(random, input.length + 1) : oneOf(random, places);
  let to = from;
  while (isDigit(to)) to++;
  return replaced(input, from, to, given);
}

/** A piece many times over: what costs more than its length shows here. */
function pumped(input: Uint8Array, { random, maxBytes }: MutationOptions): Uint8Array {
  const [from, to] = range(random, input, 16);
  const piece = input.subarray(from, to);
  if (piece.length === 0 || random.float() < 0.8) return input;
  const times = Math.min(2 ** (1 + below(random, 14)), Math.floor((maxBytes - input.length) / piece.length));
  return times < 1 ? input : replaced(input, to, to, Buffer.alloc(times * piece.length, piece));
}

/** Half-open; short ones more often than long ones. */
function range(random: Random, input: Uint8Array, longest = 2 ** below(random, 12)): readonly [from: number, to: number] {
  const from = below(random, input.length + 1);
  return [from, Math.min(input.length, from + 1 + below(random, longest))];
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function replaced(input: Uint8Array, from: number, to: number, piece: Uint8Array): Uint8Array {
  return joined(input.subarray(0, from), piece, input.subarray(to));
}
