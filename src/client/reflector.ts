import type { Resource } from '../api/resource.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { failure, type Log } from '../base/log.ts';
import { jitter, type Random } from '../base/random.ts';
import type { WatchEvent, WatchHandle } from '../machinery/exchange.ts';
import { formatApiVersion, type KubeObject, type ObjectMeta, type Stored } from '../machinery/object.ts';
import { deepFreeze } from '../machinery/record.ts';
import { StatusError } from '../machinery/status-error.ts';
import { IndexedCache, keyOf } from './cache.ts';
import type { Client, Selection } from './client.ts';
import type { ChangeHandler, Informer } from './informer.ts';

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: Client;
  readonly resource: Resource<T>;
  readonly selection: Selection;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 10_000;

// One kept form for all informers of a process, for as long as the server's own object lives.
const kept = new WeakMap<object, object>();

/** The object as informers keep it: frozen, with kind (items of lists carry none), without managedFields (half of a stored pod). */
export function asKept<T extends KubeObject>(resource: { readonly group: string; readonly version: string; readonly kind: string }, object: T): T {
  if (object.metadata?.managedFields === undefined && object.kind !== undefined) return deepFreeze(object);
  const found = kept.get(object);
  if (found !== undefined) return found as T;
  const { managedFields: _, ...metadata } = object.metadata ?? {};
  const copy = deepFreeze({ ...object, apiVersion: formatApiVersion(resource), kind: resource.kind, metadata: metadata satisfies ObjectMeta });
  kept.set(object, copy);
  return copy;
}

/**
 * Keeps a cache equal to what the API server has, by list and watch: after a lost watch it goes on from the last version seen,
 * after 410 it lists again and tells handlers the difference.
 */
