import type { Clock, Timer } from '../base/clock.ts';

interface Due {
  readonly atMs: number;
  readonly key: string;
}

/** Deletions that come close together share a batch: a round never follows another sooner than this. */
const ROUND_MS = 1000;
const PER_ROUND = 500;

/** Calls back with keys whose time has come, oldest first. What became of a key meanwhile is for the callback to find out. */
export class Expiry implements Disposable {
  readonly #clock: Clock;
  readonly #expired: (keys: readonly string[]) => void;
  readonly #heap: Due[] = [];
  #timer: Timer | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, expired: (keys: readonly string[]) => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  add(key: string, atMs: number): void {
    push(this.#heap, { atMs, key });
    this.#arm(atMs);
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#heap.length = 0;
  }

  #arm(atMs: number): void {
    if (atMs >= this.#timerAtMs) return;
    this.#timer?.[Symbol.dispose]();
    this.#timerAtMs = atMs;
    this.#timer = this.#clock.setTimer(atMs - this.#clock.now(), () => this.#round());
  }

  #round(): void {
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.now();
    const keys: string[] = [];
    while (keys.length < PER_ROUND && (this.#heap[0]?.atMs ?? Number.POSITIVE_INFINITY) <= nowMs) keys.push(pop(this.#heap).key);
    const next = this.#heap[0];
    if (next !== undefined) this.#arm(Math.max(next.atMs, nowMs + (keys.length === PER_ROUND ? 1 : ROUND_MS)));
    if (keys.length > 0) this.#expired(keys);
  }
}

function push(heap: Due[], item: Due): void {
  let at = heap.length;
  for (; at > 0; ) {
    const up = (at - 1) >> 1;
    const parent = heap[up] as Due;
    if (parent.atMs <= item.atMs) break;
    heap[at] = parent;
    at = up;
  }
  heap[at] = item;
}

/** The heap must not be empty. */
function pop(heap: Due[]): Due {
  const first = heap[0] as Due;
  const last = heap.pop() as Due;
  if (heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && (heap[child + 1] as Due).atMs < (heap[child] as Due).atMs) child++;
    if ((heap[child] as Due).atMs >= last.atMs) break;
    heap[at] = heap[child] as Due;
    at = child;
  }
  heap[at] = last;
  return first;
}
