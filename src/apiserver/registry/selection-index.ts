import type { Store } from '../../store/store.ts';
import { Slices } from '../../base/loop-turns.ts';
import { getOwn } from '../../machinery/record.ts';
import type { Projection, StoredEntry } from '../codec/projection.ts';

/** A label or a field that must have one value. */
export interface Equality {
  readonly by: 'label' | 'field';
  readonly name: string;
  readonly value: string;
}

export interface SelectionIndexesOptions {
  readonly store: Store<Projection>;
  readonly yieldToLoop: () => Promise<void>;
  /** Smaller collections are looked through. */
  readonly leastObjects?: number;
}

const LEAST_OBJECTS = 2000;
/** Kept at a time; who has not been asked for longest goes. */
const MOST = 16;
/** Labels and fields whose questions are counted. */
const MOST_COUNTED = 256;
/** Added in one turn of the loop. */
const SLICE = 5000;

/**
 * The objects of a large collection by what is asked of them again and again (`app=web`, `spec.nodeName=a`), so that such lists look at no
 * other ones. An index is begun when something is asked for the second time, and follows the store.
 */
export class SelectionIndexes implements Disposable {
  readonly #options: SelectionIndexesOptions;
  readonly #indexes = new Map<string, ValueIndex>();
  /** Asked once; `false`: has too many values to be worth it. */
  readonly #asked = new Map<string, boolean>();

  constructor(options: SelectionIndexesOptions) {
    this.#options = options;
  }

  /** Those that have one of the values, as they are visible now, in no order; undefined: they must be looked for. */
  async find(prefix: string, equalities: readonly Equality[]): Promise<{ readonly revision: number; readonly entries: readonly StoredEntry[] } | undefined> {
    const { store, leastObjects = LEAST_OBJECTS } = this.#options;
    if (equalities.length === 0 || store.count(prefix) < leastObjects) return undefined;
    const known = equalities.map((equality) => ({ equality, index: this.#index(prefix, equality) }));
    // Watches are told of a commit one after the other, all in one turn: by the next microtask every index has heard of it.
    await Promise.resolve();
    let best: ReadonlyMap<string, StoredEntry> | undefined;
    for (const { equality, index } of known) {
      if (index?.ready !== true) continue;
      const entries = index.of(equality.value);
      if (best === undefined || entries.size < best.size) best = entries;
    }
    // A copy: the index goes on before whoever asked has its turn.
    return best === undefined ? undefined : { revision: store.revision, entries: [...best.values()] };
  }

  [Symbol.dispose](): void {
    for (const index of this.#indexes.values()) index[Symbol.dispose]();
    this.#indexes.clear();
  }

  #index(prefix: string, { by, name }: Equality): ValueIndex | undefined {
    const key = `${prefix} ${by} ${name}`;
    const index = this.#indexes.get(key);
    if (index !== undefined && !index.ended) {
      // The one asked for last stands last.
      this.#indexes.delete(key);
      this.#indexes.set(key, index);
      return index;
    }
    const before = this.#asked.get(key);
    if (before === true) return this.#begin(key, prefix, by, name);
    if (before === undefined) {
      this.#asked.set(key, true);
      if (this.#asked.size > MOST_COUNTED) this.#asked.delete(this.#asked.keys().next().value as string);
    }
    return undefined;
  }

  #begin(key: string, prefix: string, by: Equality['by'], name: string): ValueIndex {
    for (const [oldest, index] of this.#indexes) {
      if (this.#indexes.size < MOST) break;
      index[Symbol.dispose]();
      this.#indexes.delete(oldest);
    }
    const useless = (): void => {
      this.#indexes.delete(key);
      this.#asked.set(key, false);
    };
    const valueOf = ({ projection }: StoredEntry): string | undefined => getOwn(by === 'label' ? projection.labels : projection.fields, name);
    const index = new ValueIndex(this.#options, prefix, valueOf, useless);
    this.#indexes.set(key, index);
    return index;
  }
}

/** Of which a value has at least so many objects on average. */
const LEAST_PER_VALUE = 4;

class ValueIndex implements Disposable {
  readonly #byValue = new Map<string, Map<string, StoredEntry>>();
  readonly #valueOf: (entry: StoredEntry) => string | undefined;
  readonly #watch: Disposable;
  ready = false;
  ended = false;

  constructor({ store, yieldToLoop }: SelectionIndexesOptions, prefix: string, valueOf: (entry: StoredEntry) => string | undefined, useless: () => void) {
    this.#valueOf = valueOf;
    const watch = store.watch(
      prefix,
      {},
      {
        events: (batch) => {
          for (const { type, key, entry, previous } of batch) {
            if (previous !== undefined) this.#delete(key, previous);
            if (type === 'put') this.#add(entry);
          }
        },
        ended: () => this[Symbol.dispose](),
      },
    );
    this.#watch = { [Symbol.dispose]: () => watch.close() };
    this.#fill(store, prefix, yieldToLoop).then(
      (count) => {
        if (this.#byValue.size * LEAST_PER_VALUE <= count) {
          this.ready = true;
          return;
        }
        this[Symbol.dispose]();
        useless();
      },
      () => this[Symbol.dispose](),
    );
  }

  of(value: string): ReadonlyMap<string, StoredEntry> {
    return this.#byValue.get(value) ?? NONE;
  }

  [Symbol.dispose](): void {
    this.ended = true;
    this.ready = false;
    this.#watch[Symbol.dispose]();
    this.#byValue.clear();
  }

  /** What has changed since the beginning has been told already. */
  async #fill(store: Store<Projection>, prefix: string, yieldToLoop: () => Promise<void>): Promise<number> {
    const slices = new Slices(yieldToLoop, SLICE);
    const { entries } = store.list(prefix);
    for (const entry of entries) {
      if (this.ended) return 0;
      if (store.get(entry.key)?.modRevision === entry.modRevision) this.#add(entry);
      const turn = slices.spend(1);
      if (turn !== undefined) await turn;
    }
    return entries.length;
  }

  #add(entry: StoredEntry): void {
    const value = this.#valueOf(entry);
    if (value === undefined) return;
    const same = this.#byValue.get(value);
    if (same === undefined) this.#byValue.set(value, new Map([[entry.key, entry]]));
    else same.set(entry.key, entry);
  }

  #delete(key: string, previous: StoredEntry): void {
    const value = this.#valueOf(previous);
    const same = value === undefined ? undefined : this.#byValue.get(value);
    if (value === undefined || same === undefined) return;
    same.delete(key);
    if (same.size === 0) this.#byValue.delete(value);
  }
}

const NONE: ReadonlyMap<string, StoredEntry> = new Map();
