import type { Away, Change, Noted } from './item.ts';
import { Ledger } from './ledger.ts';

/** What a change takes beside its values: itself, its entry, and what the entry's projection holds alone. */
const CHANGE_BYTES = 256;
/** The same of one that is only noted, with room for keys that nothing else holds. */
const NOTED_BYTES = 64;

/** What follows a revision, as far as it was looked at. */
export interface Stretch {
  readonly changes: readonly Noted[];
  /** The revision that it reaches; whole revisions only. */
  readonly upTo: number;
  /** Whether there is more after it. */
  readonly more: boolean;
}

/** What is looked at in one go: values told, changes told, and changes looked at (a millisecond or two). */
const STRETCH = { bytes: 256 * 1024, changes: 256, looks: 20_000 };

/**
 * The recent changes, in revision order, each with the entry before it: what watches replay and old lists are made from. The
 * oldest may be only noted: their values lie in the journal.
 */
export class History<P> {
  readonly #ledger = new Ledger();
  /** Those before the head are forgotten, or noted. */
  #changes: (Change<P> | undefined)[] = [];
  #head = 0;
  #wholeBytes = 0;

  get size(): number {
    return this.#ledger.size + this.#changes.length - this.#head;
  }

  /** What would be free without it: the values that are no longer current, about. */
  get sizeBytes(): number {
    return this.#wholeBytes + this.#ledger.size * NOTED_BYTES;
  }

  get oldest(): Noted | undefined {
    return this.size === 0 ? undefined : this.#at(0);
  }

  /** The oldest that is not only noted. */
  get oldestWhole(): Change<P> | undefined {
    return this.#changes[this.#head];
  }

  /** Of the newest change; 0: there is none. */
  get newestRevision(): number {
    return this.size === 0 ? 0 : this.#revisionAt(this.size - 1);
  }

  push(change: Change<P>): void {
    this.#changes.push(change);
    this.#wholeBytes += sizeOf(change);
  }

  /** Of the oldest that is whole only a note is kept from now on. */
  note(): Change<P> | undefined {
    const change = this.#shiftWhole();
    if (change !== undefined) this.#ledger.push(change);
    return change;
  }

  /** Drops the oldest change. Changes of one revision are to be dropped together. */
  shift(): Noted | undefined {
    if (this.#ledger.size === 0) return this.#shiftWhole();
    const oldest = this.#ledger.at(0);
    this.#ledger.shift();
    return oldest;
  }

  /** The next changes after the revision whose key has the prefix. */
  since(revision: number, prefix: string): Stretch {
    const changes: Noted[] = [];
    let bytes = 0;
    return this.#stretch(revision, prefix, changes, (at) => {
      const change = this.#at(at);
      changes.push(change);
      bytes += change.entry.sizeBytes + (change.previous?.sizeBytes ?? 0);
      return bytes < STRETCH.bytes && changes.length < STRETCH.changes;
    });
  }

  /** Adds to `then`, for keys with the prefix that changed after the revision and are not in it: the entry before, undefined when there was none. */
  before(revision: number, prefix: string, then: Map<string, Away | undefined>): Omit<Stretch, 'changes'> {
    return this.#stretch(revision, prefix, [], (at) => {
      const key = this.#keyAt(at);
      if (!then.has(key)) then.set(key, this.#previousAt(at));
      return true;
    });
  }

  /** `take`: false when there is no room for more. */
  #stretch(revision: number, prefix: string, changes: readonly Noted[], take: (at: number) => boolean): Stretch {
    let upTo = revision;
    let room = true;
    const from = this.#after(revision);
    const { size } = this;
    for (let at = from; at < size; at++) {
      const next = this.#revisionAt(at);
      if (next !== upTo && (!room || at - from >= STRETCH.looks)) return { changes, upTo, more: true };
      upTo = next;
      if (this.#keyAt(at).startsWith(prefix)) room = take(at) && room;
    }
    return { changes, upTo, more: false };
  }

  #shiftWhole(): Change<P> | undefined {
    const first = this.#changes[this.#head];
    if (first === undefined) return undefined;
    this.#wholeBytes -= sizeOf(first);
    this.#changes[this.#head++] = undefined;
    if (this.#head > 1024 && this.#head * 2 > this.#changes.length) {
      this.#changes = this.#changes.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }

  #after(revision: number): number {
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#revisionAt(middle) <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #at(place: number): Noted {
    return place < this.#ledger.size ? this.#ledger.at(place) : this.#whole(place);
  }

  #keyAt(place: number): string {
    return place < this.#ledger.size ? this.#ledger.keyAt(place) : this.#whole(place).key;
  }

  #revisionAt(place: number): number {
    return place < this.#ledger.size ? this.#ledger.revisionAt(place) : this.#whole(place).revision;
  }

  #previousAt(place: number): Away | undefined {
    return place < this.#ledger.size ? this.#ledger.previousAt(place) : this.#whole(place).previous;
  }

  #whole(place: number): Change<P> {
    return this.#changes[this.#head + place - this.#ledger.size] as Change<P>;
  }
}

function sizeOf<P>({ type, entry, previous }: Change<P>): number {
  return CHANGE_BYTES + (previous?.sizeBytes ?? 0) + (type === 'delete' ? entry.sizeBytes : 0);
}
