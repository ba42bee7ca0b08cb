/**
 * The store's contract: etcd's, in TypeScript. Keys and bytes with one global, strictly increasing revision.
 *
 * Two states (law 6). *Pending*: accepted and ordered, not yet on disk; guards are checked against it. *Visible*: durable;
 * `get`, `list`, `watch` and `revision` show only it. A commit becomes visible before its promise resolves, and watchers are
 * told in the same turn, in revision order.
 *
 * All backends pass `test/contract/store.ts`.
 */
export interface Store<P> extends AsyncDisposable {
  /** The newest visible revision; 0 before the first commit. */
  readonly revision: number;
  /** Versions below it answer `compacted`. */
  readonly compactedRevision: number;
  /** The oldest version from this one on that is whole: itself, if it does not answer `compacted`. For messages that name it. */
  wholeFrom(revision: number): number;

  /** The visible entry. Synchronous: the current state lives in memory. */
  get(key: string): Entry<P> | undefined;

  /** Resolves when no pending change of the key is left; undefined when there is none now. For read-modify-write. */
  settled(key: string): Promise<void> | undefined;

  /** Visible entries with the prefix, by key (UTF-16 code unit order), with the revision that they show. */
  list(prefix: string, options?: ListOptions<P>): Page<P>;

  /**
   * The same, exactly as of a revision that was visible. A page may be shorter than its limit, or than all, when much of it must be
   * read from the disk: `more` then says so. Rejects with StoreError `compacted` or `future` when the revision can't be shown,
   * `unavailable` when the disk can't be read.
   */
  listAt(prefix: string, revision: number, options?: PageOptions): Promise<Page<P>>;

  /** How many visible entries have the prefix. */
  count(prefix: string): number;

  /**
   * All of the operations or none, at one revision, after every guard held in the pending state. A key may come once.
   * Deleting a key that is not there does nothing; a commit that does nothing makes no revision and resolves with the newest.
   * Throws StoreError `guard` (with the index of the first guard that failed), `too-large`, `busy` (the bounded queue of
   * pending commits is full), `unavailable` (disk full, I/O error; `cause` says) or `closed`.
   * After `unavailable` nothing of the commit is visible or pending. Resolves when durable and visible.
   */
  commit(operations: readonly Operation<P>[], guards?: readonly Guard[], options?: CommitOptions): Promise<Committed>;

  /**
   * Every visible change to keys with the prefix after revision `after` (the visible revision when absent), in order,
   * without loss or repetition. Throws StoreError `compacted` or `future`. What was missed is told first, as the sink has room for
   * it; a watch that does not catch up within the watch window ends with `compacted`.
   */
  watch(prefix: string, options: WatchOptions, sink: StoreSink<P>): StoreWatch;

  /** Resolves with a revision that is not older than any commit acknowledged by any server before the call. */
  fresh(): Promise<number>;

  /**
   * Forgets versions below `revision` now, whatever the watch window says (the window does the same by itself, by time and
   * number). Resolves when the backend has forgotten them too, in bounded steps.
   */
  compact(revision: number): Promise<void>;

  /** Deleted keys with the prefix whose last value is still kept (`tombstoneMs`), oldest deletion first. */
  tombstones(prefix: string): readonly Tombstone<P>[];

  /** Why writes are refused now, if they are; `onHealth` is told of each change. */
  readonly health: Health;
  onHealth(listener: (health: Health) => void): Disposable;

