import { failure, type Log } from '../base/log.ts';
import { StoreError, type StoreEvent, type StoreSink, type StoreWatch } from './store.ts';

interface Open<P> {
  readonly sink: StoreSink<P>;
  /** What it missed and has not been told yet; undefined once it is live. */
  backlog: StoreEvent<P>[] | undefined;
  /** The revision at which it was opened: up to it `missed` has everything. */
  readonly from: number;
  open: boolean;
}

/** The open watches by prefix: one selection of a batch serves all watches of the same prefix. */
export class Watches<P> {
  readonly #byPrefix = new Map<string, Set<Open<P>>>();
  readonly #log: Log;
  #revision: number;

  constructor(log: Log, revision: number) {
    this.#log = log;
    this.#revision = revision;
  }

  /** `missed`: the events between the revision that the watch starts after and the present. They are told in a microtask. */
  open(prefix: string, missed: readonly StoreEvent<P>[], sink: StoreSink<P>): StoreWatch {
    const watch: Open<P> = { sink, backlog: [...missed], from: this.#revision, open: true };
    const siblings = this.#byPrefix.get(prefix);
    if (siblings === undefined) this.#byPrefix.set(prefix, new Set([watch]));
    else siblings.add(watch);
    queueMicrotask(() => {
      const backlog = watch.backlog ?? [];
      watch.backlog = undefined;
      if (backlog.length > 0) this.#tell(prefix, watch, backlog);
    });
    return {
      progress: () => queueMicrotask(() => this.#tell(prefix, watch, [])),
      close: () => this.#drop(prefix, watch),
    };
  }

  /** Tells every watch of a group commit that has just become visible, in revision order. */
  publish(batch: readonly StoreEvent<P>[], revision: number): void {
    this.#revision = revision;
    for (const [prefix, watches] of this.#byPrefix) {
      const selected = prefix === '' ? batch : batch.filter((event) => event.key.startsWith(prefix));
      if (selected.length === 0) continue;
      for (const watch of watches) {
        // Opened by somebody who was told of this very batch.
        if (watch.from >= revision) continue;
        if (watch.backlog === undefined) this.#tell(prefix, watch, selected);
        else watch.backlog.push(...selected);
      }
    }
  }

  endAll(error: StoreError): void {
    const all = [...this.#byPrefix.values()].flatMap((watches) => [...watches]);
    this.#byPrefix.clear();
    for (const watch of all) {
      if (!watch.open) continue;
      watch.open = false;
      watch.sink.ended(error);
    }
  }

  #tell(prefix: string, watch: Open<P>, events: readonly StoreEvent<P>[]): void {
    if (!watch.open) return;
    try {
      watch.sink.events(events, this.#revision);
    } catch (thrown) {
      // It must not throw; whoever does has lost its place, and must not take the others along.
      this.#log.error('a watch threw and is ended', { prefix, ...failure(thrown) });
      this.#drop(prefix, watch);
      watch.sink.ended(new StoreError('closed', 'the watch threw', { cause: thrown }));
    }
  }

  #drop(prefix: string, watch: Open<P>): void {
    watch.open = false;
    const siblings = this.#byPrefix.get(prefix);
    siblings?.delete(watch);
    if (siblings?.size === 0) this.#byPrefix.delete(prefix);
  }
}
