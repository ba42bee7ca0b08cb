import type { Json, JsonObject } from '../../machinery/object.ts';

/**
 * One step of a path in a field set, in the encoding of FieldsV1: `f:replicas` a field or a key of a map, `k:{"name":"a"}` an
 * item of a list by its keys, `v:"x"` an item of a set, `i:0` an item by its place. The encoded text is the element: equal
 * elements have equal texts (keys sorted by name, no blanks).
 */
export type PathElement = string;

export const fieldElement = (name: string): PathElement => `f:${name}`;
export const valueElement = (value: Json): PathElement => `v:${JSON.stringify(value)}`;

/** `keys` sorted by name. */
export function keyElement(keys: readonly (readonly [string, Json])[]): PathElement {
  let text = '';
  for (const [name, value] of keys) text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${JSON.stringify(value)}`;
  return `k:{${text}}`;
}

/** The canonical text of an element that came from outside; undefined when it is none. */
export function readElement(text: string): PathElement | undefined {
  if (text.startsWith('f:')) return text;
  if (text.startsWith('i:')) return /^i:-?\d+$/.test(text) ? text : undefined;
  if (!text.startsWith('k:') && !text.startsWith('v:')) return undefined;
  let value: Json;
  try {
    value = JSON.parse(text.slice(2)) as Json;
  } catch {
    return undefined;
  }
  if (text.startsWith('v:')) return valueElement(value);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries = Object.entries(value as JsonObject).map(([name, key]) => [name, key ?? null] as const);
  return keyElement(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/** `.spec`, `[name="a"]`, `[="x"]`, `[0]`: as conflicts name fields. */
export function formatElement(element: PathElement): string {
  const rest = element.slice(2);
  switch (element.charAt(0)) {
    case 'f':
      return `.${rest}`;
    case 'k': {
      const keys = Object.entries(JSON.parse(rest) as JsonObject);
      return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`;
    }
    case 'v':
      return `[=${rest}]`;
    default:
      return `[${rest}]`;
  }
}

/** `.spec.containers[name="a"].image`. */
export const formatElements = (path: readonly PathElement[]): string => path.map(formatElement).join('');

/** Fields by name, then items by their keys, items of sets, items by their place: numbers as numbers. */
export function compareElements(a: PathElement, b: PathElement): number {
  const [kind, other] = [a.charAt(0), b.charAt(0)];
  if (kind !== other) return KINDS.indexOf(kind) - KINDS.indexOf(other);
  if (kind === 'f') return compareText(a, b);
  return compareValues(JSON.parse(a.slice(2)) as Json, JSON.parse(b.slice(2)) as Json);
}

const KINDS = 'fkvi';
const TYPES = ['number', 'string', 'boolean', 'object'];

function compareValues(a: Json, b: Json): number {
  if (typeof a !== typeof b) return TYPES.indexOf(typeof a) - TYPES.indexOf(typeof b);
  if (typeof a === 'number') return a - (b as number);
  if (typeof a !== 'object' || a === null || b === null) return compareText(String(a), String(b));
  const [left, right] = [Object.entries(a), Object.entries(b as object)] as [[string, Json][], [string, Json][]];
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const [[name, value], [otherName, otherValue]] = [left[at] as [string, Json], right[at] as [string, Json]];
    const order = compareText(name, otherName) || compareValues(value, otherValue);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
