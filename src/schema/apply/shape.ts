import type { Json, JsonObject } from '../../machinery/object.ts';
import { equalJson } from '../copy.ts';
import { type Atom, isEmptyContainer, isList, isMap, itemElement, type ListAtom, type MapAtom, resolve } from './atom.ts';

/**
 * The shape of an object: a text that is equal for two objects of one type exactly when they have the same fields present, the
 * same keys of maps and of list items, and their scalars beside a zero object's are zero or not alike. Whatever depends on nothing
 * else (which fields a creator owns) is worked out once per shape: pods of one owner share it.
 */
export function shapeOf(atom: Atom, value: JsonObject, zero: JsonObject): string {
  const parts: string[] = [];
  write(atom, value, zero, parts);
  return parts.join('');
}

const OPEN = '\u0001';
const CLOSE = '\u0002';
const EMPTY = '\u0003';
const SAME = '\u0004';
const LEAF = '\u0005';
const NULL = '\u0006';
const ITEM = '\u0007';

/** `zero` is the counterpart in the zero object, undefined where it has none. */
function write(atom: Atom, value: Json, zero: Json | undefined, out: string[]): void {
  const shape = resolve(atom, value);
  if (shape.kind === 'map' && !shape.atomic && isMap(value)) writeFields(shape, value, isMap(zero) ? zero : undefined, zero, out);
  else if (shape.kind === 'list' && shape.relation !== 'atomic' && isList(value)) writeItems(shape, value, zero, out);
  else if (zero !== undefined && equalJson(value, zero)) out.push(SAME);
  else out.push(value === null ? NULL : LEAF);
}

function writeFields(atom: MapAtom, value: JsonObject, zeros: JsonObject | undefined, zero: Json | undefined, out: string[]): void {
  let empty = true;
  for (const key in value) {
    const child = value[key];
    if (child === undefined) continue;
    if (empty) out.push(OPEN);
    empty = false;
    // A name can't hold the marks: fields are known, and other keys are quoted when they do.
    out.push(atom.fields === undefined ? safe(key) : key);
    write(atom.fields?.get(key)?.atom() ?? atom.element(), child, zeros !== undefined && Object.hasOwn(zeros, key) ? zeros[key] : undefined, out);
  }
  out.push(empty ? (zero !== undefined && isEmptyContainer(zero) && zero !== null ? SAME : EMPTY) : CLOSE);
}

function writeItems(atom: ListAtom, value: readonly Json[], zero: Json | undefined, out: string[]): void {
  if (value.length === 0) {
    out.push(zero !== undefined && zero !== null && isEmptyContainer(zero) ? SAME : EMPTY);
    return;
  }
  const element = atom.element();
  out.push(OPEN);
  for (const item of value) {
    out.push(ITEM, safe(itemElement(atom, item)));
    write(element, item, undefined, out);
  }
  out.push(CLOSE);
}

/** What holds a mark is quoted, and so is what looks quoted. */
const MARKS = /[\u0000-\u0007]|^"/;
const safe = (key: string): string => (MARKS.test(key) ? JSON.stringify(key) : key);
