import type { Runtime } from '../runtime/runtime.ts';

/** Tells the ends of containers to whom they concern, from one subscription that lasts while somebody listens. */
export class Ends implements Disposable {
  readonly #runtime: Runtime;
  readonly #listeners = new Map<string, Set<() => void>>();
  #events: Disposable | undefined;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Calls at every exit of the container, and when exits may have been missed. */
  on(containerId: string, listener: () => void): Disposable {
    const listeners = this.#listeners.get(containerId) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(containerId, listeners);
    this.#events ??= this.#runtime.events((event) => {
      if (event.type === 'lost') for (const all of this.#listeners.values()) for (const each of all) each();
      else if (event.type === 'exited' || event.type === 'deleted') for (const each of this.#listeners.get(event.containerId) ?? []) each();
    });
    return {
      [Symbol.dispose]: () => {
        listeners.delete(listener);
        if (listeners.size === 0 && this.#listeners.get(containerId) === listeners) this.#listeners.delete(containerId);
        if (this.#listeners.size === 0) this[Symbol.dispose]();
      },
    };
  }

  [Symbol.dispose](): void {
    this.#events?.[Symbol.dispose]();
    this.#events = undefined;
  }
}
