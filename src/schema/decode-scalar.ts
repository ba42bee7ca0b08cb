import type { DraftJson, DraftObject, JsonObject } from '../machinery/object.ts';
import { canonicalQuantity, readQuantity } from '../machinery/quantity.ts';
import { setOwn } from '../machinery/record.ts';
import { canonicalMicroTime, canonicalTime, parseDuration, formatDuration, type TimeFault } from '../machinery/time.ts';
import type { Facts } from './facts.ts';
import { goValueName } from './go-type.ts';

/** Thrown inside one decoding, caught by `decode`. */
export class DecodeFault extends Error {
  /** The same of a value that was not read from a text, in the words of apimachinery's converter; undefined: as the message. */
  readonly converting: string | undefined;

  constructor(message: string, converting?: string) {
    super(message);
    this.converting = converting;
  }
}

/** Values without fields: how each is checked and written. `free` is any JSON, kept as it is. */
export type ScalarKind =
  | 'string'
  | 'boolean'
  | 'int32'
  | 'int64'
  | 'double'
  | 'bytes'
  | 'quantity'
  | 'time'
  | 'microTime'
  | 'duration'
  | 'intOrString'
  | 'free';

const BY_REF: ReadonlyMap<string, ScalarKind> = new Map<string, ScalarKind>([
  ['string', 'string'],
  ['boolean', 'boolean'],
  ['integer:int32', 'int32'],
  ['integer:int64', 'int64'],
  ['integer', 'int64'],
  ['number:double', 'double'],
  ['number', 'double'],
  ['string:byte', 'bytes'],
  ['machinery.api.resource.Quantity', 'quantity'],
  ['machinery.meta.v1.Time', 'time'],
  ['machinery.meta.v1.MicroTime', 'microTime'],
  ['machinery.meta.v1.Duration', 'duration'],
  ['machinery.util.intstr.IntOrString', 'intOrString'],
]);

/** Undefined for a type with fields. */
export function scalarKind(facts: Facts, ref: string): ScalarKind | undefined {
  const known = BY_REF.get(ref);
  if (known !== undefined) return known;
  const type = facts.type(ref);
  return type === undefined || type.scalar !== undefined ? 'free' : undefined;
}

/** Go's zero value as JSON; undefined: nothing is printed. Times print null. */
export function zeroScalar(kind: ScalarKind): string | number | boolean | null | undefined {
  switch (kind) {
    case 'string':
    case 'bytes':
      return '';
    case 'boolean':
      return false;
    case 'int32':
    case 'int64':
    case 'double':
    case 'intOrString':
      return 0;
    case 'quantity':
      return '0';
    case 'duration':
      return '0s';
    case 'time':
    case 'microTime':
      return null;
    case 'free':
      return undefined;
  }
}

export interface ScalarFault {
  /** Absent: the value has the wrong type. */
  readonly fault: string | undefined;
}

const WRONG_TYPE: ScalarFault = { fault: undefined };

export function decodeScalar(kind: ScalarKind, value: unknown): string | number | boolean | ScalarFault {
  switch (kind) {
    case 'string':
      if (typeof value !== 'string') return WRONG_TYPE;
      return value.isWellFormed() ? value : value.toWellFormed();
    case 'boolean':
      return typeof value === 'boolean' ? value : WRONG_TYPE;
    case 'int32':
      return isWhole(value) && value >= -2147483648 && value <= 2147483647 ? value + 0 : WRONG_TYPE;
    case 'int64':
      return isWhole(value) ? value + 0 : WRONG_TYPE;
    case 'double':
      return typeof value === 'number' && Number.isFinite(value) ? value + 0 : WRONG_TYPE;
    case 'bytes':
      return typeof value === 'string' ? decodeBytes(value) : WRONG_TYPE;
    case 'quantity':
      return decodeQuantity(value);
    case 'time':
      return typeof value === 'string' ? timeOf(canonicalTime(value)) : notText(value);
    case 'microTime':
      return typeof value === 'string' ? timeOf(canonicalMicroTime(value)) : notText(value);
    case 'duration':
      return decodeDuration(value);
    case 'intOrString':
      return decodeIntOrString(value);
    case 'free':
      return WRONG_TYPE;
  }
}