  /** Finishes pending commits, then closes. Watches end with `closed`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Its value may be an accessor: an entry is never spread. */
export interface Entry<P> {
  readonly key: string;
  /** Never changed after commit, for as long as anybody holds it. A view into a larger slab, made when it is asked for. */
  readonly value: Uint8Array;
  /** What the writer derived from the value for selecting and indexing; made again by `Projector` at start. */
  readonly projection: P;
  readonly createRevision: number;
  readonly modRevision: number;
}

export interface Tombstone<P> {
  /** The last state, with the deletion's revision as modRevision. */
  readonly entry: Entry<P>;
  /** Wall time, ms. */
  readonly deletedAtMs: number;
}

/** Derives an entry's projection from its bytes: pure, total. */
export type Projector<P> = (key: string, value: Uint8Array) => P;

export type Operation<P> =
  | {
      readonly do: 'put';
      readonly key: string;
      /** Owned by the store from now on. */
      readonly value: Uint8Array;
      readonly projection: P;
      /** Wall time at which the store deletes the entry by itself (Events). */
      readonly expiresAtMs?: number | undefined;
    }
  /** `value`: what watchers see as the last state, when it differs from the stored one (deletion metadata). */
  | { readonly do: 'delete'; readonly key: string; readonly value?: Uint8Array | undefined; readonly projection?: P };

export interface Guard {
  readonly key: string;
  /** The pending modRevision that the key must have; 0: it must not exist. */
  readonly modRevision: number;
}

export interface CommitOptions {
  /**
   * Visible at once when nothing is pending (else with what is: order is kept), durable with the next batch. Only for an update whose sole change is a Lease's renewTime or a Node's
   * heartbeat times (law 6). Ordered after what is pending on the same key.
   */
  readonly lazy?: boolean;
}

export interface Committed {
  readonly revision: number;
}

export interface PageOptions {
  /** At most so many entries. */
  readonly limit?: number;
  /** Only keys strictly greater. */
  readonly after?: string;
}

export interface ListOptions<P> extends PageOptions {
  /** The limit counts what passes. */
  readonly filter?: (entry: Entry<P>) => boolean;
}

export interface Page<P> {
  readonly revision: number;
  readonly entries: readonly Entry<P>[];
  /** Whether entries (before filtering) may follow the last one. */
  readonly more: boolean;
  /** Entries (before filtering) that follow; present when `more` and no filter was given. */
  readonly remaining?: number;
}

export interface WatchOptions {
  readonly after?: number | undefined;
}

export interface StoreEvent<P> {
  readonly type: 'put' | 'delete';
  readonly key: string;
  /** The new entry; for a deletion the last state, with the deletion's revision as modRevision. */
  readonly entry: Entry<P>;
  /** The entry before this event, absent for a creation. */
  readonly previous?: Entry<P> | undefined;
  readonly revision: number;
}

export interface StoreSink<P> {
  /**
   * The events of one group commit that have the prefix (shared between watches: not changed), and the revision up to which the
   * watch is complete. `batch` is empty for a progress mark. Must not throw; must not commit synchronously.
   */
  events(batch: readonly StoreEvent<P>[], revision: number): void;
  /** Resolves when it can take more; asked between what was missed, never of what happens now. Undefined, or absent: at once. */
  room?(): Promise<void> | undefined;
  /**
   * The watch can't go on: `closed`; `compacted`, it was too far behind; `unavailable` or `sealed`, what it missed can't be read.
   * Called at most once, never after `close`.
   */
  ended(error: StoreError): void;
}

export interface StoreWatch {
  /** Asks for a progress mark: `events([], revision)` soon. */
  progress(): void;
  close(): void;
}

export type Health =
  | { readonly state: 'ok' }
  /** Reads go on; writes are refused until the backend takes them again. */
  | { readonly state: 'read-only'; readonly cause: string };

export type StoreErrorCode =
  | 'guard'
  | 'compacted'
  | 'future'
  | 'too-large'
  | 'busy'
  | 'unavailable'
  | 'closed'
  | 'newer-format'
  | 'damaged'
  | 'locked'
  | 'sealed';

export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  /** With `guard`: the index of the guard that failed, and the pending modRevision that was found. */
  readonly guard: { readonly index: number; readonly found: number } | undefined;

  constructor(
    code: StoreErrorCode,
    message: string,
    options: { readonly guard?: { readonly index: number; readonly found: number }; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.guard = options.guard;
  }
}

/** The bounds and times that every backend takes. */
export interface StoreSettings {
  /** Largest value, bytes. Kubernetes' own practical bound is 1.5 MiB (etcd's request limit). */
  readonly maxValueBytes: number;
  /** Largest number of commits that wait for the disk. */
  readonly maxPending: number;
  /** How long versions and events stay reachable, ms (`--watch-window`). */
  readonly watchWindowMs: number;
  /** And at most so many events. */
  readonly watchWindowEvents: number;
  /** About so many bytes of what is no longer current lie in memory. Older values are read from the disk; without one they are not reachable. */
  readonly watchWindowBytes: number;
  /** How long the last value of a deleted key is kept beyond the watch window (undelete), ms; 0: not kept. */
  readonly tombstoneMs: (key: string) => number;
}
