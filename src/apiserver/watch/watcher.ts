import type { Timer } from '../../base/clock.ts';
import { StatusError } from '../../machinery/status-error.ts';
import { StoreError, type StoreWatch } from '../../store/store.ts';
import type { StoredEntry } from '../codec/projection.ts';
import type { Core } from '../core.ts';
import type { Told, ToldEvents } from './events.ts';
import { tooLargeVersion, tooOld, type WatchPlan } from './plan.ts';

/** Where a watch writes to. */
export interface WatchOutput {
  /** Queues what is told, in order. False: the receiver is too slow and has been cut off. */
  tell(told: readonly Told[]): boolean;
  /** Makes ready what would take long to be told; undefined: nothing need be waited for. */
  prepare?(entry: StoredEntry): Promise<void> | undefined;
  /** Resolves when there is room for more; used while the initial state is told. */
  room(): Promise<void> | undefined;
  /** The end: by timeout or shutdown without an error. Called once, nothing is told afterwards. */
  end(error?: StatusError): void;
}

/** What is told at once of the initial state: so many objects, or so many bytes of them. */
const SLICE = 128;
const SLICE_BYTES = 128 * 1024;
/** What it costs to see that an object is not selected, in bytes. */
const LOOK_BYTES = 32;

/** One open watch: the initial state in slices, then every change of the store, then the end. */
export class Watcher {
  readonly #core: Core;
  readonly #plan: WatchPlan;
  readonly #output: WatchOutput;
  readonly #events: ToldEvents;
  readonly #onClosed: (watcher: Watcher) => void;
  #watch: StoreWatch | undefined;
  #timer: Timer | undefined;
  #closed = false;
  /** The newest version that the receiver can go on from. */
  #revision: number;
  #marked = 0;

  constructor(core: Core, plan: WatchPlan, output: WatchOutput, events: ToldEvents, onClosed: (watcher: Watcher) => void) {
    this.#core = core;
    this.#plan = plan;
    this.#output = output;
    this.#events = events;
    this.#onClosed = onClosed;
    this.#revision = plan.after;
  }

  /** Throws StatusError when the store can't start it; after that every failure ends the output. */
  start(): void {
    const { initial, markInitialEnd, timeoutMs } = this.#plan;
    if (initial.length === 0 && !markInitialEnd) this.#follow();
    else
      this.#tellInitial().catch((thrown: unknown) => {
        this.end(thrown instanceof StatusError ? thrown : new StatusError('InternalError', String(thrown)));
      });
    this.#timer = this.#core.clock.setTimer(timeoutMs, () => {
      this.bookmark();
      this.end();
    });
  }

  /** Tells how far it is complete, when the receiver wants to know and does not yet. */
  bookmark(): void {
    if (this.#closed || this.#watch === undefined || !this.#plan.bookmarks || this.#revision <= this.#marked) return;
    this.#marked = this.#revision;
    if (!this.#output.tell([{ type: 'BOOKMARK', revision: this.#revision, initialEnd: false }])) this.close();
  }

  /** Asks the store how far it is; the bookmark follows. */
  progress(): void {
    if (this.#plan.bookmarks) this.#watch?.progress();
  }

  end(error?: StatusError): void {
    if (this.#closed) return;
    this.close();
    this.#output.end(error);
  }

  /** Without a word to the receiver, who is gone. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch?.close();
    this.#timer?.[Symbol.dispose]();
    this.#onClosed(this);
  }

  async #tellInitial(): Promise<void> {
    const { initial, markInitialEnd, after, selection } = this.#plan;
    for (let from = 0; from < initial.length; ) {
      if (from > 0) await (this.#output.room() ?? this.#core.yieldToLoop());
      if (this.#closed) return;
      const slice: Told[] = [];
      for (let bytes = 0; from < initial.length && slice.length < SLICE && bytes < SLICE_BYTES; from++) {
        const entry = initial[from] as StoredEntry;
        if (!selection.matches(entry.projection)) {
          bytes += LOOK_BYTES;
          continue;
        }
        const ready = this.#output.prepare?.(entry);
        if (ready !== undefined) await ready;
        bytes += entry.value.byteLength;
        slice.push({ type: 'ADDED', entry });
      }
      if (this.#closed) return;
      if (slice.length > 0 && !this.#output.tell(slice)) return this.close();
    }
    if (markInitialEnd) {
      this.#marked = after;
      if (!this.#output.tell([{ type: 'BOOKMARK', revision: after, initialEnd: true }])) return this.close();
    }
    if (!this.#closed) this.#follow();
  }

  #follow(): void {
    const { prefix, selection, after } = this.#plan;
    const { store } = this.#core;
    try {
      this.#watch = store.watch(
        prefix,
        { after },
        {
          events: (batch, revision) => {
            this.#revision = revision;
            if (batch.length === 0) return this.bookmark();
            const told = this.#events.of(batch, selection);
            if (told.length === 0) return;
            this.#marked = revision;
            if (!this.#output.tell(told)) this.close();
          },
          room: () => this.#output.room(),
          ended: (error) => this.end(translate(error, after, store)),
        },
      );
    } catch (thrown) {
      if (!(thrown instanceof StoreError)) throw thrown;
      throw translate(thrown, after, store) ?? thrown;
    }
  }
}

/** Undefined: the server goes down in good order. */
function translate(error: StoreError, after: number, store: Core['store']): StatusError | undefined {
  if (error.code === 'closed') return undefined;
  if (error.code === 'compacted') return tooOld(after, store.wholeFrom(after));
  if (error.code === 'future') return tooLargeVersion(after, store.revision);
  return new StatusError('InternalError', error.message, { cause: error });
}
