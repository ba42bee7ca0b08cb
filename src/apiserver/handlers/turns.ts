/**
 * One at a time for each key, in order of arrival. A read-modify-write that loses against another does its work for nothing:
 * under contention they take turns instead. Never taken for one key while holding another's.
 */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last.set(key, promise);
    if (before !== undefined) await before;
    try {
      return await work();
    } finally {
      if (this.#last.get(key) === promise) this.#last.delete(key);
      resolve();
    }
  }
}
