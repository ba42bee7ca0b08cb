/**
 * Amounts of resources (`100m`, `1.5Gi`, `1e3`), exact: kept as an integer number of nano units, never as a float. Parsing,
 * rounding (up, away from zero, at nano) and the canonical form are those of Kubernetes' resource.Quantity (API reference,
 * "Quantity"): no fractional digits, the largest suffix that allows it, the suffix family that the user wrote.
 */
export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

export interface Quantity {
  /** In 10^-9 units. Within ±(2^63-1) units. */
  readonly nanos: bigint;
  readonly format: QuantityFormat;
}

const NANO = 1_000_000_000n;
const MILLI = 1_000_000n;
const MAX_NANOS = (2n ** 63n - 1n) * NANO;

export const ZERO_QUANTITY: Quantity = { nanos: 0n, format: 'DecimalSI' };

export const QUANTITY_FORMAT_FAULT = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const SUFFIX_FAULT = "unable to parse quantity's suffix";
const NUMERIC_FAULT = 'unable to parse numeric part of quantity';

const SHAPE = /^([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)$/;
const ROUGH_SHAPE = /^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$/;
const EXPONENT = /^[eE]([+-]?[0-9]+)$/;

const DECIMAL_SUFFIXES: ReadonlyMap<string, number> = new Map([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['', 0],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
]);
const BINARY_SUFFIXES: ReadonlyMap<string, bigint> = new Map([
  ['Ki', 10n],
  ['Mi', 20n],
  ['Gi', 30n],
  ['Ti', 40n],
  ['Pi', 50n],
  ['Ei', 60n],
]);
const DECIMAL_BY_EXPONENT = new Map([...DECIMAL_SUFFIXES].map(([suffix, exponent]) => [exponent, suffix]));
const BINARY_NAMES = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'] as const;

/** A text longer than this is no amount: it bounds the work of exact arithmetic on hostile input. */
const MAX_LENGTH = 1024;

/** The quantity, or the fault in Kubernetes' words. */
export function readQuantity(text: string): Quantity | string {
  if (text.length > MAX_LENGTH) return QUANTITY_FORMAT_FAULT;
  const match = SHAPE.exec(text);
  if (match === null) return ROUGH_SHAPE.test(text) ? NUMERIC_FAULT : QUANTITY_FORMAT_FAULT;
  const [, sign, whole = '', fraction = '', suffix = ''] = match;
  const digits = whole + fraction;
  if (digits === '') return text === '' || !ROUGH_SHAPE.test(text) ? QUANTITY_FORMAT_FAULT : NUMERIC_FAULT;
  const scale = readSuffix(suffix);
  if (scale === undefined) return SUFFIX_FAULT;
  let nanos = toNanos(BigInt(digits), fraction.length, scale);
  if (nanos > MAX_NANOS) nanos = MAX_NANOS;
  // A binary fraction below one has no binary form.
  const format = scale.format === 'BinarySI' && nanos > 0n && nanos < NANO ? 'DecimalSI' : scale.format;
  return { nanos: sign === '-' ? -nanos : nanos, format };
}

/** Undefined when the text is no quantity. The same few amounts stand in every pod: those seen lately are kept, frozen. */
export function parseQuantity(text: string): Quantity | undefined {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const read = readQuantity(text);
  if (typeof read === 'string') return undefined;
  if (text.length <= KEPT_LENGTH) {
    if (parsed.size >= KEPT_BOUND) parsed.clear();
    parsed.set(text, Object.freeze(read));
  }
  return read;
}

const parsed = new Map<string, Quantity>();
const KEPT_LENGTH = 32;
const KEPT_BOUND = 4096;

interface Scale {
  readonly format: QuantityFormat;
  readonly exponent10: number;
  readonly shift: bigint;
}

function readSuffix(suffix: string): Scale | undefined {
  const decimal = DECIMAL_SUFFIXES.get(suffix);
  if (decimal !== undefined) return { format: 'DecimalSI', exponent10: decimal, shift: 0n };
  const binary = BINARY_SUFFIXES.get(suffix);
  if (binary !== undefined) return { format: 'BinarySI', exponent10: 0, shift: binary };
  const exponent = EXPONENT.exec(suffix);
  if (exponent === null) return undefined;
  const value = Number(exponent[1]);
  return Math.abs(value) > 2 ** 31 ? undefined : { format: 'DecimalExponent', exponent10: value, shift: 0n };
}

/** Rounded up to a whole number of nanos, under the theory that who asked for something wants something. */
function toNanos(digits: bigint, fractionDigits: number, { exponent10, shift }: Scale): bigint {
  if (digits === 0n) return 0n;
  const power = exponent10 - fractionDigits + 9;
  // Beyond these bounds the answer is the cap, or one nano: no need for numbers of a billion digits.
  if (power > 40) return MAX_NANOS;
  if (power < -(MAX_LENGTH + 40)) return 1n;
  const shifted = digits << shift;
  if (power >= 0) return shifted * 10n ** BigInt(power);
  return ceilDivide(shifted, 10n ** BigInt(-power));
}

/** Away from zero. */
function ceilDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  if (value % by === 0n) return quotient;
  return value < 0n ? quotient - 1n : quotient + 1n;
}

