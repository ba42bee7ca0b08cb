import { assert } from '../base/assert.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { failure, type Log, silentLog } from '../base/log.ts';
import { Expiry } from './expiry.ts';
import { GroupCommit } from './group-commit.ts';
import { History } from './history.ts';
import { type Away, type Change, changeOf, isWhole, type Item, type Noted, recoveredChange } from './item.ts';
import type { Gap, Journal, ReadRows, Recovered } from './journal.ts';
import { afterPrefix, KeyIndex } from './key-index.ts';
import { listPage } from './listing.ts';
import { Past } from './past.ts';
import { Retention } from './retention.ts';
import { Slabs } from './slabs.ts';
import {
  type Committed,
  type CommitOptions,
  type Entry,
  type Guard,
  type Health,
  type ListOptions,
  type Operation,
  type Page,
  type PageOptions,
  type Store,
  StoreError,
  type StoreSettings,
  type StoreSink,
  type StoreWatch,
  type Tombstone,
  type WatchOptions,
} from './store.ts';
import { Watches } from './watches.ts';

export interface MvccOptions<P> {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly settings: StoreSettings;
  readonly log?: Log;
  /** What the journal had. Absent: nothing. */
  readonly recovered?: Recovered<P>;
  /** Reads what the journal keeps. Absent: all history lies in memory. */
  readonly readRows?: ReadRows<P>;
}

/** Rows removed by one transaction of the journal: about a millisecond. */
const REMOVE_AT_ONCE = 500;
/** How long an expired key waits when its deletion was refused. */
const EXPIRE_AGAIN_MS = 10_000;

const NO_CHANGES: ReadonlyMap<string, never> = new Map<string, never>();

/** The store above a journal: the current state, the recent history and what is pending live in memory; the journal keeps rows. */
export class MvccStore<P> implements Store<P> {
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #settings: StoreSettings;
  readonly #log: Log;

  readonly #index = new KeyIndex<Item<P>>();
  readonly #history = new History<P>();
  readonly #past: Past<P>;
  readonly #keepsRows: boolean;
  readonly #slabs = new Slabs();
  readonly #retention = new Retention<P>((entry) => this.#slabs.release(entry));
  readonly #expiry: Expiry;
  readonly #commits: GroupCommit<P>;
  readonly #watches: Watches<P>;

