import type { Clock, Timer } from '../../base/clock.ts';
import { badRequest, StatusError } from '../../machinery/status-error.ts';
import { parseDuration } from '../../machinery/time.ts';

/** kube-apiserver's `--request-timeout`. */
export const REQUEST_TIMEOUT_MS = 60_000;

/**
 * How long a request may take: what `?timeout=` says, at most what the server allows; 0 and less mean as long as that (apiserver
 * `WithRequestDeadline`). Throws 400 for what is no duration.
 */
export function timeoutOf(text: string | undefined, mostMs: number): number {
  if (text === undefined || text === '') return mostMs;
  const wanted = parseDuration(text);
  if (wanted === undefined) throw badRequest(`invalid timeout specified in the request URL - ${durationFault(text)}`);
  return wanted > 0 ? Math.min(wanted, mostMs) : mostMs;
}

/** In the words of Go's `time.ParseDuration`. */
function durationFault(text: string): string {
  const quoted = JSON.stringify(text);
  return /^[+-]?(?:\d+\.?\d*|\.\d+)$/.test(text) ? `time: missing unit in duration ${quoted}` : `time: invalid duration ${quoted}`;
}

const timedOut = (): StatusError => new StatusError('Timeout', 'Timeout: request did not complete within the allotted timeout', { details: {} });

interface Open {
  readonly untilMs: number;
  readonly late: () => void;
}

/** Requests that are worked on, each with the moment at which it is given up: one timer for all of them, since nearly none is late. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #open = new Set<Open>();
  #timer: Timer | undefined;
  #firesMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves or rejects as the work does, or rejects with 504 when it is not done in time; the work goes on, and nobody hears of its end. */
  within<T>(leftMs: number, work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const open: Open = { untilMs: this.#clock.monotonic() + leftMs, late: () => reject(timedOut()) };
      this.#open.add(open);
      work.then(
        (value) => {
          this.#open.delete(open);
          resolve(value);
        },
        (thrown: unknown) => {
          this.#open.delete(open);
          reject(thrown as Error);
        },
      );
      if (open.untilMs < this.#firesMs) this.#fireAt(open.untilMs);
    });
  }

  #fireAt(untilMs: number): void {
    this.#timer?.[Symbol.dispose]();
    this.#firesMs = untilMs;
    this.#timer = this.#clock.setTimer(untilMs - this.#clock.monotonic(), () => this.#fire());
  }

  /** Most of those that it was set for are gone: it looks for the next. */
  #fire(): void {
    const nowMs = this.#clock.monotonic();
    let nextMs = Number.POSITIVE_INFINITY;
    this.#timer = undefined;
    this.#firesMs = Number.POSITIVE_INFINITY;
    for (const open of this.#open) {
      if (open.untilMs <= nowMs) {
        this.#open.delete(open);
        open.late();
      } else nextMs = Math.min(nextMs, open.untilMs);
    }
    if (nextMs < Number.POSITIVE_INFINITY) this.#fireAt(nextMs);
  }
}
