import type { Clock, Timer } from './clock.ts';

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly fn: () => void;
  done: boolean;
}

/** Lets promises and ready callbacks of the real loop settle between two virtual steps. One `setImmediate` measured enough. */
export type Drain = () => Promise<void>;

/**
 * Time that moves only when told. Timers fire in order of due time, then of creation; between two of them the drain lets
 * everything that became ready run to rest, so that a whole cluster is deterministic.
 */
export class VirtualClock implements Clock {
  readonly #startMs: number;
  readonly #heap: Due[] = [];
  #nowMs: number;
  #order = 0;

  /** `startMs`: wall time at the start, ms since 1970. */
  constructor(startMs = Date.UTC(2030, 0, 1)) {
    this.#startMs = startMs;
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs - this.#startMs;
  }

  setTimer(delayMs: number, fn: () => void): Timer {
    const due: Due = { atMs: this.#nowMs + (delayMs > 0 ? delayMs : 0), order: this.#order++, fn, done: false };
    push(this.#heap, due);
    return {
      get active() {
        return !due.done;
      },
      [Symbol.dispose]: () => {
        due.done = true;
      },
    };
  }

  /** Milliseconds until the next timer; undefined when there is none. */
  nextInMs(): number | undefined {
    this.#dropDone();
    const first = this.#heap[0];
    return first === undefined ? undefined : first.atMs - this.#nowMs;
  }

  /** Moves to the next timer, if it is due within `limitMs` from now, and fires it. Says whether one fired. */
  step(limitMs = Number.POSITIVE_INFINITY): boolean {
    this.#dropDone();
    const first = this.#heap[0];
    if (first === undefined || first.atMs - this.#nowMs > limitMs) return false;
    pop(this.#heap);
    this.#nowMs = first.atMs;
    first.done = true;
    first.fn();
    return true;
  }

  /** Moves `ms` ahead, firing every timer on the way (those set on the way included) with a drain after each. */
  async advance(ms: number, drain: Drain): Promise<void> {
    const endMs = this.#nowMs + ms;
    await drain();
    while (this.step(endMs - this.#nowMs)) await drain();
    this.#nowMs = endMs;
    await drain();
  }

  #dropDone(): void {
    while (this.#heap[0]?.done === true) pop(this.#heap);
  }
}

function before(a: Due, b: Due): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function push(heap: Due[], item: Due): void {
  let at = heap.length;
  heap.push(item);
  while (at > 0) {
    const up = (at - 1) >> 1;
    const parent = heap[up] as Due;
    if (!before(item, parent)) break;
    heap[at] = parent;
    at = up;
  }
  heap[at] = item;
}

function pop(heap: Due[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1] as Due, heap[child] as Due)) child++;
    if (!before(heap[child] as Due, last)) break;
    heap[at] = heap[child] as Due;
    at = child;
  }
  heap[at] = last;
}