export function formatQuantity({ nanos, format }: Quantity): string {
  if (nanos === 0n) return '0';
  const sign = nanos < 0n ? '-' : '';
  const magnitude = nanos < 0n ? -nanos : nanos;
  // Parts of a unit have no binary form.
  if (format === 'BinarySI' && magnitude >= 1024n * NANO && magnitude % NANO === 0n) return sign + formatBinary(magnitude / NANO);
  return sign + formatDecimal(magnitude, format === 'DecimalExponent');
}

function formatBinary(units: bigint): string {
  let power = 0;
  while (power < BINARY_NAMES.length - 1 && (units & 1023n) === 0n) {
    units >>= 10n;
    power++;
  }
  return `${units}${BINARY_NAMES[power]}`;
}

function formatDecimal(nanos: bigint, withExponent: boolean): string {
  let exponent = -9;
  while (exponent < 18 && nanos % 1000n === 0n) {
    nanos /= 1000n;
    exponent += 3;
  }
  if (exponent === 0) return String(nanos);
  return withExponent ? `${nanos}e${exponent}` : `${nanos}${DECIMAL_BY_EXPONENT.get(exponent) ?? ''}`;
}

/** Texts seen lately with their canonical forms: the same few amounts stand in every pod. */
const canonical = new Map<string, string>();

/** `1024Mi` → `1Gi`, `0.5` → `500m`; undefined when the text is no quantity. */
export function canonicalQuantity(text: string): string | undefined {
  const known = canonical.get(text);
  if (known !== undefined) return known;
  const quantity = parseQuantity(text);
  if (quantity === undefined) return undefined;
  const result = formatQuantity(quantity);
  if (text.length <= KEPT_LENGTH) {
    if (canonical.size >= KEPT_BOUND) canonical.clear();
    canonical.set(text, result);
  }
  return result;
}

/** Negative, zero, positive. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  return a.nanos < b.nanos ? -1 : a.nanos > b.nanos ? 1 : 0;
}

const clamp = (nanos: bigint): bigint => (nanos > MAX_NANOS ? MAX_NANOS : nanos < -MAX_NANOS ? -MAX_NANOS : nanos);

/** In the format of `a`, unless `a` is zero: then in that of `b`. */
export function addQuantities(a: Quantity, b: Quantity): Quantity {
  return { nanos: clamp(a.nanos + b.nanos), format: a.nanos === 0n ? b.format : a.format };
}

export function subtractQuantities(a: Quantity, b: Quantity): Quantity {
  return { nanos: clamp(a.nanos - b.nanos), format: a.nanos === 0n ? b.format : a.format };
}

/** Whole units, rounded up (away from zero). Exact as a bigint; `quantityNumber` is the number for arithmetic below 2^53. */
export function quantityValue(quantity: Quantity): bigint {
  return ceilDivide(quantity.nanos, NANO);
}

/** Thousandths, rounded up: milli CPUs. */
export function quantityMilliValue(quantity: Quantity): bigint {
  return ceilDivide(quantity.nanos, MILLI);
}

export function quantityNumber(quantity: Quantity): number {
  return Number(quantityValue(quantity));
}

export function quantityMilliNumber(quantity: Quantity): number {
  return Number(quantityMilliValue(quantity));
}

export function quantityOf(units: number | bigint, format: QuantityFormat = 'DecimalSI'): Quantity {
  return { nanos: clamp(BigInt(units) * NANO), format };
}

export function milliQuantityOf(millis: number | bigint): Quantity {
  return { nanos: clamp(BigInt(millis) * MILLI), format: 'DecimalSI' };
}
