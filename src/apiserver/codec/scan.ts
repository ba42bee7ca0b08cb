/**
 * What can be told of a JSON text without parsing it, in one pass over bytes as they arrive: it keeps a hostile body from
 * holding the loop (1.5 million levels cost 280 ms to parse) and finds out whether some key may be there twice.
 */
export interface ScanBounds {
  readonly maxDepth: number;
  /** Values, roughly: opening brackets and commas. */
  readonly maxTokens: number;
}

/** An object of so many values, each with an owner in managedFields, is more than a store takes (1.5 MiB). */
export const defaultBounds: ScanBounds = { maxDepth: 1000, maxTokens: 50_000 };

export type ScanFault = 'too deep' | 'too many values';

export class JsonScan {
  /** Colons outside strings: the number of keys in a well-formed text, doubled ones included. */
  keys = 0;
  tokens = 0;
  fault: ScanFault | undefined;
  readonly #bounds: ScanBounds;
  #depth = 0;
  #inString = false;
  #escaped = false;

  constructor(bounds: ScanBounds = defaultBounds) {
    this.#bounds = bounds;
  }

  push(chunk: Uint8Array): void {
    const { maxDepth, maxTokens } = this.#bounds;
    let depth = this.#depth;
    let inString = this.#inString;
    let escaped = this.#escaped;
    let keys = this.keys;
    let tokens = this.tokens;
    for (let at = 0; at < chunk.length; at++) {
      const c = chunk[at] as number;
      if (inString) {
        if (escaped) escaped = false;
        else if (c === 0x5c) escaped = true;
        else if (c === 0x22) inString = false;
      } else if (c === 0x22) inString = true;
      else if (c === 0x3a) keys++;
      else if (c === 0x2c) tokens++;
      else if (c === 0x7b || c === 0x5b) {
        tokens++;
        if (++depth > maxDepth) {
          this.fault = 'too deep';
          break;
        }
      } else if (c === 0x7d || c === 0x5d) depth--;
    }
    if (tokens > maxTokens) this.fault ??= 'too many values';
    this.#depth = depth;
    this.#inString = inString;
    this.#escaped = escaped;
    this.keys = keys;
    this.tokens = tokens;
  }
}

/** All keys of all objects within. NaN: a number is beyond a double (JSON.parse makes Infinity of it, which would be written as null). */
export function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return typeof value === 'number' && !Number.isFinite(value) ? Number.NaN : 0;
  let count = 0;
  if (Array.isArray(value)) for (const item of value) count += countKeys(item);
  else
    for (const key in value) {
      count++;
      const below = (value as Record<string, unknown>)[key];
      if (typeof below === 'object' || typeof below === 'number') count += countKeys(below);
    }
  return count;
}

/** Values as the scan counts them, of a text that was not JSON. */
export function countTokens(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const items: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  let count = Math.max(1, items.length);
  for (const item of items) count += countTokens(item);
  return count;
}
