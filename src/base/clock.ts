/**
 * Time, by argument (law 2). Nothing outside `base/system-clock.ts` reads the machine's clock or sets its timers.
 *
 * A clock that is virtual and a clock that is real pass the same contract suite (`test/contract/clock.ts`).
 */
export interface Clock {
  /** Wall time: milliseconds since 1970-01-01 UTC. May step backwards on a real machine. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes back. Fractions allowed. For durations and deadlines. */
  monotonic(): number;
  /**
   * Calls `fn` once, not before `delayMs` have passed. Negative and NaN count as 0; never calls before returning.
   * Longer than 2^31-1 ms is allowed (a real clock re-arms). Disposing a fired or disposed timer does nothing.
   * A timer does not keep the process alive.
   */
  setTimer(delayMs: number, fn: () => void): Timer;
}

export interface Timer extends Disposable {
  readonly active: boolean;
}

/** Resolves after `delayMs`, or rejects with the signal's reason when it aborts first. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error);
    const onAbort = (): void => {
      timer[Symbol.dispose]();
      reject(signal?.reason as Error);
    };
    const timer = clock.setTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** An AbortSignal that fires with a `TimeoutError` after `delayMs` of the given clock. Dispose it when the work is done. */
export function deadline(clock: Clock, delayMs: number): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const timer = clock.setTimer(delayMs, () => {
    const reason = new Error(`deadline of ${delayMs} ms exceeded`);
    reason.name = 'TimeoutError';
    controller.abort(reason);
  });
  return { signal: controller.signal, [Symbol.dispose]: () => timer[Symbol.dispose]() };
}
