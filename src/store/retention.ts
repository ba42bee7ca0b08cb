import type { Item } from './item.ts';
import type { Tombstone } from './store.ts';

/** A row that may go once versions below `atRevision` are compacted and its time has come. */
export interface Dead {
  readonly rowId: number;
  /** The revision that superseded or deleted it. */
  readonly atRevision: number;
}

interface Kept<P> extends Tombstone<P>, Dead {
  readonly entry: Item<P>;
  /** Wall time, ms. */
  readonly untilMs: number;
}

/** Which rows of the journal no longer serve anyone, and which deleted values are kept for undelete. */
export class Retention<P> {
  #dead: Dead[] = [];
  #head = 0;
  #kept: Kept<P>[] = [];
  readonly #forget: (entry: Item<P>) => void;

  /** `forget`: told of each tombstone that is no longer kept. */
  constructor(forget: (entry: Item<P>) => void) {
    this.#forget = forget;
  }

  /** In the order of what superseded them, when no version in the history needs them any more. */
  superseded(rowId: number, atRevision: number): void {
    this.#dead.push({ rowId, atRevision });
  }

  /** The row of a deletion whose value is kept beyond the history. */
  deleted(entry: Item<P>, deletedAtMs: number, untilMs: number): void {
    const { rowId, modRevision: atRevision } = entry;
    this.#kept.push({ rowId, atRevision, entry, deletedAtMs, untilMs });
  }

  tombstones(prefix: string): Tombstone<P>[] {
    return this.#kept.filter(({ entry }) => entry.key.startsWith(prefix)).map(({ entry, deletedAtMs }) => ({ entry, deletedAtMs }));
  }

  /** When the next tombstone may go, wall ms; infinite when none will. */
  nextMs(newestRowId: number): number {
    return this.#kept.reduce((least, kept) => (kept.rowId >= newestRowId ? least : Math.min(least, kept.untilMs)), Number.POSITIVE_INFINITY);
  }

  /**
   * Takes rows that may go, oldest first. A key's earlier rows always go before the row of its deletion, else a restart would
   * bring it back. The newest row of all stays: it says which revision was the last.
   */
  take(compactedRevision: number, nowMs: number, newestRowId: number, limit: number): Dead[] {
    const taken: Dead[] = [];
    for (; taken.length < limit; this.#head++) {
      const next = this.#dead[this.#head];
      if (next === undefined || next.atRevision > compactedRevision || next.rowId >= newestRowId) break;
      taken.push(next);
    }
    if (this.#head > 1024 && this.#head * 2 > this.#dead.length) {
      this.#dead = this.#dead.slice(this.#head);
      this.#head = 0;
    }
    if (taken.length < limit) this.#takeKept(taken, compactedRevision, nowMs, newestRowId, limit);
    return taken;
  }

  /** What `take` gave could not be removed. */
  giveBack(taken: readonly Dead[]): void {
    this.#dead = [...taken, ...this.#dead.slice(this.#head)];
    this.#head = 0;
  }

  #takeKept(taken: Dead[], compactedRevision: number, nowMs: number, newestRowId: number, limit: number): void {
    if (this.#kept.length === 0) return;
    this.#kept = this.#kept.filter((kept) => {
      const stays = taken.length >= limit || kept.untilMs > nowMs || kept.atRevision > compactedRevision || kept.rowId >= newestRowId;
      if (stays) return true;
      taken.push({ rowId: kept.rowId, atRevision: kept.atRevision });
      this.#forget(kept.entry);
      return false;
    });
  }
}
