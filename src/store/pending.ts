import type { Item } from './item.ts';

interface PendingKey<P> {
  /** The newest pending state; undefined: deleted. */
  item: Item<P> | undefined;
  commits: number;
  readonly settled: PromiseWithResolvers<void>;
}

/** What is accepted but not yet visible, by key. */
export class Pending<P> {
  readonly #keys = new Map<string, PendingKey<P>>();

  get empty(): boolean {
    return this.#keys.size === 0;
  }

  /** The newest state of the key, given its visible one. */
  latest(key: string, visible: Item<P> | undefined): Item<P> | undefined {
    const pending = this.#keys.get(key);
    return pending === undefined ? visible : pending.item;
  }

  settled(key: string): Promise<void> | undefined {
    return this.#keys.get(key)?.settled.promise;
  }

  add(key: string, item: Item<P> | undefined): void {
    const pending = this.#keys.get(key);
    if (pending === undefined) {
      this.#keys.set(key, { item, commits: 1, settled: Promise.withResolvers() });
      return;
    }
    pending.item = item;
    pending.commits++;
  }

  /** One commit of the key has become visible. */
  done(key: string): void {
    const pending = this.#keys.get(key);
    if (pending === undefined || --pending.commits > 0) return;
    this.#keys.delete(key);
    pending.settled.resolve();
  }

  /** Everything pending has failed. */
  clear(): void {
    const all = [...this.#keys.values()];
    this.#keys.clear();
    for (const pending of all) pending.settled.resolve();
  }
}
