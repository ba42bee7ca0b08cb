import { failure, type Log } from '../base/log.ts';
import type { Stretch } from './history.ts';
import type { Past } from './past.ts';
import { StoreError, type StoreEvent, type StoreSink, type StoreWatch } from './store.ts';

interface Open<P> {
  readonly prefix: string;
  readonly sink: StoreSink<P>;
  /** The revision up to which it has been told everything; while it is live, that is the present one. */
  upTo: number;
  /** Whether it is told of changes as they happen; else it finds them in the history. */
  live: boolean;
  open: boolean;
}

/** The open watches by prefix: one selection of a batch serves all watches of the same prefix. */
export class Watches<P> {
  readonly #byPrefix = new Map<string, Set<Open<P>>>();
  readonly #log: Log;
  readonly #past: Past<P>;
  #revision: number;

  constructor(log: Log, past: Past<P>, revision: number) {
    this.#log = log;
    this.#past = past;
    this.#revision = revision;
  }

  /** What happened after the revision is told from a microtask on. Throws StoreError `compacted`. */
  open(prefix: string, after: number, sink: StoreSink<P>): StoreWatch {
    const watch: Open<P> = { prefix, sink, upTo: after, live: false, open: true };
    // Asked for at once: what is compacted in this turn is still told.
    const missed = this.#past.since(after, prefix);
    const events = this.#past.events(missed.changes);
    const siblings = this.#byPrefix.get(prefix);
    if (siblings === undefined) this.#byPrefix.set(prefix, new Set([watch]));
    else siblings.add(watch);
    queueMicrotask(() => void this.#catchUp(watch, missed, events));
    return {
      progress: () => queueMicrotask(() => this.#tell(watch, [])),
      close: () => this.#drop(watch),
    };
  }

  /** Tells every live watch of a group commit that has just become visible, in revision order. */
  publish(batch: readonly StoreEvent<P>[], revision: number): void {
    this.#revision = revision;
    for (const [prefix, watches] of this.#byPrefix) {
      const selected = prefix === '' ? batch : batch.filter((event) => event.key.startsWith(prefix));
      if (selected.length === 0) continue;
      for (const watch of watches) if (watch.live) this.#tell(watch, selected);
    }
  }

  endAll(error: StoreError): void {
    const all = [...this.#byPrefix.values()].flatMap((watches) => [...watches]);
    for (const watch of all) this.#end(watch, error);
  }

  /** Goes through the history, a stretch at a time, until there is nothing left that it has not been told. */
  async #catchUp(watch: Open<P>, missed: Stretch, events: ReturnType<Past<P>['events']>): Promise<void> {
    try {
      for (let { upTo, more } = missed, told = events; ; ) {
        const batch = told instanceof Promise ? await told : told;
        if (!watch.open) return;
        watch.upTo = upTo;
        if (batch.length > 0) this.#tell(watch, batch);
        if (this.#past.newestRevision <= upTo) {
          watch.live = true;
          return;
        }
        const pause = batch.length > 0 ? watch.sink.room?.() : more ? this.#past.turn() : undefined;
        if (pause !== undefined) await pause;
        if (!watch.open) return;
        const next = this.#past.since(upTo, watch.prefix);
        ({ upTo, more } = next);
        told = this.#past.events(next.changes);
      }
    } catch (thrown) {
      this.#end(watch, thrown instanceof StoreError ? thrown : new StoreError('closed', 'the watch threw', { cause: thrown }));
    }
  }

  #tell(watch: Open<P>, events: readonly StoreEvent<P>[]): void {
    if (!watch.open) return;
    try {
      watch.sink.events(events, watch.live ? this.#revision : watch.upTo);
    } catch (thrown) {
      // It must not throw; whoever does has lost its place, and must not take the others along.
      this.#log.error('a watch threw and is ended', { prefix: watch.prefix, ...failure(thrown) });
      this.#end(watch, new StoreError('closed', 'the watch threw', { cause: thrown }));
    }
  }

  #end(watch: Open<P>, error: StoreError): void {
    if (!watch.open) return;
    this.#drop(watch);
    watch.sink.ended(error);
  }

  #drop(watch: Open<P>): void {
    watch.open = false;
    const siblings = this.#byPrefix.get(watch.prefix);
    siblings?.delete(watch);
    if (siblings?.size === 0) this.#byPrefix.delete(watch.prefix);
  }
}
