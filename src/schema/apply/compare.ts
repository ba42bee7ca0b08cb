import type { Json, JsonObject } from '../../machinery/object.ts';
import { getOwn, hasOwn } from '../../machinery/record.ts';
import { equalJson } from '../copy.ts';
import { type Atom, childAtom, isEmptyContainer, isList, isMap, itemElement, type ListAtom, type MapAtom, resolve } from './atom.ts';
import { EMPTY, type FieldSet, isEmpty, Kids, LEAF, recursiveDifference, setNode, union } from './field-set.ts';
import { fieldElement, type PathElement } from './path-element.ts';

/** How a new object differs from an old one. */
export interface Comparison {
  readonly added: FieldSet;
  readonly removed: FieldSet;
  readonly modified: FieldSet;
}

export function compare(atom: Atom, from: Json | undefined, to: Json | undefined): Comparison {
  return visit(atom, from, to);
}

export function exclude({ added, removed, modified }: Comparison, ignored: FieldSet): Comparison {
  const without = (set: FieldSet): FieldSet => recursiveDifference(set, ignored);
  return { added: without(added), removed: without(removed), modified: without(modified) };
}

export const isSame = ({ added, removed, modified }: Comparison): boolean => isEmpty(added) && isEmpty(removed) && isEmpty(modified);

export const changed = ({ added, modified }: Comparison): FieldSet => union(added, modified);

const SAME: Comparison = { added: EMPTY, removed: EMPTY, modified: EMPTY };
const ADDED: Comparison = { added: LEAF, removed: EMPTY, modified: EMPTY };
const REMOVED: Comparison = { added: EMPTY, removed: LEAF, modified: EMPTY };
const MODIFIED: Comparison = { added: EMPTY, removed: EMPTY, modified: LEAF };

/** The sets from this place on. Absent is undefined; at least one side is there. Null is a value. */
function visit(atom: Atom, from: Json | undefined, to: Json | undefined): Comparison {
  if (from === to) return SAME;
  const shape = resolve(atom, to === undefined || to === null ? from : to);
  const inner = shape.kind === 'list' ? compareLists(shape, from, to) : shape.kind === 'map' ? compareMaps(shape, from, to) : undefined;
  if (inner === undefined) return leaf(from, to);
  // Containers that come or go are members themselves.
  if (from === undefined) return { ...inner, added: setNode(true, inner.added.keys, inner.added.kids) };
  if (to === undefined) return { ...inner, removed: setNode(true, inner.removed.keys, inner.removed.kids) };
  return inner;
}

function leaf(from: Json | undefined, to: Json | undefined): Comparison {
  if (from === undefined) return ADDED;
  if (to === undefined) return REMOVED;
  return equalJson(from, to) ? SAME : MODIFIED;
}

/** What the members of one container come to. */
class Members {
  #added: Kids | undefined;
  #removed: Kids | undefined;
  #modified: Kids | undefined;

