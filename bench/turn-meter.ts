/** How long this thread's event loop was held: by work, and by garbage collection, apart from each other. */
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';

interface Interval {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Milliseconds. */
export interface TurnReport {
  /** The longest delay that the histogram saw, garbage collection and other processes included. */
  readonly delay: number;
  /** The longest turn without the collections in it. */
  readonly turn: number;
  /** CPU time of this thread in the costliest turn, collections apart: other processes on the machine do not count. */
  readonly turnCpu: number;
  /** The longest collection. */
  readonly collection: number;
}

interface Gap extends Interval {
  readonly cpuMs: number;
}

const WATCHED_MS = 2;

/** Started once; each measurement looks at what happened meanwhile. */
export class TurnMeter {
  readonly #collections: Interval[] = [];
  readonly #observer: PerformanceObserver;

  constructor() {
    this.#observer = new PerformanceObserver((list) => {
      for (const { startTime, duration } of list.getEntries()) this.#collections.push({ fromMs: startTime, toMs: startTime + duration });
    });
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  /** Lengths of all collections so far, ms. */
  get collections(): readonly number[] {
    return this.#collections.map(({ fromMs, toMs }) => toMs - fromMs);
  }

  async measure<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly report: TurnReport }> {
    const known = this.#collections.length;
    const gaps: Gap[] = [];
    let lastMs = performance.now();
    let lastCpu = cpuMs();
    let going = true;
    const look = (): void => {
      const nowMs = performance.now();
      const cpu = cpuMs();
      if (nowMs - lastMs > WATCHED_MS) gaps.push({ fromMs: lastMs, toMs: nowMs, cpuMs: cpu - lastCpu });
      lastMs = nowMs;
      lastCpu = cpu;
      if (going) setTimeout(look, 1);
    };
    const histogram = monitorEventLoopDelay({ resolution: 1 });
    look();
    histogram.enable();
    // Its first tick only starts the clock.
    await turn();
    const result = await work();
    await turn();
    histogram.disable();
    going = false;
    look();
    // The observer is told in a turn of its own.
    await turn();
    await turn();
    const collections = this.#collections.slice(known);
    const within = (gap: Gap): number => collections.reduce((sum, each) => sum + overlap(gap, each), 0);
    return {
      result,
      report: {
        delay: Math.max(0, histogram.max / 1e6 - 1),
        turn: Math.max(0, ...gaps.map((gap) => gap.toMs - gap.fromMs - within(gap) - 1)),
        // How much of the processor a collection had is not known: as much as the turn.
        turnCpu: Math.max(0, ...gaps.map((gap) => gap.cpuMs * (1 - within(gap) / (gap.toMs - gap.fromMs)))),
        collection: Math.max(0, ...collections.map(({ fromMs, toMs }) => toMs - fromMs)),
      },
    };
  }

  [Symbol.dispose](): void {
    this.#observer.disconnect();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

const overlap = (a: Interval, b: Interval): number => Math.max(0, Math.min(a.toMs, b.toMs) - Math.max(a.fromMs, b.fromMs));
