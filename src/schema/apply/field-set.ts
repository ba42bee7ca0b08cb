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
  /** Null: a member with nothing below it. Most are. */
  #kids: Map<PathElement, SetBuilder | null> | undefined;

  insert(path: readonly PathElement[]): void {
    const last = path.at(-1);
    if (last === undefined) {
      this.#own = true;
      return;
    }
    let node: SetBuilder = this;
    for (let at = 0; at < path.length - 1; at++) node = node.#child(path[at] as PathElement);
    node.#kids ??= new Map();
    const kid = node.#kids.get(last);
    if (kid === undefined) node.#kids.set(last, null);
    else if (kid !== null) kid.#own = true;
  }

  #child(element: PathElement): SetBuilder {
    this.#kids ??= new Map();
    const known = this.#kids.get(element);
    if (known !== undefined && known !== null) return known;
    const kid = new SetBuilder();
    kid.#own = known === null;
    this.#kids.set(element, kid);
    return kid;
  }

  build(): FieldSet {
    if (this.#kids === undefined) return this.#own ? LEAF : EMPTY;
    const keys = [...this.#kids.keys()];
    if (!isSorted(keys)) keys.sort();
    const kids = keys.map((key) => this.#kids?.get(key)?.build() ?? LEAF);
    if (!kids.some(isEmpty)) return make(this.#own, keys, kids);
    const full = keys.map((_, at) => at).filter((at) => !isEmpty(kids[at] as FieldSet));
    return make(
      this.#own,
      full.map((at) => keys[at] as PathElement),
      full.map((at) => kids[at] as FieldSet),
    );
  }
}

/** The members right below one place, each once, in any order; none is empty. */
export class Kids {
  readonly #keys: PathElement[] = [];
  readonly #kids: FieldSet[] = [];

  add(key: PathElement, kid: FieldSet): void {
    this.#keys.push(key);
    this.#kids.push(kid);
  }

  set(own: boolean): FieldSet {
    const keys = this.#keys;
    const kids = this.#kids;
    if (isSorted(keys)) return make(own, keys, kids);
    const order = keys.map((_, at) => at).sort((a, b) => ((keys[a] as string) < (keys[b] as string) ? -1 : 1));
    return make(
      own,
      order.map((at) => keys[at] as PathElement),
      order.map((at) => kids[at] as FieldSet),
    );
  }
}

/** What is decoded has its keys in order already. */
function isSorted(keys: readonly PathElement[]): boolean {
  for (let at = 1; at < keys.length; at++) if ((keys[at - 1] as string) > (keys[at] as string)) return false;
  return true;
}

const WIDE = 1000;

/** Some member has very many right below it: what is worked out for such a set is not kept for others. */
export function isWide({ keys, kids }: FieldSet, levels = 4): boolean {
  if (keys.length > WIDE) return true;
  if (levels > 0) for (const kid of kids) if (kid.keys.length > 0 && isWide(kid, levels - 1)) return true;
  return false;
}

export function setOf(paths: readonly (readonly PathElement[])[]): FieldSet {
  const builder = new SetBuilder();
  for (const path of paths) builder.insert(path);
  return builder.build();
}

/** For trees that are built from the bottom up; `keys` sorted, no kid empty. */
export const setNode = make;