const isWhole = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value);
const timeOf = (result: string | TimeFault): string | ScalarFault => result;

/** These decode themselves in Go: their faults name no field. */
const notText = (value: unknown): ScalarFault => ({ fault: `json: cannot unmarshal ${goValueName(value)} into Go value of type string` });

function decodeQuantity(value: unknown): string | ScalarFault {
  if (typeof value !== 'string' && typeof value !== 'number') return { fault: quantityFault(JSON.stringify(value) ?? '') };
  const text = typeof value === 'string' ? value.trim() : String(value);
  return canonicalQuantity(text) ?? { fault: quantityFault(text) };
}

function quantityFault(text: string): string {
  const read = readQuantity(text);
  return typeof read === 'string' ? read : '';
}

function decodeDuration(value: unknown): string | ScalarFault {
  if (typeof value !== 'string') return notText(value);
  const ms = parseDuration(value);
  return ms === undefined ? { fault: `time: invalid duration ${JSON.stringify(value)}` } : formatDuration(ms);
}

function decodeIntOrString(value: unknown): string | number | ScalarFault {
  if (typeof value === 'string') return value;
  if (isWhole(value) && value >= -2147483648 && value <= 2147483647) return value + 0;
  const word = typeof value === 'number' ? `number ${value}` : goValueName(value);
  return { fault: `json: cannot unmarshal ${word} into Go value of type int32` };
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Canonical base64: line ends dropped, unused bits zero. */
function decodeBytes(value: string): string | ScalarFault {
  const text = /[\r\n]/.test(value) ? value.replace(/[\r\n]/g, '') : value;
  if (text.length % 4 !== 0 || !BASE64.test(text)) return { fault: `illegal base64 data at input byte ${illegalAt(value)}` };
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  if (padding === 0) return text;
  const last = ALPHABET.indexOf(text.charAt(text.length - padding - 1));
  const clean = padding === 2 ? last & 0x30 : last & 0x3c;
  return clean === last ? text : `${text.slice(0, -padding - 1)}${ALPHABET.charAt(clean)}${'='.repeat(padding)}`;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** The offset that Go's decoder names. */
function illegalAt(value: string): number {
  let digits = 0;
  for (let i = 0; i < value.length; i++) {
    const char = value.charAt(i);
    if (char === '\r' || char === '\n') continue;
    if (char === '=') {
      const rest = value.slice(i).replace(/[\r\n]/g, '');
      const needed = digits % 4 === 2 ? '==' : digits % 4 === 3 ? '=' : undefined;
      if (needed === undefined) return i;
      if (rest.startsWith(needed)) return i + needed.length;
      return rest.length < needed.length ? value.length : i + 1;
    }
    if (!ALPHABET.includes(char)) return i;
    digits++;
  }
  return value.length - (digits % 4);
}

const MAX_FREE_DEPTH = 1000;

/** A private copy of any JSON. What JSON can't say (undefined, functions, NaN) is dropped or null, as JSON.stringify does. */
export function copyFree(value: unknown, depth: number): DraftJson {
  if (typeof value === 'string') return value.isWellFormed() ? value : value.toWellFormed();
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : null;
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'object' || value === null) return null;
  if (depth > MAX_FREE_DEPTH) throw new DecodeFault('exceeded max depth');
  if (Array.isArray(value)) return value.map((item) => copyFree(item, depth + 1));
  const out: DraftObject = {};
  for (const key of Object.keys(value)) {
    const item = (value as JsonObject)[key];
    if (item !== undefined) setOwn(out, key, copyFree(item, depth + 1));
  }
  return out;
}