export class Reflector<T extends KubeObject> implements Informer<T> {
  readonly resource: string;
  readonly #options: ReflectorOptions<T>;
  readonly #cache = new IndexedCache<T>();
  readonly #handlers = new Set<ChangeHandler<T>>();
  readonly #waiting: { readonly resolve: () => void; readonly reject: (reason: Error) => void }[] = [];
  #synced = false;
  #ended = false;
  #version = '';
  #failures = 0;
  #watch: WatchHandle | undefined;
  #timer: Timer | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.resource = options.resource.resource;
  }

  start(): void {
    void this.#listAndWatch();
  }

  get synced(): boolean {
    return this.#synced;
  }

  whenSynced(): Promise<void> {
    if (this.#synced) return Promise.resolve();
    if (this.#ended) return Promise.reject(new Error(`the informer of ${this.resource} has ended`));
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  get(name: string, namespace = ''): Stored<T> | undefined {
    return this.#cache.get(namespace === '' ? name : `${namespace}/${name}`);
  }

  list(namespace?: string): readonly Stored<T>[] {
    return namespace === undefined || namespace === '' ? this.#cache.all() : this.#cache.inNamespace(namespace);
  }

  byIndex(index: string, value: string): readonly Stored<T>[] {
    return this.#cache.byIndex(index, value);
  }

  addIndexes(indexes: Readonly<Record<string, (object: T) => readonly string[]>>): void {
    for (const [name, of] of Object.entries(indexes)) if (!this.#cache.hasIndex(name)) this.#cache.addIndex(name, of);
  }

  onChange(handler: ChangeHandler<T>): Disposable {
    this.#handlers.add(handler);
    if (this.#synced) for (const object of this.#cache.all()) handler.added?.(object);
    return { [Symbol.dispose]: () => void this.#handlers.delete(handler) };
  }

  end(): void {
    this.#ended = true;
    this.#watch?.close();
    this.#timer?.[Symbol.dispose]();
    this.#handlers.clear();
    for (const { reject } of this.#waiting.splice(0)) reject(new Error(`the informer of ${this.resource} has ended`));
  }

  async #listAndWatch(): Promise<void> {
    if (this.#ended) return;
    try {
      const { client, resource, selection } = this.#options;
      // The version "0": any state that the server has in memory will do, the watch brings the rest.
      const { items, resourceVersion } = await client.list(resource, { ...selection, resourceVersion: '0', omitManagedFields: true });
      if (this.#ended) return;
      this.#replace(items);
      this.#version = resourceVersion;
      for (const handler of this.#handlers) handler.listed?.(resourceVersion);
      await this.#startWatch();
    } catch (thrown) {
      this.#again(thrown, true);
    }
  }

  async #resume(): Promise<void> {
    if (this.#ended) return;
    try {
      await this.#startWatch();
    } catch (thrown) {
      this.#again(thrown, false);
    }
  }

  async #startWatch(): Promise<void> {
    const { client, resource, selection } = this.#options;
    let closed = false;
    const handle = await client.watch(
      resource,
      { ...selection, resourceVersion: this.#version, allowBookmarks: true, omitManagedFields: true },
      {
        events: (batch) => this.#receive(batch),
        closed: (error) => {
          closed = true;
          this.#watch = undefined;
          this.#again(error, false);
        },
      },
    );
    if (this.#ended) handle.close();
    else if (!closed) this.#watch = handle;
  }

  /** Decides by the error's reason: what is too old is listed again at once, everything else is tried again later. */
  #again(error: unknown, list: boolean): void {
    if (this.#ended) return;
    const tooOld = error instanceof StatusError && (error.reason === 'Expired' || error.reason === 'Gone' || error.code === 410);
    // A server that ends every watch at once, without a word, is not asked without pause; anything that arrives starts anew.
    if (!tooOld) this.#failures++;
    if (error !== undefined && !tooOld) {
      this.#options.log.debug('watch lost, trying again', { resource: this.resource, attempt: this.#failures, ...failure(error) });
    }
    const delayMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(this.#failures, 10), LONGEST_RETRY_MS);
    this.#timer?.[Symbol.dispose]();
    this.#timer = this.#options.clock.setTimer(jitter(this.#options.random, error === undefined && this.#failures <= 1 ? 0 : delayMs, 0.2), () => {
      void (list || tooOld ? this.#listAndWatch() : this.#resume());
    });
  }

  #receive(batch: readonly WatchEvent<Stored<T>>[]): void {
    this.#failures = 0;
    for (const { type, object } of batch) {
      this.#version = object.metadata.resourceVersion;
      if (type === 'BOOKMARK') continue;
      const key = keyOf(object);
      if (type === 'DELETED') this.#forget(key, this.#kept(object));
      else this.#keep(key, this.#kept(object));
    }
  }

  #kept(object: Stored<T>): Stored<T> {
    return asKept<Stored<T>>(this.#options.resource, object);
  }

  #keep(key: string, object: Stored<T>): void {
    const previous = this.#cache.set(key, object);
    if (previous === undefined) for (const handler of this.#handlers) handler.added?.(object);
    else if (previous.metadata.uid !== object.metadata.uid) {
      for (const handler of this.#handlers) {
        handler.deleted?.(previous);
        handler.added?.(object);
      }
    } else for (const handler of this.#handlers) handler.updated?.(object, previous);
  }

  #forget(key: string, last: Stored<T>): void {
    if (this.#cache.delete(key) !== undefined) for (const handler of this.#handlers) handler.deleted?.(last);
  }

  #replace(items: readonly Stored<T>[]): void {
    const keys = new Set<string>();
    for (const item of items) {
      const key = keyOf(item);
      keys.add(key);
      if (this.#cache.get(key)?.metadata.resourceVersion !== item.metadata.resourceVersion) this.#keep(key, this.#kept(item));
    }
    for (const key of [...this.#cache.keys()]) {
      const last = keys.has(key) ? undefined : this.#cache.get(key);
      if (last !== undefined) this.#forget(key, last);
    }
    this.#synced = true;
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }
}
