import type { Resource } from '../api/resource.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { KubeObject } from '../machinery/object.ts';
import type { Client } from './client.ts';
import type { InformerOptions, Informers } from './component.ts';
import type { Informer } from './informer.ts';
import { Reflector } from './reflector.ts';

export interface InformerSetOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Starts an informer when it is first asked for, and ends them all together. */
export class InformerSet implements Informers {
  readonly #options: InformerSetOptions;
  readonly #all = new Map<string, { readonly informer: unknown; readonly end: () => void }>();

  constructor(options: InformerSetOptions) {
    this.#options = options;
  }

  of<T extends KubeObject>(resource: Resource<T>, options: InformerOptions<T> = {}): Informer<T> {
    const { namespace = '', labelSelector = '', fieldSelector = '' } = options;
    const key = [resource.group, resource.version, resource.resource, namespace, labelSelector, fieldSelector].join('\n');
    const found = this.#all.get(key);
    // The key holds the resource, so the informer found under it has its type.
    const reflector = found === undefined ? this.#start(key, resource, { namespace, labelSelector, fieldSelector }) : (found.informer as Reflector<T>);
    if (options.indexes !== undefined) reflector.addIndexes(options.indexes);
    return reflector;
  }

  drop({ group, version, resource }: Resource): void {
    const prefix = [group, version, resource, ''].join('\n');
    for (const [key, { end }] of this.#all) {
      if (!key.startsWith(prefix)) continue;
      end();
      this.#all.delete(key);
    }
  }

  #start<T extends KubeObject>(
    key: string,
    resource: Resource<T>,
    selection: { namespace: string; labelSelector: string; fieldSelector: string },
  ): Reflector<T> {
    const reflector = new Reflector<T>({ ...this.#options, resource, selection });
    this.#all.set(key, { informer: reflector, end: () => reflector.end() });
    reflector.start();
    return reflector;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { end } of this.#all.values()) end();
    this.#all.clear();
  }
}
