import type { History, Stretch } from './history.ts';
import { type Away, isItem, isWhole, type Item, type Noted, recoveredItem } from './item.ts';
import type { ReadRows } from './journal.ts';
import type { Listed } from './listing.ts';
import { type Entry, type Page, StoreError, type StoreEvent } from './store.ts';

/** Read from the journal at once, so that a write waits no longer than a millisecond or two. A larger value is read by itself. */
const READ = { bytes: 256 * 1024, rows: 256 };
/** What one page of a list may bring back to memory. */
const PAGE_BYTES = 16 * 1024 * 1024;

export interface PastOptions<P> {
  readonly history: History<P>;
  readonly current: (key: string) => Item<P> | undefined;
  /** Throws StoreError `compacted` when what follows the revision is no longer whole. */
  readonly assertReachable: (revision: number) => void;
  /** Absent: every change in the history is whole. */
  readonly readRows?: ReadRows<P> | undefined;
}

/** What was: from memory where it still lies there, else from the journal, one read at a time for all who ask. */
export class Past<P> {
  readonly #options: PastOptions<P>;
  #lastRead: Promise<unknown> = Promise.resolve();

  constructor(options: PastOptions<P>) {
    this.#options = options;
  }

  /** Of the newest change; 0: none is known. */
  get newestRevision(): number {
    return this.#options.history.newestRevision;
  }

  /** What comes next for a watch that is complete up to the revision. Throws StoreError `compacted`. */
  since(revision: number, prefix: string): Stretch {
    this.#options.assertReachable(revision);
    return this.#options.history.since(revision, prefix);
  }

  /** Rejects with StoreError `compacted` when a row is gone by now, `unavailable` when the disk fails, `sealed` when a value can't be decrypted. */
  events(changes: readonly Noted[]): readonly StoreEvent<P>[] | Promise<readonly StoreEvent<P>[]> {
    const whole = changes.filter((change) => isWhole<P>(change));
    return whole.length === changes.length ? whole : this.#readEvents(changes);
  }

  /** As `History.before`. Throws StoreError `compacted`. */
  before(revision: number, prefix: string, then: Map<string, Away | undefined>): Omit<Stretch, 'changes'> {
    this.#options.assertReachable(revision);
    return this.#options.history.before(revision, prefix, then);
  }

  /** The page with what has to be read for it; a shorter one, when that would be too much. */
  async page({ entries, revision, more, remaining }: Listed<Item<P> | Away>): Promise<Page<P>> {
    let bytes = 0;
    const full = entries.findIndex((entry) => !isItem<P>(entry) && (bytes += entry.sizeBytes) > PAGE_BYTES);
    const taken = full > 0 ? entries.slice(0, full) : entries;
    const items = await this.#load(taken);
    const page = { revision, entries: taken.map((entry): Entry<P> => present(items, entry)) };
    if (taken.length === entries.length) return { ...page, more, ...(remaining === undefined ? {} : { remaining }) };
    return { ...page, more: true, remaining: entries.length - taken.length + (remaining ?? 0) };
  }

  /** Lets the loop have a turn: a question goes to the journal and back. */
  async turn(): Promise<void> {
    await this.#read([]);
  }

  async #readEvents(changes: readonly Noted[]): Promise<readonly StoreEvent<P>[]> {
    const items = await this.#load(changes.flatMap(({ entry, previous }) => (previous === undefined ? [entry] : [previous, entry])));
    return changes.map((change): StoreEvent<P> => {
      if (isWhole<P>(change)) return change;
      const { type, key, revision, entry, previous } = change;
      return { type, key, revision, entry: present(items, entry), previous: previous === undefined ? undefined : present(items, previous) };
    });
  }

  /** By row id. */
  async #load(wanted: readonly Away[]): Promise<ReadonlyMap<number, Item<P>>> {
    const items = new Map<number, Item<P>>();
    const away = new Map<number, Away>();
    for (const one of wanted) {
      const item = isItem<P>(one) ? one : this.#options.current(one.key);
      if (item?.rowId === one.rowId) items.set(one.rowId, item);
      else away.set(one.rowId, one);
    }
    for (const some of inReads([...away.values()])) {
      for (const recovered of await this.#read(some.map(({ rowId }) => rowId))) {
        const { id } = recovered.row;
        items.set(id, recoveredItem(recovered, (away.get(id) as Away).key));
      }
    }
    return items;
  }

  #read(ids: readonly number[]): ReturnType<ReadRows<P>> {
    const { readRows = noRows } = this.#options;
    const read = this.#lastRead.then(() => readRows(ids)).catch((thrown: unknown) => Promise.reject(unreadable(thrown)));
    // Who asked hears of a failure; who comes next tries again.
    this.#lastRead = read.catch(() => {});
    return read;
  }
}

const noRows = async (): Promise<readonly never[]> => [];

function present<P>(items: ReadonlyMap<number, Item<P>>, { rowId, key }: Away): Item<P> {
  const item = items.get(rowId);
  if (item === undefined) throw new StoreError('compacted', `an earlier value of ${key} is compacted`);
  return item;
}

function unreadable(thrown: unknown): StoreError {
  if (thrown instanceof StoreError) return thrown;
  return new StoreError('unavailable', `the store could not read: ${thrown instanceof Error ? thrown.message : String(thrown)}`, { cause: thrown });
}

function* inReads(wanted: readonly Away[]): Generator<readonly Away[], void, undefined> {
  let some: Away[] = [];
  let bytes = 0;
  for (const one of wanted) {
    if (some.length > 0 && (some.length === READ.rows || bytes + one.sizeBytes > READ.bytes)) {
      yield some;
      some = [];
      bytes = 0;
    }
    some.push(one);
    bytes += one.sizeBytes;
  }
  if (some.length > 0) yield some;
}
