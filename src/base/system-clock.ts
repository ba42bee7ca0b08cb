import type { Clock, Timer } from './clock.ts';

const LONGEST_MS = 2 ** 31 - 1;

/** The machine's own clock. Its timers are unreferenced: they never keep a process alive. */
export class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  setTimer(delayMs: number, fn: () => void): Timer {
    const due = performance.now() + (delayMs > 0 ? delayMs : 0);
    let handle: NodeJS.Timeout | undefined;
    const arm = (): void => {
      const left = due - performance.now();
      handle = setTimeout(left > LONGEST_MS ? arm : fire, Math.min(Math.max(left, 0), LONGEST_MS));
      handle.unref();
    };
    const fire = (): void => {
      handle = undefined;
      fn();
    };
    arm();
    return {
      get active() {
        return handle !== undefined;
      },
      [Symbol.dispose]: () => {
        clearTimeout(handle);
        handle = undefined;
      },
    };
  }
}