  #revision = 0;
  #compactedRevision = 0;
  #gaps: readonly Gap[] = [];
  /** The newest revision and row id given out, visible or not. They never go back, also when a batch fails. */
  #lastRevision = 0;
  #lastRowId = 0;
  #removing: Promise<void> | undefined;
  #sweepTimer: Timer | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: MvccOptions<P>) {
    this.#journal = options.journal;
    this.#clock = options.clock;
    this.#settings = options.settings;
    this.#log = options.log ?? silentLog;
    this.#keepsRows = options.readRows !== undefined;
    this.#past = new Past<P>({
      history: this.#history,
      current: (key) => this.#index.get(key),
      assertReachable: (revision) => this.#assertReachable(revision),
      readRows: options.readRows,
    });
    this.#expiry = new Expiry(options.clock, (keys) => this.#expire(keys));
    if (options.recovered !== undefined) this.#restore(options.recovered);
    this.#watches = new Watches(this.#log, this.#past, this.#revision);
    const show = (changes: readonly Change<P>[], revision: number): void => this.#show(changes, revision);
    this.#commits = new GroupCommit({ journal: this.#journal, clock: this.#clock, log: this.#log, show }, this.#lastRowId);
    this.#sweepLater();
  }

  get revision(): number {
    return this.#revision;
  }

  get compactedRevision(): number {
    return this.#compactedRevision;
  }

  wholeFrom(revision: number): number {
    const gap = this.#gaps.find(({ after, before }) => revision > after && revision < before);
    return Math.max(this.#compactedRevision, gap?.before ?? revision);
  }

  get health(): Health {
    return this.#commits.health;
  }

  onHealth(listener: (health: Health) => void): Disposable {
    return this.#commits.onHealth(listener);
  }

  get(key: string): Entry<P> | undefined {
    return this.#index.get(key);
  }

  settled(key: string): Promise<void> | undefined {
    return this.#commits.pending.settled(key);
  }

  list(prefix: string, options: ListOptions<P> = {}): Page<P> {
    return listPage(this.#index, prefix, this.#revision, NO_CHANGES, options);
  }

  async listAt(prefix: string, revision: number, options: PageOptions = {}): Promise<Page<P>> {
    const then = new Map<string, Away | undefined>();
    for (let at = revision; ; await this.#past.turn()) {
      const { upTo, more } = this.#past.before(at, prefix, then);
      // In the turn in which the last change was looked at.
      if (!more) return this.#past.page(listPage<P, Away>(this.#index, prefix, revision, then, options));
      at = upTo;
    }
  }

  count(prefix: string): number {
    return this.#index.rank(afterPrefix(prefix)) - this.#index.rank(prefix);
  }

  watch(prefix: string, options: WatchOptions, sink: StoreSink<P>): StoreWatch {
    this.#assertOpen();
    const after = options.after ?? this.#revision;
    this.#assertReachable(after);
    return this.#watches.open(prefix, after, sink);
  }

  async fresh(): Promise<number> {
    return this.#revision;
  }

  tombstones(prefix: string): readonly Tombstone<P>[] {
    return this.#retention.tombstones(prefix);
  }

  async commit(operations: readonly Operation<P>[], guards: readonly Guard[] = [], options: CommitOptions = {}): Promise<Committed> {
    this.#assertOpen();
    this.#assertSizes(operations);
    const lazy = options.lazy === true && this.#mayBeLazy(operations);
    if (!lazy) this.#assertTaken();
    this.#assertGuards(guards);
    const changes = this.#number(operations);
    if (changes.length === 0) return this.#nothingToDo(operations);
    return lazy ? this.#commits.lazily(changes) : this.#commits.enqueue(changes);
  }

  async compact(revision: number): Promise<void> {
    this.#trim(Math.min(revision, this.#revision));
    // A removal that is under way may have looked before the trim.
    await this.#removing;
    await this.#remove();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  // ── committing ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #latest(key: string): Item<P> | undefined {
    return this.#commits.pending.latest(key, this.#index.get(key));
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw closed();
  }

  #assertSizes(operations: readonly Operation<P>[]): void {
    const most = this.#settings.maxValueBytes;
    for (const operation of operations) {
      if (operation.do === 'put' && operation.value.byteLength > most) {
        throw new StoreError('too-large', `the value has ${operation.value.byteLength} bytes, at most ${most} are taken`);
      }
    }
  }

  #assertTaken(): void {
    const { health, waiting } = this.#commits;
    if (health.state !== 'ok') throw new StoreError('unavailable', `the store takes no writes now: ${health.cause}`);
    if (waiting >= this.#settings.maxPending) throw new StoreError('busy', `${waiting} commits are waiting for the disk`);
  }

  #assertGuards(guards: readonly Guard[]): void {
    for (const [index, { key, modRevision }] of guards.entries()) {
      const found = this.#latest(key)?.modRevision ?? 0;
      if (found !== modRevision) throw new StoreError('guard', `${key} is at revision ${found}, not ${modRevision}`, { guard: { index, found } });
    }
  }

  #mayBeLazy(operations: readonly Operation<P>[]): boolean {
    return this.#commits.mayBeLazy(this.#lastRevision + 1) && operations.every(({ do: verb, key }) => verb === 'put' && this.#index.get(key) !== undefined);
  }

  /** Gives the operations their revision and row ids. From here on nothing may fail before they are queued or shown. */
  #number(operations: readonly Operation<P>[]): Change<P>[] {
    const revision = this.#lastRevision + 1;
    const timeMs = this.#clock.now();
    const keys = new Set<string>();
    const changes: Change<P>[] = [];
    for (const operation of operations) {
      assert(!keys.has(operation.key) && operation.key !== '' && operation.key.isWellFormed(), 'a commit names each key once, in well-formed text');
      keys.add(operation.key);
      const previous = this.#latest(operation.key);
      if (operation.do === 'delete' && previous === undefined) continue;
      changes.push(changeOf(operation, previous, { revision, rowId: this.#lastRowId + 1 + changes.length, timeMs }));
    }
    if (changes.length > 0) this.#lastRevision = revision;
    this.#lastRowId += changes.length;
    return changes;
  }

  /** What is deleted already may be deleted only pending: its absence is answered when it is durable. */
  async #nothingToDo(operations: readonly Operation<P>[]): Promise<Committed> {
    for (const { key } of operations) await this.settled(key);
    return { revision: this.#revision };
  }

  // ── showing ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #show(changes: readonly Change<P>[], revision: number): void {
    for (const change of changes) this.#apply(change);
    this.#revision = revision;
    this.#trimToSize(this.#commits.journalledRowId);
    this.#sweepLater();
    this.#watches.publish(changes, revision);
  }

  #apply(change: Change<P>): void {
    const { key, entry, timeMs } = change;
    this.#slabs.place(entry);
    if (change.type === 'put') {
      this.#index.set(entry);
      if (entry.expiresAtMs > 0) this.#expiry.add(key, entry.expiresAtMs);
    } else {
      this.#index.delete(key);
      const keptMs = this.#settings.tombstoneMs(key);
      if (keptMs > 0) this.#retention.deleted(entry, timeMs, timeMs + keptMs);
    }
    this.#history.push(change);
  }

  #assertReachable(revision: number): void {
    if (revision > this.#revision) throw new StoreError('future', `revision ${revision} is not reached yet; the newest is ${this.#revision}`);
    const whole = this.wholeFrom(revision);
    if (whole > revision) throw new StoreError('compacted', `revision ${revision} is compacted; the oldest is ${whole}`);
  }

  // ── forgetting ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #expire(keys: readonly string[]): void {
    const nowMs = this.#clock.now();
    for (const key of keys) {
      const item = this.#latest(key);
      if (item === undefined || item.expiresAtMs === 0 || item.expiresAtMs > nowMs) continue;
      this.commit([{ do: 'delete', key }], [{ key, modRevision: item.modRevision }]).catch((thrown: unknown) => {
        if (thrown instanceof StoreError && (thrown.code === 'closed' || thrown.code === 'guard')) return;
        this.#expiry.add(key, nowMs + EXPIRE_AGAIN_MS);
      });
    }
  }

  #trim(revision: number): void {
    while ((this.#history.oldest?.revision ?? Number.POSITIVE_INFINITY) <= revision) this.#forget(this.#history.shift() as Noted);
    this.#compactedRevision = Math.max(this.#compactedRevision, revision);
  }

  /** Nobody can ask for what was before it any more, nor for a deletion's last state unless that is kept for undelete. */
  #forget(change: Noted): void {
    const { type, key, entry, previous, revision } = change;
    if (isWhole<P>(change)) this.#release(change);
    if (previous !== undefined) this.#retention.superseded(previous.rowId, revision);
    if (type === 'delete' && this.#settings.tombstoneMs(key) <= 0) this.#retention.superseded(entry.rowId, revision);
  }

  #release({ type, key, entry, previous }: Change<P>): void {
    if (previous !== undefined) this.#slabs.release(previous);
    if (type === 'delete' && this.#settings.tombstoneMs(key) <= 0) this.#slabs.release(entry);
  }

  /** Values that are too many leave memory: to be read from the journal, or for good. Heartbeats stay until they are there. */
  #trimToSize(journalledRowId: number): void {
    const { watchWindowEvents, watchWindowBytes } = this.#settings;
    while (this.#history.size > watchWindowEvents) this.#trim((this.#history.oldest as Noted).revision);
    for (let whole = this.#history.oldestWhole; whole !== undefined; whole = this.#history.oldestWhole) {
      if (this.#history.sizeBytes <= watchWindowBytes) return;
      if (!this.#keepsRows) this.#trim(whole.revision);
      else if (whole.entry.rowId <= journalledRowId) this.#release(this.#history.note() as Change<P>);
      else return;
    }
  }

  /** A quiet store sets no timer: it fires only while there is something that time makes superfluous. */
  #sweepLater(): void {
    if (this.#sweepTimer !== undefined || this.#closing !== undefined) return;
    const windowMs = this.#settings.watchWindowMs;
    const oldest = this.#history.oldest;
    const dueMs = Math.min(oldest === undefined ? Number.POSITIVE_INFINITY : oldest.timeMs + windowMs, this.#retention.nextMs(this.#commits.journalledRowId));
    if (dueMs === Number.POSITIVE_INFINITY) return;
    this.#sweepTimer = this.#clock.setTimer(Math.max(dueMs - this.#clock.now(), windowMs / 10, 1), () => {
      this.#sweepTimer = undefined;
      this.#sweep();
    });
  }

  #sweep(): void {
    const before = this.#clock.now() - this.#settings.watchWindowMs;
    for (let oldest = this.#history.oldest; oldest !== undefined && oldest.timeMs <= before; oldest = this.#history.oldest) this.#trim(oldest.revision);
    this.#remove().catch((thrown: unknown) => this.#log.warn('old versions could not be removed', failure(thrown)));
    this.#sweepLater();
  }

  #remove(): Promise<void> {
    this.#removing ??= this.#removeAll().finally(() => {
      this.#removing = undefined;
    });
    return this.#removing;
  }

  async #removeAll(): Promise<void> {
    for (;;) {
      const chunk = this.#retention.take(this.#compactedRevision, this.#clock.now(), this.#commits.journalledRowId, REMOVE_AT_ONCE);
      if (chunk.length === 0) return;
      try {
        await this.#journal.remove(
          chunk.map(({ rowId }) => rowId),
          this.#compactedRevision,
        );
      } catch (thrown) {
        this.#retention.giveBack(chunk);
        throw thrown;
      }
    }
  }

  // ── start and end ──────────────────────────────────────────────────────────────────────────────────────────────────

  #restore({ revision, compactedRevision, gaps, rows }: Recovered<P>): void {
    const windowFromMs = this.#clock.now() - this.#settings.watchWindowMs;
    this.#compactedRevision = compactedRevision;
    this.#gaps = gaps;
    for (const recovered of rows) {
      const { row } = recovered;
      const change = recoveredChange(recovered, this.#index.get(row.key));
      this.#slabs.adopt(change.entry);
      this.#apply(change);
      this.#lastRowId = row.id;
      this.#lastRevision = row.revision;
      if (row.revision <= compactedRevision) this.#trim(compactedRevision);
      else if (row.timeMs <= windowFromMs) this.#trim(row.revision);
      else this.#trimToSize(row.id);
    }
    assert(revision >= this.#lastRevision && revision >= this.#compactedRevision, 'a journal goes on above its rows');
    this.#revision = revision;
    this.#lastRevision = revision;
  }

  async #close(): Promise<void> {
    this.#expiry[Symbol.dispose]();
    this.#sweepTimer?.[Symbol.dispose]();
    const allDurable = await this.#commits.close();
    await this.#removing?.catch(() => {});
    this.#watches.endAll(closed());
    await this.#journal.close(allDurable ? this.#revision : undefined);
  }
}

function closed(): StoreError {
  return new StoreError('closed', 'the store is closed');
}