  add(element: PathElement, { added, removed, modified }: Comparison): void {
    if (!isEmpty(added)) (this.#added ??= new Kids()).add(element, added);
    if (!isEmpty(removed)) (this.#removed ??= new Kids()).add(element, removed);
    if (!isEmpty(modified)) (this.#modified ??= new Kids()).add(element, modified);
  }

  sets(): Comparison {
    return { added: this.#added?.set(false) ?? EMPTY, removed: this.#removed?.set(false) ?? EMPTY, modified: this.#modified?.set(false) ?? EMPTY };
  }
}

/** Undefined when the two are compared as a whole. */
function compareMaps(atom: MapAtom, from: Json | undefined, to: Json | undefined): Comparison | undefined {
  if (atom.atomic || (isEmptyContainer(from) && isEmptyContainer(to))) return undefined;
  const left = isMap(from) ? from : undefined;
  const right = isMap(to) ? to : undefined;
  if ((from !== undefined && from !== null && left === undefined) || (to !== undefined && to !== null && right === undefined)) return undefined;
  const members = new Members();
  const field = (key: string, before: Json | undefined, after: Json | undefined): void => {
    if (before !== after) members.add(atom.fields?.get(key)?.element ?? fieldElement(key), visit(childAtom(atom, key), before, after));
  };
  if (right !== undefined) for (const key of Object.keys(right)) field(key, getOwn(left, key), right[key]);
  if (left !== undefined) for (const key of Object.keys(left)) if (!hasOwn(right, key)) field(key, left[key], undefined);
  return members.sets();
}

function compareLists(atom: ListAtom, from: Json | undefined, to: Json | undefined): Comparison | undefined {
  if (atom.relation === 'atomic' || (isEmptyContainer(from) && isEmptyContainer(to))) return undefined;
  // Most lists of an update are as they were: their items need no names. (Lists do not lie deep in each other: types see to that.)
  if (from !== undefined && equalJson(from, to)) return SAME;
  const left = indexItems(atom, from);
  const right = indexItems(atom, to);
  if (left === undefined || right === undefined) return undefined;
  const element = atom.element();
  const members = new Members();
  for (const [key, items] of right) members.add(key, compareItems(element, left.get(key), items));
  for (const [key, items] of left) if (!right.has(key)) members.add(key, compareItems(element, items, undefined));
  return members.sets();
}

/**
 * Items that share a key can't be told apart: they are compared, and owned, together. Where there come to be several, the one with all its
 * fields is gone; where there is one again, it is new.
 */
function compareItems(atom: Atom, from: readonly Json[] = [], to: readonly Json[] = []): Comparison {
  if (from.length <= 1 && to.length <= 1) return visit(atom, from[0], to[0]);
  if (from.length > 1 && to.length > 1) return leaf(from, to);
  if (from.length > 1) return { ...REMOVED, added: visit(atom, undefined, to[0]).added };
  return { ...ADDED, removed: visit(atom, from[0], undefined).removed };
}

/** Items by their element; undefined when the value is no list. */
export function indexItems(atom: ListAtom, value: Json | undefined): ReadonlyMap<PathElement, readonly Json[]> | undefined {
  const out = new Map<PathElement, Json[]>();
  if (value === undefined || value === null) return out;
  if (!isList(value)) return undefined;
  for (const item of value) {
    const element = itemElement(atom, item);
    const same = out.get(element);
    if (same === undefined) out.set(element, [item]);
    else same.push(item);
  }
  return out;
}

/** Every path of a value that somebody can own. */
export function fieldSetOf(atom: Atom, value: JsonObject): FieldSet {
  return collect(atom, value, false);
}

/** `own`: the place itself is a member, whatever is in it. */
function collect(atom: Atom, value: Json, own: boolean): FieldSet {
  const shape = resolve(atom, value);
  if (shape.kind === 'map' && !shape.atomic) return isMap(value) ? collectFields(shape, value, own) : setNode(own, NONE, NONE);
  if (shape.kind === 'list' && shape.relation !== 'atomic') return isList(value) ? collectItems(shape, value, own) : setNode(own, NONE, NONE);
  return LEAF;
}

const NONE: readonly never[] = [];

function collectFields(atom: MapAtom, value: JsonObject, own: boolean): FieldSet {
  const kids = new Kids();
  for (const key of Object.keys(value)) {
    const child = value[key];
    if (child === undefined) continue;
    // Empty values and the keys of maps are members; fields of structs are not, only what is in them.
    const isMember = child === null || (isMap(child) && isEmptyContainer(child)) || atom.fields?.has(key) !== true;
    const below = collect(childAtom(atom, key), child, isMember);
    if (!isEmpty(below)) kids.add(fieldElement(key), below);
  }
  return kids.set(own);
}

function collectItems(atom: ListAtom, value: readonly Json[], own: boolean): FieldSet {
  const element = atom.element();
  const kids = new Kids();
  for (const [key, items] of indexItems(atom, value) ?? []) kids.add(key, items.length === 1 ? collect(element, items[0] as Json, true) : LEAF);
  return kids.set(own);
}
