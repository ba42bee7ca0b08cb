import type { Resource } from '../../api/resource.ts';
import type { Informers } from '../../client/component.ts';
import type { Source } from '../../client/controller.ts';
import type { Informer } from '../../client/informer.ts';
import type { KubeObject, Stored } from '../../machinery/object.ts';
import { keyOf, type KindSource } from '../kinds.ts';

/** Events own nothing, are owned by nothing, and are many. */
const LEFT_OUT: ReadonlySet<string> = new Set(['events', 'leases']);

export interface ObjectHandler {
  seen(resource: Resource, object: Stored<KubeObject>): void;
  /** The last known state. */
  gone(object: Stored<KubeObject>): void;
}

interface Following {
  readonly resource: Resource;
  readonly informer: Informer<KubeObject>;
  readonly watch: Disposable;
}

/** The objects of every kind that is served, also of those that come later. The objects of a kind that goes have gone with it. */
export class Followed implements Source {
  readonly #informers: Informers;
  readonly #kinds: KindSource;
  readonly #handlerFor: (enqueue: (key: string) => void) => ObjectHandler;
  readonly #following = new Map<string, Following>();

  constructor(informers: Informers, kinds: KindSource, handlerFor: (enqueue: (key: string) => void) => ObjectHandler) {
    this.#informers = informers;
    this.#kinds = kinds;
    this.#handlerFor = handlerFor;
  }

  /** Of the kinds that were served at the start: what comes later is not waited for, since the server is asked before anything is deleted. */
  async whenSynced(): Promise<void> {
    const synced = async ([key, { informer }]: readonly [string, Following]): Promise<void> => {
      try {
        await informer.whenSynced();
      } catch (thrown) {
        // Of a kind that turned out not to be served.
        if (this.#following.has(key)) throw thrown;
      }
    };
    await Promise.all([...this.#following].map(synced));
  }

  subscribe(enqueue: (key: string) => void): Disposable {
    const handler = this.#handlerFor(enqueue);
    const changes = this.#kinds.onChange(() => this.#follow(handler));
    this.#follow(handler);
    return {
      [Symbol.dispose]: () => {
        changes[Symbol.dispose]();
        for (const { watch } of this.#following.values()) watch[Symbol.dispose]();
      },
    };
  }

  #follow(handler: ObjectHandler): void {
    const served = new Map(this.#kinds.all().flatMap((resource) => (LEFT_OUT.has(resource.resource) ? [] : [[keyOf(resource), resource] as const])));
    for (const [key, { resource, informer, watch }] of this.#following) {
      if (served.has(key)) continue;
      watch[Symbol.dispose]();
      this.#following.delete(key);
      for (const object of informer.list()) handler.gone(object);
      this.#informers.drop(resource);
    }
    for (const [key, resource] of served) {
      if (this.#following.has(key)) continue;
      const informer = this.#informers.of<KubeObject>(resource);
      const seen = (object: Stored<KubeObject>): void => handler.seen(resource, object);
      this.#following.set(key, { resource, informer, watch: informer.onChange({ added: seen, updated: seen, deleted: (object) => handler.gone(object) }) });
    }
  }
}
