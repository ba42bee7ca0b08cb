import { getOwn } from '../../machinery/record.ts';
import type { Json, JsonObject } from '../../machinery/object.ts';
import { equalJson } from '../copy.ts';
import { type Atom, childAtom, isEmptyContainer, isList, isMap, keyValue, type ListAtom, type MapAtom, resolve } from './atom.ts';

/** A field or a key of a map, the key of a list's item, or a mark. */
type Token = string | number | boolean | null | symbol;

const OPEN = Symbol('open');
const CLOSE = Symbol('close');
const EMPTY = Symbol('empty');
const SAME = Symbol('same');
const LEAF = Symbol('leaf');
const NULL = Symbol('null');
const ITEM = Symbol('item');
/** The key of an item that is no scalar follows as a text. */
const TEXT = Symbol('text');

/** Where a walk stands after some tokens. Most places are followed by one token only. */
class Place<T> {
  found: T | undefined = undefined;
  token: Token | undefined = undefined;
  next: Place<T> | undefined = undefined;
  others: Map<Token, Place<T>> | undefined = undefined;
  /** Of the value that follows a name, and its counterpart in the zero object: always the same for one place. */
  atom: Atom | undefined = undefined;
  zero: Json | undefined = undefined;
}

/** Some 100 bytes each. */
const MAX_PLACES = 30_000;
/** The shape of what has more parts is not looked for: nothing else has it. */
const MAX_STEPS = 4000;

/**
 * What depends on nothing but the shape of an object, worked out once per shape: pods of one owner share it. Two objects of one
 * type are of one shape exactly when they have the same fields present, the same keys of maps and of list items, and their scalars
 * beside a zero object's are zero or not alike. Shapes are the paths of a tree, so that finding one makes no text of it.
 */
export class Shapes<T> {
  readonly #atom: Atom;
  readonly #zero: JsonObject;
  #root = new Place<T>();
  #at = this.#root;
  #places = 0;
  #left = MAX_STEPS;

  constructor(atom: Atom, zero: JsonObject) {
    this.#atom = atom;
    this.#zero = zero;
  }

  /** `make` is called for the first object of a shape. What is known is bounded. */
  of(value: JsonObject, make: () => T): T {
    if (this.#places > MAX_PLACES) {
      this.#root = new Place();
      this.#places = 0;
    }
    this.#at = this.#root;
    this.#left = MAX_STEPS;
    this.#walk(this.#atom, value, this.#zero);
    if (this.#left < 0) return make();
    const end = this.#at;
    return (end.found ??= make());
  }

  #step(token: Token): Place<T> {
    const at = this.#at;
    if (--this.#left < 0) return at;
    if (at.token === token) return (this.#at = at.next as Place<T>);
    let next = at.others?.get(token);
    if (next === undefined) {
      next = new Place();
      this.#places++;
      if (at.next === undefined) {
        at.token = token;
        at.next = next;
      } else (at.others ??= new Map()).set(token, next);
    }
    return (this.#at = next);
  }

  /** `zero` is the counterpart in the zero object, undefined where it has none. */
  #walk(declared: Atom, value: Json, zero: Json | undefined): void {
    if (this.#left < 0) return;
    const atom = declared.kind === 'untyped' ? resolve(declared, value) : declared;
    if (atom.kind === 'map' && !atom.atomic && isMap(value)) this.#fields(atom, value, zero);
    else if (atom.kind === 'list' && atom.relation !== 'atomic' && isList(value)) this.#items(atom, value, zero);
    else if (zero !== undefined && equalJson(value, zero)) this.#step(SAME);
    else this.#step(value === null ? NULL : LEAF);
  }

  #fields(atom: MapAtom, value: JsonObject, zero: Json | undefined): void {
    let empty = true;
    for (const key in value) {
      const child = value[key];
      if (child === undefined) continue;
      if (empty) this.#step(OPEN);
      empty = false;
      const place = this.#step(key);
      if (this.#left < 0) return;
      if (place.atom === undefined) {
        place.atom = childAtom(atom, key);
        place.zero = isMap(zero) ? getOwn(zero as Readonly<Record<string, Json>>, key) : undefined;
      }
      this.#walk(place.atom, child, place.zero);
    }
    this.#step(empty ? emptyMark(zero) : CLOSE);
  }

  #items(atom: ListAtom, value: readonly Json[], zero: Json | undefined): void {
    if (value.length === 0) {
      this.#step(emptyMark(zero));
      return;
    }
    const element = atom.element();
    this.#step(OPEN);
    for (const item of value) {
      this.#step(ITEM);
      if (atom.relation === 'set') this.#key(item);
      else for (const key of atom.keys) this.#key(keyValue(item, key));
      this.#walk(element, item, undefined);
    }
    this.#step(CLOSE);
  }

  #key(value: Json): void {
    if (typeof value !== 'object' || value === null) this.#step(value);
    else {
      this.#step(TEXT);
      this.#step(JSON.stringify(value));
    }
  }
}

const emptyMark = (zero: Json | undefined): Token => (zero !== undefined && zero !== null && isEmptyContainer(zero) ? SAME : EMPTY);
