import type { Json, JsonObject } from '../../machinery/object.ts';
import { getOwn, hasOwn } from '../../machinery/record.ts';
import { equalJson } from '../copy.ts';
import { type Atom, childAtom, isEmptyContainer, isList, isMap, itemElement, type ListAtom, type MapAtom, resolve } from './atom.ts';
import { EMPTY, type FieldSet, isEmpty, recursiveDifference, SetBuilder, union } from './field-set.ts';
import { fieldElement, type PathElement } from './path-element.ts';

/** How a new object differs from an old one. */
export interface Comparison {
  readonly added: FieldSet;
  readonly removed: FieldSet;
  readonly modified: FieldSet;
}

export function compare(atom: Atom, from: Json | undefined, to: Json | undefined): Comparison {
  const walk = new CompareWalk();
  walk.visit(atom, from, to);
  return walk.result();
}

export function exclude({ added, removed, modified }: Comparison, ignored: FieldSet): Comparison {
  const without = (set: FieldSet): FieldSet => recursiveDifference(set, ignored);
  return { added: without(added), removed: without(removed), modified: without(modified) };
}

export const isSame = ({ added, removed, modified }: Comparison): boolean => isEmpty(added) && isEmpty(removed) && isEmpty(modified);

export const changed = ({ added, modified }: Comparison): FieldSet => union(added, modified);

class CompareWalk {
  readonly #path: PathElement[] = [];
  #added: SetBuilder | undefined;
  #removed: SetBuilder | undefined;
  #modified: SetBuilder | undefined;

  result(): Comparison {
    return { added: this.#added?.build() ?? EMPTY, removed: this.#removed?.build() ?? EMPTY, modified: this.#modified?.build() ?? EMPTY };
  }

  /** Absent is undefined; at least one side is there. Null is a value. */
  visit(atom: Atom, from: Json | undefined, to: Json | undefined): void {
    // Most of an update is as it was, and looking for that costs less than naming its parts.
    if (from !== undefined && equalJson(from, to)) return;
    const shape = resolve(atom, to === undefined || to === null ? from : to);
    const leaf = shape.kind === 'list' ? this.#list(shape, from, to) : shape.kind === 'map' ? this.#map(shape, from, to) : true;
    if (leaf) return this.#leaf(from, to);
    // Containers that come or go are members themselves.
    if (from === undefined) (this.#added ??= new SetBuilder()).insert(this.#path);
    else if (to === undefined) (this.#removed ??= new SetBuilder()).insert(this.#path);
  }

  #leaf(from: Json | undefined, to: Json | undefined): void {
    if (from === undefined) (this.#added ??= new SetBuilder()).insert(this.#path);
    else if (to === undefined) (this.#removed ??= new SetBuilder()).insert(this.#path);
    else if (!equalJson(from, to)) (this.#modified ??= new SetBuilder()).insert(this.#path);
  }

  /** True when the two are compared as a whole. */
  #map(atom: MapAtom, from: Json | undefined, to: Json | undefined): boolean {
    if (atom.atomic || (isEmptyContainer(from) && isEmptyContainer(to))) return true;
    const left = isMap(from) ? from : undefined;
    const right = isMap(to) ? to : undefined;
    if ((from !== undefined && from !== null && left === undefined) || (to !== undefined && to !== null && right === undefined)) return true;
    if (right !== undefined) for (const key of Object.keys(right)) this.#field(atom, key, getOwn(left, key), right[key]);
    if (left !== undefined) for (const key of Object.keys(left)) if (!hasOwn(right, key)) this.#field(atom, key, left[key], undefined);
    return false;
  }

  #field(atom: MapAtom, key: string, from: Json | undefined, to: Json | undefined): void {
    if (from === to) return;
    this.#path.push(atom.fields?.get(key)?.element ?? fieldElement(key));
    this.visit(childAtom(atom, key), from, to);
    this.#path.pop();
  }

  #list(atom: ListAtom, from: Json | undefined, to: Json | undefined): boolean {
    if (atom.relation === 'atomic' || (isEmptyContainer(from) && isEmptyContainer(to))) return true;
    const left = indexItems(atom, from);
    const right = indexItems(atom, to);
    if (left === undefined || right === undefined) return true;
    const element = atom.element();
    for (const [key, items] of right) this.#items(element, key, left.get(key), items);
    for (const [key, items] of left) if (!right.has(key)) this.#items(element, key, items, undefined);
    return false;
  }

  /** Items that share a key can't be told apart: they are compared, and owned, together. */
  #items(atom: Atom, key: PathElement, from: readonly Json[] | undefined, to: readonly Json[] | undefined): void {
    this.#path.push(key);
    if ((from?.length ?? 0) <= 1 && (to?.length ?? 0) <= 1) this.visit(atom, from?.[0], to?.[0]);
    else this.#leaf(from as Json | undefined, to as Json | undefined);
    this.#path.pop();
  }
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
  const builder = new SetBuilder();
  collect(atom, value, builder, []);
  return builder.build();
}

function collect(atom: Atom, value: Json, out: SetBuilder, path: PathElement[]): void {
  const shape = resolve(atom, value);
  if (shape.kind === 'map' && !shape.atomic) {
    if (isMap(value)) collectFields(shape, value, out, path);
  } else if (shape.kind === 'list' && shape.relation !== 'atomic') {
    if (isList(value)) collectItems(shape, value, out, path);
  } else out.insert(path);
}

function collectFields(atom: MapAtom, value: JsonObject, out: SetBuilder, path: PathElement[]): void {
  for (const key of Object.keys(value)) {
    const child = value[key];
    if (child === undefined) continue;
    path.push(fieldElement(key));
    collect(childAtom(atom, key), child, out, path);
    // Empty values and the keys of maps are members; fields of structs are not, only what is in them.
    if (child === null || (isMap(child) && isEmptyContainer(child)) || atom.fields?.has(key) !== true) out.insert(path);
    path.pop();
  }
}

function collectItems(atom: ListAtom, value: readonly Json[], out: SetBuilder, path: PathElement[]): void {
  const element = atom.element();
  for (const [key, items] of indexItems(atom, value) ?? []) {
    path.push(key);
    if (items.length === 1) collect(element, items[0] as Json, out, path);
    out.insert(path);
    path.pop();
  }
}
