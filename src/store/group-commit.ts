import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Change } from './item.ts';
import type { Journal, Row } from './journal.ts';
import { Pending } from './pending.ts';
import { type Committed, type Health, StoreError } from './store.ts';

/** A commit on its way: accepted, numbered, not yet durable. */
interface Waiting<P> {
  readonly revision: number;
  readonly changes: readonly Change<P>[];
  readonly done: PromiseWithResolvers<Committed>;
}

const PROBE_MS = 1000;
const MAX_LAZY = 10_000;

export interface GroupCommitOptions<P> {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Log;
  /** Makes changes visible, up to the revision. Must not throw. */
  readonly show: (changes: readonly Change<P>[], revision: number) => void;
}

/**
 * The way from accepted to durable. One batch is with the journal at a time; what is committed meanwhile makes the next one.
 * A batch that fails takes everything ordered after it along, and the store is read-only until a probe succeeds.
 */
export class GroupCommit<P> {
  readonly pending = new Pending<P>();
  readonly #options: GroupCommitOptions<P>;
  readonly #listeners = new Set<(health: Health) => void>();
  #queue: Waiting<P>[] = [];
  /** Visible and not yet durable. */
  #lazy: Row[] = [];
  #journalledRowId: number;
  #flushing: Promise<void> | undefined;
  #lazyTimer: Timer | undefined;
  #probeTimer: Timer | undefined;
  #health: Health = { state: 'ok' };
  #closing = false;

  constructor(options: GroupCommitOptions<P>, journalledRowId: number) {
    this.#options = options;
    this.#journalledRowId = journalledRowId;
  }

  /** Commits that wait for their turn. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** The newest row that is certainly in the journal. */
  get journalledRowId(): number {
    return this.#journalledRowId;
  }

  get health(): Health {
    return this.#health;
  }

  onHealth(listener: (health: Health) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** `changes`: at least one, all of one revision that is greater than any before. */
  enqueue(changes: readonly Change<P>[]): Promise<Committed> {
    const waiting: Waiting<P> = { revision: (changes[0] as Change<P>).revision, changes, done: Promise.withResolvers() };
    for (const change of changes) this.pending.add(change.key, change.type === 'put' ? change.entry : undefined);
    this.#queue.push(waiting);
    this.#flush();
    return waiting.done.promise;
  }

  /** Whether a change of this revision may be shown before it is durable: nothing is ordered before it, and it can't be given again. */
  mayBeLazy(revision: number): boolean {
    return this.pending.empty && revision <= this.#options.journal.reservedRevision && this.#lazy.length < MAX_LAZY;
  }

  lazily(changes: readonly Change<P>[]): Committed {
    const { clock, journal, show } = this.#options;
    const revision = (changes[0] as Change<P>).revision;
    for (const change of changes) this.#lazy.push(rowOf(change));
    show(changes, revision);
    if (this.#lazy.length >= MAX_LAZY / 2) this.#flush();
    else this.#lazyTimer ??= clock.setTimer(journal.lazyMs, () => this.#flush());
    return { revision };
  }

  /** Waits for what is on its way. Says whether everything visible is durable. */
  async close(): Promise<boolean> {
    this.#closing = true;
    if (this.#lazy.length > 0) this.#flush();
    while (this.#flushing !== undefined) await this.#flushing;
    this.#lazyTimer?.[Symbol.dispose]();
    this.#probeTimer?.[Symbol.dispose]();
    return this.#lazy.length === 0;
  }

  /** Starts a flush unless one is under way, in a microtask of its own: commits of one tick share a batch. */
  #flush(): void {
    this.#flushing ??= Promise.resolve()
      .then(() => this.#flushAll())
      .finally(() => {
        this.#flushing = undefined;
        // Something may have been committed by whoever was told last.
        if (this.#queue.length > 0) this.#flush();
      });
  }

  async #flushAll(): Promise<void> {
    this.#lazyTimer?.[Symbol.dispose]();
    this.#lazyTimer = undefined;
    while (this.#queue.length > 0 || this.#lazy.length > 0) {
      const batch = this.#queue;
      const lazy = this.#lazy;
      this.#queue = [];
      this.#lazy = [];
      const rows = [...lazy, ...batch.flatMap(({ changes }) => changes.map(rowOf))];
      try {
        await this.#options.journal.append(rows);
      } catch (thrown) {
        this.#lazy = [...lazy, ...this.#lazy];
        this.#refuse(batch, thrown);
        return;
      }
      this.#journalledRowId = (rows.at(-1) as Row).id;
      this.#acknowledge(batch);
    }
  }

  #acknowledge(batch: readonly Waiting<P>[]): void {
    const last = batch.at(-1);
    if (last === undefined) return;
    for (const { changes } of batch) for (const { key } of changes) this.pending.done(key);
    this.#options.show(
      batch.flatMap(({ changes }) => changes),
      last.revision,
    );
    for (const { revision, done } of batch) done.resolve({ revision });
  }

  #refuse(batch: readonly Waiting<P>[], thrown: unknown): void {
    const all = [...batch, ...this.#queue];
    this.#queue = [];
    this.pending.clear();
    const cause = causeOf(thrown);
    this.#setHealth({ state: 'read-only', cause });
    const error = new StoreError('unavailable', `the store could not write: ${cause}`, { cause: thrown });
    for (const { done } of all) done.reject(error);
    this.#probeLater();
  }

  #probeLater(): void {
    if (this.#closing || this.#probeTimer !== undefined) return;
    this.#probeTimer = this.#options.clock.setTimer(PROBE_MS, () => {
      this.#options.journal.probe().then(
        () => {
          this.#probeTimer = undefined;
          this.#setHealth({ state: 'ok' });
          if (this.#lazy.length > 0) this.#flush();
        },
        (thrown: unknown) => {
          this.#probeTimer = undefined;
          this.#setHealth({ state: 'read-only', cause: causeOf(thrown) });
          this.#probeLater();
        },
      );
    });
  }

  #setHealth(health: Health): void {
    const before = this.#health;
    if (before.state === 'ok' ? health.state === 'ok' : health.state === 'read-only' && before.cause === health.cause) return;
    this.#health = health;
    if (health.state === 'ok') this.#options.log.info('writes are taken again');
    else this.#options.log.warn('writes are refused', { cause: health.cause });
    for (const listener of [...this.#listeners]) listener(health);
  }
}

function causeOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function rowOf<P>({ entry, type, timeMs }: Change<P>): Row {
  const { rowId, key, value, createRevision, modRevision, expiresAtMs } = entry;
  return { id: rowId, revision: modRevision, createRevision, deleted: type === 'delete', key, value, expiresAtMs, timeMs };
}
