import type { Timer } from '../../base/clock.ts';
import type { Core } from '../core.ts';
import { ToldEvents } from './events.ts';
import type { WatchPlan } from './plan.ts';
import { Watcher, type WatchOutput } from './watcher.ts';

const BOOKMARK_PERIOD_MS = 60_000;
const SLICE = 200;

/** All open watches. Once a minute, those that want bookmarks get one; at shutdown all of them end. */
export class Watchers {
  readonly #core: Core;
  readonly #events = new ToldEvents();
  readonly #open = new Set<Watcher>();
  #timer: Timer | undefined;
  #ended = false;

  constructor(core: Core) {
    this.#core = core;
  }

  get size(): number {
    return this.#open.size;
  }

  start(plan: WatchPlan, output: WatchOutput): Watcher {
    const watcher = new Watcher(this.#core, plan, output, this.#events, (closed) => this.#forget(closed));
    this.#open.add(watcher);
    try {
      watcher.start();
    } catch (thrown) {
      watcher.close();
      throw thrown;
    }
    if (this.#ended) watcher.end();
    else this.#timer ??= this.#core.clock.setTimer(BOOKMARK_PERIOD_MS, () => void this.#bookmarks());
    return watcher;
  }

  end(): void {
    this.#ended = true;
    for (const watcher of [...this.#open]) watcher.end();
  }

  #forget(watcher: Watcher): void {
    this.#open.delete(watcher);
    if (this.#open.size > 0) return;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  async #bookmarks(): Promise<void> {
    this.#timer = undefined;
    let count = 0;
    for (const watcher of [...this.#open]) {
      watcher.progress();
      if (++count % SLICE === 0) await this.#core.yieldToLoop();
    }
    if (this.#open.size > 0) this.#timer ??= this.#core.clock.setTimer(BOOKMARK_PERIOD_MS, () => void this.#bookmarks());
  }
}
