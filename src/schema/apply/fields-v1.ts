import type { Json, JsonObject } from '../../machinery/object.ts';
import { deepFreeze } from '../../machinery/record.ts';
import { type FieldSet, isEmpty, isWide, LEAF, setNode } from './field-set.ts';
import { readElement } from './path-element.ts';

/**
 * FieldsV1, the form of field sets in managedFields: `{"f:spec":{"f:replicas":{},"f:template":{".":{}}}}`. Every set has one
 * text and one frozen object, made when first asked for; every text and object has one set. So pods of one shape share all three.
 */
const texts = new WeakMap<FieldSet, string>();
const objects = new WeakMap<FieldSet, JsonObject>();
const setsByObject = new WeakMap<JsonObject, FieldSet>();

/** Sets by their text, in two generations: when the young one is full it becomes the old one, and what nobody asked for goes. */
let young = new Map<string, FieldSet>();
let old = new Map<string, FieldSet>();
const GENERATION = 2000;
/** Longer texts are not kept: a hostile object may have 100,000 fields. */
const MAX_KEPT = 64 * 1024;

export function encodeFieldsText(set: FieldSet): string {
  const known = texts.get(set);
  if (known !== undefined) return known;
  const text = write(set, false);
  texts.set(set, text);
  return text;
}

/** A member that has members below says so by ".". */
function write(set: FieldSet, inner: boolean): string {
  const { keys, kids } = set;
  if (keys.length === 0) return '{}';
  let text = inner && set.own ? '{".":{}' : '{';
  for (let i = 0; i < keys.length; i++) {
    const kid = kids[i] as FieldSet;
    text += `${text.length === 1 ? '' : ','}${quote(keys[i] as string)}:${kid.keys.length === 0 ? '{}' : write(kid, true)}`;
  }
  return `${text}}`;
}

/** The few hundred names of fields are quoted once. */
const quoted = new Map<string, string>();

function quote(key: string): string {
  const known = quoted.get(key);
  if (known !== undefined) return known;
  const text = JSON.stringify(key);
  if (quoted.size < 5000 && key.length < 100) quoted.set(key, text);
  return text;
}

/** Frozen and shared. */
export function encodeFields(set: FieldSet): JsonObject {
  const known = objects.get(set);
  if (known !== undefined) return known;
  const object = isWide(set) ? objectOf(set, false) : deepFreeze(JSON.parse(encodeFieldsText(set)) as JsonObject);
  objects.set(set, object);
  setsByObject.set(object, set);
  return object;
}

export const isEncoded = (set: FieldSet): boolean => objects.has(set);

const LEAF_OBJECT: JsonObject = Object.freeze({});

/** Of a wide set: without parsing its text, and with one object for all that have nothing below them. */
function objectOf({ own, keys, kids }: FieldSet, inner: boolean): JsonObject {
  const object: Record<string, Json> = inner && own ? { '.': LEAF_OBJECT } : {};
  for (let at = 0; at < keys.length; at++) {
    const kid = kids[at] as FieldSet;
    object[keys[at] as string] = kid.keys.length === 0 ? LEAF_OBJECT : objectOf(kid, true);
  }
  return Object.freeze(object);
}

/** The JSON of an object that `encodeFields` gave costs nothing. */
export function fieldsText(fields: JsonObject): string {
  const set = setsByObject.get(fields);
  return set !== undefined && objects.get(set) === fields ? encodeFieldsText(set) : JSON.stringify(fields);
}

/** Objects of longer texts: there is no set to be found for them. */
const long = new WeakSet<JsonObject>();
export const isLong = (fields: JsonObject): boolean => long.has(fields);

/** What the text of a FieldsV1 says; the one object of its set, where it has the canonical form. */
export function parseFields(text: string): JsonObject {
  if (text.length > MAX_KEPT) {
    const object = deepFreeze(JSON.parse(text) as JsonObject);
    long.add(object);
    return object;
  }
  const set = decodeFieldsText(text);
  return set !== undefined && encodeFieldsText(set) === text ? encodeFields(set) : (JSON.parse(text) as JsonObject);
}

/** Undefined when the object is no field set. */
export function decodeFields(fields: JsonObject): FieldSet | undefined {
  const known = setsByObject.get(fields);
  if (known !== undefined) return known;
  // What we wrote ourselves is found by its text, which costs less than reading it.
  const set = long.has(fields) ? readSet(fields, 0) : (lookUp(JSON.stringify(fields)) ?? readAndKeep(fields));
  if (set === undefined) return undefined;
  if (Object.isFrozen(fields)) setsByObject.set(fields, set);
  return set;
}

function readAndKeep(fields: JsonObject): FieldSet | undefined {
  const read = readSet(fields, 0);
  return read === undefined ? undefined : intern(read);
}

/** By the text of the JSON, when the caller has it: cheaper than parsing it again. */
export function decodeFieldsText(text: string): FieldSet | undefined {
  const known = lookUp(text);
  if (known !== undefined) return known;
  try {
    const fields: unknown = JSON.parse(text);
    return typeof fields === 'object' && fields !== null && !Array.isArray(fields) ? decodeFields(fields as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

/** The one set of its text. */
export function intern(set: FieldSet): FieldSet {
  if (isEmpty(set) || isWide(set)) return set;
  const text = encodeFieldsText(set);
  const known = lookUp(text);
  if (known !== undefined) return known;
  if (text.length > MAX_KEPT) return set;
  if (young.size >= GENERATION) {
    old = young;
    young = new Map();
  }
  young.set(text, set);
  return set;
}

function lookUp(text: string): FieldSet | undefined {
  const recent = young.get(text);
  if (recent !== undefined) return recent;
  const kept = old.get(text);
  if (kept !== undefined) young.set(text, kept);
  return kept;
}

const MAX_DEPTH = 200;

const UNKNOWN_KIND = /^[^fkvi]:/s;

function readSet(fields: JsonObject, depth: number): FieldSet | undefined {
  if (depth > MAX_DEPTH) return undefined;
  let own = false;
  const names: string[] = [];
  const kids: FieldSet[] = [];
  for (const key of Object.keys(fields)) {
    const value = fields[key];
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    if (key === '.') {
      own = true;
      continue;
    }
    // A later version may know what these are.
    if (UNKNOWN_KIND.test(key)) continue;
    const element = readElement(key);
    if (element === undefined) return undefined;
    const kid = readSet(value as JsonObject, depth + 1);
    if (kid === undefined) return undefined;
    // Nothing below: the element itself is the member.
    names.push(element);
    kids.push(isEmpty(kid) ? LEAF : kid);
  }
  return inOrder(own, names, kids);
}

/** Sorted, and each once: the first of its name. What we wrote ourselves is so already. */
function inOrder(own: boolean, names: readonly string[], kids: readonly FieldSet[]): FieldSet {
  let ordered = true;
  for (let at = 1; at < names.length && ordered; at++) ordered = (names[at - 1] as string) < (names[at] as string);
  if (ordered) return setNode(own, names, kids);
  const first = new Map<string, FieldSet>();
  names.forEach((name, at) => {
    if (!first.has(name)) first.set(name, kids[at] as FieldSet);
  });
  const sorted = [...first.keys()].sort();
  return setNode(
    own,
    sorted,
    sorted.map((name) => first.get(name) as FieldSet),
  );
}
