import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock, Timer } from '../base/clock.ts';

/** The heap of this process, as `HeapRest` looks at it. */
export interface Heap {
  /** What is set aside for new objects, used or not. */
  youngBytes(): number;
  usedBytes(): number;
  /** Collects everything and gives back what is free. Synchronous: about a millisecond for each megabyte in use. */
  shrink(): void;
  /** Calls `collected` after every collection. */
  follow(collected: () => void): Disposable;
}

const QUIET_MS = 3000;
const BETWEEN_MS = 60_000;
/** So little is not worth a collection. */
const LEAST_YOUNG_BYTES = 2 * 1024 * 1024;
/** More would hold the loop too long. */
const MOST_USED_BYTES = 64 * 1024 * 1024;

/**
 * New objects get much room under load, where that saves most of the collector's work; V8 keeps the room when the load is gone. After
 * some seconds without a collection it is given back, at most once a minute. Nothing happens in a process that rests.
 */
export class HeapRest implements Disposable {
  readonly #clock: Clock;
  readonly #heap: Heap;
  readonly #following: Disposable;
  #timer: Timer | undefined;
  #collected = false;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, heap: Heap = processHeap) {
    this.#clock = clock;
    this.#heap = heap;
    this.#following = heap.follow(() => {
      this.#collected = true;
      if (this.#timer === undefined) this.#look();
    });
    // The start itself was a load.
    this.#look();
  }

  [Symbol.dispose](): void {
    this.#following[Symbol.dispose]();
    this.#timer?.[Symbol.dispose]();
  }

  /** Later, for as long as there was a collection meanwhile. */
  #look(): void {
    this.#collected = false;
    const notBefore = this.#lastMs + BETWEEN_MS - this.#clock.monotonic();
    this.#timer = this.#clock.setTimer(Math.max(QUIET_MS, notBefore), () => {
      this.#timer = undefined;
      if (this.#collected) this.#look();
      else this.#rest();
    });
  }

  #rest(): void {
    if (this.#heap.youngBytes() < LEAST_YOUNG_BYTES || this.#heap.usedBytes() > MOST_USED_BYTES) return;
    this.#lastMs = this.#clock.monotonic();
    this.#heap.shrink();
  }
}

/** V8 shrinks the room of new objects only in a collection of last resort, which is asked for by a function that has to be made visible. */
const processHeap: Heap = {
  youngBytes: () => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0,
  usedBytes: () => process.memoryUsage().heapUsed,
  shrink: () => {
    setFlagsFromString('--expose-gc');
    const collect: unknown = runInNewContext('gc');
    setFlagsFromString('--no-expose-gc');
    if (typeof collect === 'function') collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  },
  follow: (collected) => {
    const observer = new PerformanceObserver(collected);
    observer.observe({ entryTypes: ['gc'] });
    return { [Symbol.dispose]: () => observer.disconnect() };
  },
};
