import type { PathElement } from './path-element.ts';

/**
 * A set of paths, immutable: a tree whose nodes say whether the path to them is in the set. Operations answer the very same
 * node where nothing changes, so that sets are shared between objects and their text is made once.
 */
export interface FieldSet {
  /** The path that leads here is a member. */
  readonly own: boolean;
  /** Sorted; `kids[i]` belongs to `keys[i]` and is never empty. */
  readonly keys: readonly PathElement[];
  readonly kids: readonly FieldSet[];
}

const NO_KEYS: readonly PathElement[] = [];
const NO_KIDS: readonly FieldSet[] = [];

export const EMPTY: FieldSet = { own: false, keys: NO_KEYS, kids: NO_KIDS };
export const LEAF: FieldSet = { own: true, keys: NO_KEYS, kids: NO_KIDS };

export const isEmpty = (set: FieldSet): boolean => !set.own && set.keys.length === 0;

function make(own: boolean, keys: readonly PathElement[], kids: readonly FieldSet[]): FieldSet {
  return keys.length === 0 ? (own ? LEAF : EMPTY) : { own, keys, kids };
}

/** The set below one element; undefined when there is nothing. */
export function below(set: FieldSet, element: PathElement): FieldSet | undefined {
  const { keys } = set;
  let low = 0;
  let high = keys.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const key = keys[middle] as string;
    if (key === element) return set.kids[middle];
    if (key < element) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}

export function has(set: FieldSet, path: readonly PathElement[]): boolean {
  let node: FieldSet | undefined = set;
  for (const element of path) {
    node = below(node, element);
    if (node === undefined) return false;
  }
  return node.own;
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmpty(b)) return a;
  if (isEmpty(a)) return b;
  const keys: PathElement[] = [];
  const kids: FieldSet[] = [];
  let same = a.own || !b.own;
  for (let i = 0, j = 0; i < a.keys.length || j < b.keys.length; ) {
    const left = a.keys[i];
    const right = b.keys[j];
    if (right === undefined || (left !== undefined && left < right)) {
      keys.push(left as string);
      kids.push(a.kids[i++] as FieldSet);
    } else if (left === undefined || right < left) {
      keys.push(right);
      kids.push(b.kids[j++] as FieldSet);
      same = false;
    } else {
      const kid = a.kids[i++] as FieldSet;
      const merged = union(kid, b.kids[j++] as FieldSet);
      if (merged !== kid) same = false;
      keys.push(left);
      kids.push(merged);
    }
  }
  return same ? a : make(a.own || b.own, keys, kids);
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a;
  return combine(a, b, a.own && b.own, (kid, other) => (other === undefined ? EMPTY : intersection(kid, other)));
}

/** Without the members of `b`; what lies below them stays. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return EMPTY;
  if (isEmpty(b)) return a;
  return combine(a, b, a.own && !b.own, (kid, other) => (other === undefined ? kid : difference(kid, other)));
}

/** Without the members of `b` and everything below them. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(b)) return a;
  if (b.own) return EMPTY;
  return combine(a, b, a.own, (kid, other) => (other === undefined ? kid : recursiveDifference(kid, other)));
}

/** A path that leads to some members and all below them: names of fields, and `*` for any step. */
export type PathPattern = readonly string[];

/** Only the members at or below what a pattern leads to. */
export function selected(set: FieldSet, patterns: readonly PathPattern[]): FieldSet {
  if (patterns.some((pattern) => pattern.length === 0)) return set;
  const keys: PathElement[] = [];
  const kids: FieldSet[] = [];
  set.keys.forEach((key, i) => {
    const matching = patterns.filter(([step]) => step === '*' || `f:${step}` === key).map((pattern) => pattern.slice(1));
    const kid = matching.length === 0 ? EMPTY : selected(set.kids[i] as FieldSet, matching);
    if (isEmpty(kid)) return;
    keys.push(key);
    kids.push(kid);
  });
  return make(false, keys, kids);
}

/** A node like `a` with every kid put through `change`; the same node when nothing changes. */
function combine(a: FieldSet, b: FieldSet, own: boolean, change: (kid: FieldSet, other: FieldSet | undefined) => FieldSet): FieldSet {
  let same = own === a.own;
  const keys: PathElement[] = [];
  const kids: FieldSet[] = [];
  let j = 0;
  for (let i = 0; i < a.keys.length; i++) {
    const key = a.keys[i] as string;
    while (j < b.keys.length && (b.keys[j] as string) < key) j++;
    const kid = a.kids[i] as FieldSet;
    const next = change(kid, b.keys[j] === key ? b.kids[j] : undefined);
    if (next !== kid) same = false;
    if (isEmpty(next)) continue;
    keys.push(key);
    kids.push(next);
  }
  return same ? a : make(own, keys, kids);
}

export function equalSets(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true;
  if (a.own !== b.own || a.keys.length !== b.keys.length) return false;
  return a.keys.every((key, i) => key === b.keys[i] && equalSets(a.kids[i] as FieldSet, b.kids[i] as FieldSet));
}

/** Every member, parents before children. */
export function members(set: FieldSet): readonly (readonly PathElement[])[] {
  const out: (readonly PathElement[])[] = [];
  const visit = (node: FieldSet, path: readonly PathElement[]): void => {
    if (node.own) out.push(path);
    node.keys.forEach((key, i) => visit(node.kids[i] as FieldSet, [...path, key]));
  };
  visit(set, []);
  return out;
}

/** Grows a set path by path; `build` may be called once. */
export class SetBuilder {
  #own = false;
  #kids: Map<PathElement, SetBuilder> | undefined;

  insert(path: readonly PathElement[]): void {
    let node: SetBuilder = this;
    for (const element of path) node = node.child(element);
    node.#own = true;
  }

  child(element: PathElement): SetBuilder {
    this.#kids ??= new Map();
    let kid = this.#kids.get(element);
    if (kid === undefined) this.#kids.set(element, (kid = new SetBuilder()));
    return kid;
  }

  build(): FieldSet {
    if (this.#kids === undefined) return this.#own ? LEAF : EMPTY;
    const entries = [...this.#kids].sort(([a], [b]) => (a < b ? -1 : 1));
    const keys: PathElement[] = [];
    const kids: FieldSet[] = [];
    for (const [key, builder] of entries) {
      const kid = builder.build();
      if (isEmpty(kid)) continue;
      keys.push(key);
      kids.push(kid);
    }
    return make(this.#own, keys, kids);
  }
}

export function setOf(paths: readonly (readonly PathElement[])[]): FieldSet {
  const builder = new SetBuilder();
  for (const path of paths) builder.insert(path);
  return builder.build();
}

/** For trees that are built from the bottom up; `keys` sorted, no kid empty. */
export const setNode = make;
