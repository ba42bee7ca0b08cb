import type { Clock } from '../../base/clock.ts';
import type { Informer } from '../../client/informer.ts';
import type { KubeObject } from '../../machinery/object.ts';

const MOST_GONE = 4_096;
/** What the cache has not shown by then it never will. Upstream's bound. */
export const GIVEN_UP_AFTER_MS = 300_000;
/** A list after a broken watch may have settled it, and tells nobody of what it does not have. */
export const LOOK_AGAIN_MS = 5_000;

/**
 * What a controller has done and its cache does not show yet. While any of it is outstanding for a key, counting the cache would
 * create or delete twice; the pass waits, but not for ever. By UID, so that it is exact whatever order the watch delivers in.
 */
export class Expectations<T extends KubeObject> implements Disposable {
  readonly #informer: Informer<T>;
  readonly #clock: Clock;
  readonly #subscription: Disposable;
  readonly #created = new Map<string, Set<string>>();
  /** By UID, the version at which it was created. */
  readonly #versions = new Map<string, number>();
  #listed = 0;
  readonly #deleted = new Map<string, Set<string>>();
  /** By key, when the last of it was done. */
  readonly #sinceMs = new Map<string, number>();
  /** UIDs that came and went, so that an answer that arrives after both is not waited for. Bounded, oldest out first. */
  readonly #gone = new Set<string>();

  constructor(informer: Informer<T>, clock: Clock) {
    this.#informer = informer;
    this.#clock = clock;
    this.#subscription = informer.onChange({
      added: (object) => this.#seen(this.#created, object.metadata.uid),
      updated: (object) => {
        if (object.metadata.deletionTimestamp !== undefined) this.#seen(this.#deleted, object.metadata.uid);
      },
      deleted: (object) => {
        this.#gone.add(object.metadata.uid);
        if (this.#gone.size > MOST_GONE)
          for (const oldest of this.#gone) {
            this.#gone.delete(oldest);
            break;
          }
        this.#seen(this.#created, object.metadata.uid);
        this.#seen(this.#deleted, object.metadata.uid);
      },
      // Created before the list and not in it: it came and went while the watch was broken.
      listed: (version) => {
        this.#listed = Number(version);
        for (const [uid, created] of this.#versions) if (created <= Number(version)) this.#seen(this.#created, uid);
      },
    });
  }

  /** To be called with what the server answered. */
  created(key: string, object: KubeObject): void {
    const { name = '', namespace, uid = '', resourceVersion = '' } = object.metadata ?? {};
    if (this.#gone.has(uid) || this.#informer.get(name, namespace)?.metadata.uid === uid) return;
    if (Number(resourceVersion) <= this.#listed) return;
    remember(this.#created, key, uid);
    this.#versions.set(uid, Number(resourceVersion));
    this.#sinceMs.set(key, this.#clock.monotonic());
  }

  /** To be called before the deletion is asked for; `withdraw` when it failed. */
  deleting(key: string, uid: string): void {
    remember(this.#deleted, key, uid);
    this.#sinceMs.set(key, this.#clock.monotonic());
  }

  withdraw(key: string, uid: string): void {
    this.#forget(this.#deleted, key, uid);
  }

  /** When to look again whether the cache shows all that was done under this key; undefined when it does. */
  waitMs(key: string): number | undefined {
    const left = (this.#sinceMs.get(key) ?? 0) + GIVEN_UP_AFTER_MS - this.#clock.monotonic();
    if (left > 0 && (this.#created.has(key) || this.#deleted.has(key))) return Math.min(left, LOOK_AGAIN_MS);
    for (const uid of this.#created.get(key) ?? []) this.#versions.delete(uid);
    this.#created.delete(key);
    this.#deleted.delete(key);
    this.#sinceMs.delete(key);
    return undefined;
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }

  #seen(of: Map<string, Set<string>>, uid: string): void {
    if (of === this.#created) this.#versions.delete(uid);
    for (const key of of.keys()) this.#forget(of, key, uid);
  }

  #forget(of: Map<string, Set<string>>, key: string, uid: string): void {
    forget(of, key, uid);
    if (!this.#created.has(key) && !this.#deleted.has(key)) this.#sinceMs.delete(key);
  }
}

function remember(of: Map<string, Set<string>>, key: string, uid: string): void {
  const found = of.get(key);
  if (found === undefined) of.set(key, new Set([uid]));
  else found.add(uid);
}

function forget(of: Map<string, Set<string>>, key: string, uid: string): void {
  const found = of.get(key);
  if (found === undefined) return;
  found.delete(uid);
  if (found.size === 0) of.delete(key);
}
