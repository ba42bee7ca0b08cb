import type { Clock, Timer } from '../base/clock.ts';
import type { WatchEvent, WatchHandle, WatchSink } from '../machinery/exchange.ts';
import { deepFreeze } from '../machinery/record.ts';
import type { StatusError } from '../machinery/status-error.ts';
import { type Faults, throughBytes, tooOld, unreachable } from './faults.ts';

export interface FaultyWatchOptions {
  readonly sink: WatchSink;
  readonly clock: Clock;
  readonly faults: Faults;
  readonly bytes: boolean;
  readonly ended: (watch: FaultyWatch) => void;
}

type Item = { readonly events: readonly WatchEvent[] } | { readonly closed: StatusError | undefined };

/** A watch whose events come late, in order, or not at all: then it ends, with or without an error, and its reader starts another. */
export class FaultyWatch implements WatchSink, WatchHandle {
  readonly #options: FaultyWatchOptions;
  readonly #waiting: Item[] = [];
  #inner: WatchHandle | undefined;
  #timer: Timer | undefined;
  #ended = false;

  constructor(options: FaultyWatchOptions) {
    this.#options = options;
  }

  attach(inner: WatchHandle): void {
    this.#inner = inner;
    if (this.#ended) inner.close();
  }

  events(batch: readonly WatchEvent[]): void {
    const { faults, bytes } = this.#options;
    if (this.#ended) return;
    const fate = {
      dropped: faults.happens('watchDropped'),
      expired: faults.happens('watchExpired'),
      lateMs: faults.delayMs('eventsDelayed'),
      silent: faults.bytes(),
    };
    if (fate.dropped || fate.expired) {
      this.#inner?.close();
      this.#waiting.length = 0;
      return this.#put({ closed: fate.expired ? tooOld() : fate.silent ? undefined : unreachable() }, fate.lateMs);
    }
    this.#put({ events: bytes ? deepFreeze(throughBytes(batch)) : batch }, fate.lateMs);
  }

  closed(error?: StatusError): void {
    if (!this.#ended) this.#put({ closed: error }, 0);
  }

  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer?.[Symbol.dispose]();
    this.#inner?.close();
    this.#options.ended(this);
  }

  /** What follows something late waits behind it. */
  #put(item: Item, lateMs: number): void {
    this.#waiting.push(item);
    if (this.#timer !== undefined) return;
    if (lateMs === 0) this.#deliver();
    else {
      this.#timer = this.#options.clock.setTimer(lateMs, () => {
        this.#timer = undefined;
        this.#deliver();
      });
    }
  }

  #deliver(): void {
    const { sink } = this.#options;
    for (let item = this.#waiting.shift(); item !== undefined && !this.#ended; item = this.#waiting.shift()) {
      if ('events' in item) sink.events(item.events);
      else {
        this.close();
        sink.closed(item.closed);
      }
    }
  }
}
