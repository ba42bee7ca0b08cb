import type { Json, JsonObject } from '../../machinery/object.ts';
import { getOwn } from '../../machinery/record.ts';
import type { Facts, FieldFacts, TypeRef } from '../facts.ts';
import { fieldElement, keyElement, type PathElement, valueElement } from './path-element.ts';

/**
 * How a value is owned and merged: what structured merge calls its schema. A scalar and an atomic list or map are one leaf; sets
 * and list maps have items; structs and granular maps have fields. `untyped` values are taken for what they look like.
 */
export type Atom = ScalarAtom | ListAtom | MapAtom | UntypedAtom;

export interface ScalarAtom {
  readonly kind: 'scalar';
  /** The JSON type that it must have; undefined: any. */
  readonly of: 'string' | 'number' | 'boolean' | undefined;
}

export interface ListAtom {
  readonly kind: 'list';
  readonly relation: 'atomic' | 'set' | 'map';
  readonly element: () => Atom;
  /** Sorted by name. For `map`. */
  readonly keys: readonly KeyAtom[];
}

export interface KeyAtom {
  readonly name: string;
  /** What an item that does not name it is taken to say. */
  readonly default: Json | undefined;
  /** What decoding may have left out. */
  readonly zero: Json;
}

export interface MapAtom {
  readonly kind: 'map';
  readonly atomic: boolean;
  /** A struct's; undefined for a map, whose values are all of `element`. */
  readonly fields: ReadonlyMap<string, FieldAtom> | undefined;
  readonly element: () => Atom;
}

export interface FieldAtom {
  readonly name: string;
  readonly element: PathElement;
  readonly atom: () => Atom;
}

export interface UntypedAtom {
  readonly kind: 'untyped';
}

const UNTYPED: Atom = { kind: 'untyped' };
const untyped = (): Atom => UNTYPED;
const UNTYPED_LIST: ListAtom = { kind: 'list', relation: 'atomic', element: untyped, keys: [] };
const UNTYPED_MAP: MapAtom = { kind: 'map', atomic: false, fields: undefined, element: untyped };
const ANY_SCALAR: Atom = { kind: 'scalar', of: undefined };

/** What an untyped value is; every other atom is itself. */
export function resolve(atom: Atom, value: Json | undefined): Atom {
  if (atom.kind !== 'untyped') return atom;
  if (typeof value !== 'object' || value === null) return ANY_SCALAR;
  return Array.isArray(value) ? UNTYPED_LIST : UNTYPED_MAP;
}

const caches = new WeakMap<Facts, Map<string, Atom>>();

/** The atom of a named type, kept per table. */
export function atomOf(facts: Facts, typeName: string): Atom {
  let cache = caches.get(facts);
  if (cache === undefined) caches.set(facts, (cache = new Map()));
  const known = cache.get(typeName);
  if (known !== undefined) return known;
  const atom = compileType(facts, typeName);
  cache.set(typeName, atom);
  return atom;
}

const SCALARS: ReadonlyMap<string, ScalarAtom> = new Map<string, ScalarAtom>([
  ['string', { kind: 'scalar', of: 'string' }],
  ['string:byte', { kind: 'scalar', of: 'string' }],
  ['boolean', { kind: 'scalar', of: 'boolean' }],
  ['integer', { kind: 'scalar', of: 'number' }],
  ['integer:int32', { kind: 'scalar', of: 'number' }],
  ['integer:int64', { kind: 'scalar', of: 'number' }],
  ['number', { kind: 'scalar', of: 'number' }],
  ['number:double', { kind: 'scalar', of: 'number' }],
]);

function compileType(facts: Facts, name: string, atomic?: boolean): Atom {
  const scalar = SCALARS.get(name);
  if (scalar !== undefined) return scalar;
  const type = facts.type(name);
  if (type === undefined) return UNTYPED;
  if (type.scalar !== undefined) return type.scalar === 'object' || type.scalar === 'any' ? UNTYPED : ANY_SCALAR;
  const fields = new Map<string, FieldAtom>();
  for (const [field, at] of Object.entries(type.fields)) {
    fields.set(field, { name: field, element: fieldElement(field), atom: lazily(() => compileField(facts, at)) });
  }
  return { kind: 'map', atomic: atomic ?? type.mapType === 'atomic', fields, element: untyped };
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

/** A field's own facts override those of its type. */
function compileField(facts: Facts, field: FieldFacts): Atom {
  const { type } = field;
  if (typeof type === 'string') {
    if (field.mapType === undefined) return atomOf(facts, type);
    return compileType(facts, type, field.mapType === 'atomic');
  }
  if ('map' in type) return mapAtom(facts, type.map, field.mapType === 'atomic');
  const relation = field.listType ?? 'atomic';
  const keys = (field.listMapKeys ?? []).map((name) => keyAtom(facts, type.list, name));
  keys.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return { kind: 'list', relation: relation === 'map' && keys.length === 0 ? 'atomic' : relation, element: lazily(() => refAtom(facts, type.list)), keys };
}

function keyAtom(facts: Facts, element: TypeRef, name: string): KeyAtom {
  const field = typeof element === 'string' ? getOwn(facts.type(element)?.fields, name) : undefined;
  const atom = typeof field?.type === 'string' ? SCALARS.get(field.type) : undefined;
  return { name, default: field?.default, zero: atom?.of === undefined ? null : ZEROS[atom.of] };
}

const ZEROS = { string: '', number: 0, boolean: false } as const;

function refAtom(facts: Facts, ref: TypeRef): Atom {
  if (typeof ref === 'string') return atomOf(facts, ref);
  if ('map' in ref) return mapAtom(facts, ref.map, false);
  return { kind: 'list', relation: 'atomic', element: lazily(() => refAtom(facts, ref.list)), keys: [] };
}

const mapAtom = (facts: Facts, element: TypeRef, atomic: boolean): MapAtom => ({
  kind: 'map',
  atomic,
  fields: undefined,
  element: lazily(() => refAtom(facts, element)),
});

/** The atom below a key of a map or struct. */
export function childAtom(atom: MapAtom, key: string): Atom {
  return atom.fields?.get(key)?.atom() ?? atom.element();
}

/** Where an item stands in its list. A key that is missing and has no default counts as its zero, which decoding may have left out. */
export function itemElement(list: ListAtom, item: Json): PathElement {
  if (list.relation === 'set') return valueElement(item);
  const { keys } = list;
  const first = keys[0];
  if (keys.length === 1 && first !== undefined) return `k:{${JSON.stringify(first.name)}:${JSON.stringify(keyValue(item, first))}}`;
  return keyElement(keys.map((key) => [key.name, keyValue(item, key)] as const));
}

/** What an item says of one key of its list, or is taken to say. */
export const keyValue = (item: Json, key: KeyAtom): Json => keyOf(item, key) ?? key.zero;

function keyOf(item: Json, key: KeyAtom): Json | undefined {
  const value = typeof item === 'object' && item !== null && !Array.isArray(item) ? getOwn(item as JsonObject, key.name) : undefined;
  return value ?? key.default;
}

/** The first key that an item lacks, for input that may not; undefined when it has all. */
export function missingKey(list: ListAtom, item: Json): string | undefined {
  return list.relation === 'map' ? list.keys.find((key) => keyOf(item, key) === undefined)?.name : undefined;
}

export const isMap = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
export const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);

export function isEmptyContainer(value: Json | undefined): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value !== 'object') return false;
  if (Array.isArray(value)) return value.length === 0;
  for (const _ in value) return false;
  return true;
}
