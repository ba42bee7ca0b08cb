import type { Change, Item } from './item.ts';

/** What a change takes beside its values: itself, its entry, and what the entry's projection holds alone. */
const CHANGE_BYTES = 256;

/** The recent changes, in revision order, each with the entry before it: what watches replay and old lists are made from. */
export class History<P> {
  /** Those before the head are forgotten. */
  #changes: (Change<P> | undefined)[] = [];
  #head = 0;
  #sizeBytes = 0;

  get size(): number {
    return this.#changes.length - this.#head;
  }

  /** What would be free without it: the values that are no longer current, about. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get oldest(): Change<P> | undefined {
    return this.#changes[this.#head];
  }

  push(change: Change<P>): void {
    this.#changes.push(change);
    this.#sizeBytes += sizeOf(change);
  }

  /** Drops the oldest change. Changes of one revision are to be dropped together. */
  shift(): Change<P> | undefined {
    const first = this.#changes[this.#head];
    if (first === undefined) return undefined;
    this.#sizeBytes -= sizeOf(first);
    this.#changes[this.#head++] = undefined;
    if (this.#head > 1024 && this.#head * 2 > this.#changes.length) {
      this.#changes = this.#changes.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }

  /** Changes after the revision whose key has the prefix. */
  since(revision: number, prefix: string): Change<P>[] {
    const found: Change<P>[] = [];
    for (let at = this.#after(revision); at < this.#changes.length; at++) {
      const change = this.#changes[at] as Change<P>;
      if (change.key.startsWith(prefix)) found.push(change);
    }
    return found;
  }

  /** For every key with the prefix that changed after the revision: its entry at the revision, undefined when it was not there. */
  asOf(revision: number, prefix: string): Map<string, Item<P> | undefined> {
    const then = new Map<string, Item<P> | undefined>();
    for (const change of this.since(revision, prefix)) if (!then.has(change.key)) then.set(change.key, change.previous);
    return then;
  }

  #after(revision: number): number {
    let low = this.#head;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#changes[middle] as Change<P>).revision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function sizeOf<P>({ type, entry, previous }: Change<P>): number {
  return CHANGE_BYTES + (previous?.sizeBytes ?? 0) + (type === 'delete' ? entry.sizeBytes : 0);
}
