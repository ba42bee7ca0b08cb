import { afterPrefix, type KeyIndex } from './key-index.ts';
import type { Item } from './item.ts';
import type { Page } from './store.ts';

interface Keyed {
  readonly key: string;
}

/** A page of entries, or of what stands for them. */
export interface Listed<T> extends Omit<Page<never>, 'entries'> {
  readonly entries: readonly T[];
}

interface Bounds<T> {
  readonly limit?: number;
  readonly after?: string;
  readonly filter?: (entry: T) => boolean;
}

/**
 * One page of entries. `then` has, for every key with the prefix that changed since `revision`, its entry at that revision
 * (undefined: it was not there); empty for a list of the present.
 */
export function listPage<P, T extends Keyed = Item<P>>(
  index: KeyIndex<Item<P>>,
  prefix: string,
  revision: number,
  then: ReadonlyMap<string, T | undefined>,
  options: Bounds<Item<P> | T>,
): Listed<Item<P> | T> {
  const limit = options.limit === undefined || options.limit <= 0 ? Number.POSITIVE_INFINITY : options.limit;
  if (options.filter === undefined && then.size === 0) return wholePage(index, prefix, revision, limit, options.after);
  const entries: (Item<P> | T)[] = [];
  let last: string | undefined;
  let more = false;
  const take = (item: Item<P> | T): boolean => {
    if (entries.length >= limit) {
      more = true;
      return false;
    }
    last = item.key;
    if (options.filter === undefined || options.filter(item)) entries.push(item);
    return true;
  };
  scanAsOf(index, prefix, options.after, then, take);
  if (!more || last === undefined) return { revision, entries, more: false };
  if (options.filter !== undefined) return { revision, entries, more };
  return { revision, entries, more, remaining: countAfter(index, prefix, last, then) };
}

/** What is there now, looking at no entry by itself. */
function wholePage<P>(index: KeyIndex<Item<P>>, prefix: string, revision: number, limit: number, after: string | undefined): Listed<Item<P>> {
  const end = afterPrefix(prefix);
  // The smallest key that is greater than `after`.
  const from = after !== undefined && after >= prefix ? `${after}\u0000` : prefix;
  const entries = index.range(from, end, limit);
  const last = entries.at(-1);
  if (last === undefined || entries.length < limit) return { revision, entries, more: false };
  const remaining = countAfter(index, prefix, last.key, new Map());
  return remaining === 0 ? { revision, entries, more: false } : { revision, entries, more: true, remaining };
}

/** Visits the entries of the prefix as of then, in key order, until `take` answers false. */
function scanAsOf<P, T extends Keyed>(
  index: KeyIndex<Item<P>>,
  prefix: string,
  after: string | undefined,
  then: ReadonlyMap<string, T | undefined>,
  take: (item: Item<P> | T) => boolean,
): void {
  const gone = goneSince(index, then, after);
  let at = 0;
  let going = true;
  const takeGoneBefore = (key: string | undefined): boolean => {
    for (let item = gone[at]; going && item !== undefined && (key === undefined || item.key < key); item = gone[at]) {
      at++;
      going = take(item);
    }
    return going;
  };
  const start = after !== undefined && after > prefix ? after : prefix;
  index.scan(start, (item) => {
    if (item.key === after || (after !== undefined && item.key < after)) return true;
    if (!item.key.startsWith(prefix)) return false;
    if (!takeGoneBefore(item.key)) return false;
    const old = then.size > 0 && then.has(item.key) ? then.get(item.key) : item;
    if (old !== undefined) going = take(old);
    return going;
  });
  if (going) takeGoneBefore(undefined);
}

/** Entries that were there then and are not now, in key order. */
function goneSince<T extends Keyed>(index: KeyIndex<Keyed>, then: ReadonlyMap<string, T | undefined>, after: string | undefined): T[] {
  const gone: T[] = [];
  for (const [key, old] of then) {
    if (old === undefined || (after !== undefined && key <= after) || index.get(key) !== undefined) continue;
    gone.push(old);
  }
  return gone.sort((a, b) => (a.key < b.key ? -1 : 1));
}

function countAfter(index: KeyIndex<Keyed>, prefix: string, last: string, then: ReadonlyMap<string, Keyed | undefined>): number {
  let count = index.rank(afterPrefix(prefix)) - index.rank(last) - (index.get(last) === undefined ? 0 : 1);
  for (const [key, old] of then) {
    if (key <= last) continue;
    const now = index.get(key);
    if (old === undefined && now !== undefined) count--;
    if (old !== undefined && now === undefined) count++;
  }
  return count;
}
