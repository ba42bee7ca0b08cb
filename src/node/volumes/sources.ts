import type { Resource } from '../../api/resource.ts';
import { configMaps, secrets } from '../../api/gen/resources.ts';
import type { ConfigMap, Secret } from '../../api/gen/types/core.v1.ts';
import { Reflector, type ReflectorOptions } from '../../client/reflector.ts';
import type { KubeObject, Stored } from '../../machinery/object.ts';
import { StatusError } from '../../machinery/status-error.ts';

interface Followed {
  readonly informer: unknown;
  readonly end: () => void;
  readonly followers: Map<string, () => void>;
  /** The version given last; undefined: none, or nothing was there. */
  given: string | undefined;
}

/**
 * The ConfigMaps and Secrets that this node's pods use: one watch for each, for as long as a pod follows it. A node needs no right to
 * list them all.
 */
export class Sources implements Disposable {
  readonly #options: Omit<ReflectorOptions<KubeObject>, 'resource' | 'selection'>;
  readonly #followed = new Map<string, Followed>();

  constructor(options: Omit<ReflectorOptions<KubeObject>, 'resource' | 'selection'>) {
    this.#options = options;
  }

  /** Follows it for `follower` (calls replace each other) and gives it; undefined when there is none. */
  configMap(follower: string, namespace: string, name: string, changed: () => void): Promise<Stored<ConfigMap> | undefined> {
    return this.#get(configMaps, follower, namespace, name, changed);
  }

  secret(follower: string, namespace: string, name: string, changed: () => void): Promise<Stored<Secret> | undefined> {
    return this.#get(secrets, follower, namespace, name, changed);
  }

  /** Ends all that followers whose names begin so follow. */
  releaseAll(prefix: string): void {
    for (const [key, { end, followers }] of this.#followed) {
      for (const follower of [...followers.keys()]) if (follower.startsWith(prefix)) followers.delete(follower);
      if (followers.size > 0) continue;
      end();
      this.#followed.delete(key);
    }
  }

  [Symbol.dispose](): void {
    for (const { end } of this.#followed.values()) end();
    this.#followed.clear();
  }

  async #get<T extends KubeObject>(
    resource: Resource<T>,
    follower: string,
    namespace: string,
    name: string,
    changed: () => void,
  ): Promise<Stored<T> | undefined> {
    const key = `${resource.resource}/${namespace}/${name}`;
    const followed = this.#followed.get(key) ?? this.#follow(key, resource, namespace, name);
    followed.followers.set(follower, changed);
    // The key holds the resource, so what is found under it has its type.
    const reflector = followed.informer as Reflector<T>;
    const object = reflector.synced ? reflector.get(name, namespace) : await this.#ask(resource, namespace, name);
    followed.given = object?.metadata.resourceVersion;
    return object;
  }

  /** The first answer comes from a request of its own, so that a refusal is seen. */
  async #ask<T extends KubeObject>(resource: Resource<T>, namespace: string, name: string): Promise<Stored<T> | undefined> {
    try {
      return await this.#options.client.get(resource, name, namespace);
    } catch (thrown) {
      if (thrown instanceof StatusError && thrown.reason === 'NotFound') return undefined;
      throw thrown;
    }
  }

  #follow<T extends KubeObject>(key: string, resource: Resource<T>, namespace: string, name: string): Followed {
    const reflector = new Reflector<T>({ ...this.#options, resource, selection: { namespace, fieldSelector: `metadata.name=${name}` } });
    const followed: Followed = { informer: reflector, end: () => reflector.end(), followers: new Map(), given: undefined };
    const tell = (version: string | undefined): void => {
      if (version === followed.given) return;
      followed.given = version;
      for (const changed of [...followed.followers.values()]) changed();
    };
    reflector.onChange({
      added: (object) => tell(object.metadata.resourceVersion),
      updated: (object) => tell(object.metadata.resourceVersion),
      deleted: () => tell(undefined),
    });
    this.#followed.set(key, followed);
    reflector.start();
    return followed;
  }
}
