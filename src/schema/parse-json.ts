import type { Json } from '../machinery/object.ts';
import { scanJson } from './json-scan.ts';

/** What a body of JSON may cost. Beyond it the answer is a fault, before anything is built. */
export interface JsonBounds {
  /** Levels of objects and arrays. */
  readonly maxDepth: number;
  /** Keys, elements and scalars, roughly. */
  readonly maxTokens: number;
}

export const DEFAULT_BOUNDS: JsonBounds = { maxDepth: 10_000, maxTokens: 2_000_000 };

export type ParsedJson = { readonly value: Json; readonly duplicates: readonly string[]; readonly fault?: undefined } | { readonly fault: string };

/**
 * Parses a body and sees duplicate keys (law 12): the keys of the text are counted beside the keys of the result, and the text
 * is searched only when they differ. Faults are worded as Go's decoder words them: `unexpected end of JSON input`.
 */
export function parseJson(body: string | Uint8Array, bounds: JsonBounds = DEFAULT_BOUNDS): ParsedJson {
  const text = typeof body === 'string' ? body : decoder.decode(body);
  const measure = measureJson(text);
  if (measure.depth > bounds.maxDepth) return { fault: 'exceeded max depth' };
  if (measure.tokens > bounds.maxTokens) return { fault: `more than ${bounds.maxTokens} values` };
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return { fault: scanJson(text, bounds.maxDepth).fault ?? 'invalid JSON' };
  }
  if (measure.keys === countKeys(value)) return { value, duplicates: NONE };
  const { fault, duplicates } = scanJson(text, bounds.maxDepth);
  return fault === undefined ? { value, duplicates } : { fault };
}

const NONE: readonly string[] = [];

/** Broken UTF-8 becomes U+FFFD, as in Go; a byte order mark is no JSON. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export interface JsonMeasure {
  readonly depth: number;
  /** Colons outside of strings. */
  readonly keys: number;
  readonly tokens: number;
}

/** One pass over the text without building anything. The text need not be JSON. */
export function measureJson(text: string): JsonMeasure {
  let depth = 0;
  let deepest = 0;
  let keys = 0;
  let tokens = 1;
  const { length } = text;
  for (let at = 0; at < length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22:
        at = endOfString(text, at);
        break;
      case 0x3a:
        keys++;
        tokens++;
        break;
      case 0x2c:
        tokens++;
        break;
      case 0x7b:
      case 0x5b:
        tokens++;
        if (++depth > deepest) deepest = depth;
        break;
      case 0x7d:
      case 0x5d:
        depth--;
        break;
    }
  }
  return { depth: deepest, keys, tokens };
}

/** Where an object that opens at `start` ends, its closing brace included. */
export function endOfObject(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) at = endOfString(text, at);
    else if (code === 0x7b) depth++;
    else if (code === 0x7d && --depth === 0) return at + 1;
  }
  return text.length;
}

/** The place of the closing quote, or the end of the text. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at;
    if (code === 0x5c) at++;
  }
  return at;
}

/** NaN: a number is beyond a double. With a stack of its own: the value may be deeper than the call stack. */
function countKeys(root: Json): number {
  if (typeof root !== 'object' || root === null) return isTooLarge(root) ? Number.NaN : 0;
  let count = 0;
  const open: object[] = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (Array.isArray(node)) {
      for (const item of node as readonly Json[]) {
        if (typeof item === 'object' && item !== null) open.push(item);
        else if (isTooLarge(item)) return Number.NaN;
      }
      continue;
    }
    for (const key in node) {
      count++;
      const item = (node as Record<string, Json>)[key];
      if (typeof item === 'object' && item !== null) open.push(item);
      else if (isTooLarge(item)) return Number.NaN;
    }
  }
  return count;
}

/** JSON.parse makes Infinity of `1e999`, which would be written as null. */
function isTooLarge(value: Json | undefined): boolean {
  return typeof value === 'number' && !Number.isFinite(value);
}
