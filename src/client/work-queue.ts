import type { Clock, Timer } from '../base/clock.ts';
import { jitter, type Random } from '../base/random.ts';

/** What a pass over one key wants next. Nothing: wait for the next change. */
export interface Again {
  readonly afterMs: number;
}

/** What a queue is about now (client-go `workqueue`, metrics). */
export interface QueueState {
  /** Keys that wait for a pass. */
  readonly depth: number;
  /** Since it was made. */
  readonly adds: number;
  readonly retries: number;
  /** How long the passes that are under way have taken so far, ms. */
  readonly runningMs: readonly number[];
}

/** Told how long keys waited for a pass, and how long passes took. */
export interface QueueTimes {
  waited(ms: number): void;
  worked(ms: number): void;
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** How many keys are worked on at once. */
  readonly concurrency: number;
  /** First delay after a failure; doubled with each further one, up to `longestMs`, with up to 10 % jitter. */
  readonly firstMs?: number;
  readonly longestMs?: number;
  /** One pass. A rejection is retried later; it must be safe to repeat. */
  readonly work: (key: string) => Promise<Again | undefined>;
  /** Told of each failed pass. */
  readonly failed: (key: string, error: unknown, attempt: number) => void;
  readonly times?: QueueTimes | undefined;
}

/**
 * Keys to work on: each at most once in the queue, never by two workers at once; a key added while it is worked on is worked on
 * again afterwards. Bounded by the number of distinct keys. First in, first out.
 */
export class WorkQueue implements AsyncDisposable {
  readonly #options: WorkQueueOptions;
  /** With the time when they came, as of the dirty ones. */
  readonly #ready = new Map<string, number>();
  #first = this.#ready.entries();
  /** With the time when their passes began. */
  readonly #active = new Map<string, number>();
  readonly #dirty = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, { readonly timer: Timer; readonly dueMs: number }>();
  readonly #idle: (() => void)[] = [];
  #ended = false;
  #started = false;
  #adds = 0;
  #retries = 0;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  /** Keys added before are kept until then. */
  start(): void {
    this.#started = true;
    this.#pump();
  }

  add(key: string): void {
    if (this.#ended) return;
    this.#dropTimer(key);
    const waiting = this.#active.has(key) ? this.#dirty : this.#ready;
    if (!waiting.has(key)) {
      waiting.set(key, this.#options.clock.monotonic());
      this.#adds++;
    }
    this.#pump();
  }

  /** The earliest of several requests counts. */
  addAfter(key: string, delayMs: number): void {
    if (this.#ended) return;
    if (delayMs <= 0) return this.add(key);
    const dueMs = this.#options.clock.monotonic() + delayMs;
    const found = this.#timers.get(key);
    if (found !== undefined && found.dueMs <= dueMs) return;
    found?.timer[Symbol.dispose]();
    const timer = this.#options.clock.setTimer(delayMs, () => {
      this.#timers.delete(key);
      this.add(key);
    });
    this.#timers.set(key, { timer, dueMs });
  }

  /** Keys that are waiting or being worked on; those that wait for a time do not count. */
  get depth(): number {
    return this.#ready.size + this.#active.size;
  }

  get state(): QueueState {
    const nowMs = this.#options.clock.monotonic();
    return { depth: this.#ready.size, adds: this.#adds, retries: this.#retries, runningMs: [...this.#active.values()].map((ms) => nowMs - ms) };
  }

  /** No pass starts afterwards; resolves when the running ones have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.#ready.clear();
    this.#dirty.clear();
    for (const { timer } of this.#timers.values()) timer[Symbol.dispose]();
    this.#timers.clear();
    if (this.#active.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #pump(): void {
    if (!this.#started || this.#ended) return;
    while (this.#ready.size > 0 && this.#active.size < this.#options.concurrency) {
      const [key, cameMs] = this.#takeFirst();
      const nowMs = this.#options.clock.monotonic();
      this.#active.set(key, nowMs);
      this.#options.times?.waited(nowMs - cameMs);
      void this.#work(key, nowMs);
    }
  }

  /** The iterator goes on from where it was: a new one would step over the places of all that were taken before. */
  #takeFirst(): readonly [string, number] {
    let next = this.#first.next();
    if (next.done === true) {
      this.#first = this.#ready.entries();
      next = this.#first.next();
    }
    const first = next.value as [string, number];
    this.#ready.delete(first[0]);
    return first;
  }

  async #work(key: string, beganMs: number): Promise<void> {
    // A pass never starts inside the call that added its key.
    await Promise.resolve();
    // What was added in the meantime is covered by the pass that begins now.
    this.#dirty.delete(key);
    try {
      const again = await this.#options.work(key);
      this.#failures.delete(key);
      if (again !== undefined) this.addAfter(key, again.afterMs);
    } catch (thrown) {
      this.#retry(key, thrown);
    }
    this.#active.delete(key);
    this.#options.times?.worked(this.#options.clock.monotonic() - beganMs);
    const cameMs = this.#dirty.get(key);
    if (cameMs !== undefined) {
      this.#dirty.delete(key);
      this.#dropTimer(key);
      if (!this.#ended) this.#ready.set(key, cameMs);
    }
    this.#pump();
    if (this.#ended && this.#active.size === 0) for (const done of this.#idle.splice(0)) done();
  }

  #retry(key: string, thrown: unknown): void {
    if (this.#ended) return;
    this.#retries++;
    const attempt = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, attempt);
    this.#options.failed(key, thrown, attempt);
    const { firstMs = 5, longestMs = 60_000, random } = this.#options;
    this.addAfter(key, jitter(random, Math.min(firstMs * 2 ** Math.min(attempt - 1, 30), longestMs), 0.1));
  }

  #dropTimer(key: string): void {
    this.#timers.get(key)?.timer[Symbol.dispose]();
    this.#timers.delete(key);
  }
}
