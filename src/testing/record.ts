import { createHash } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import type { Transport } from '../client/transport.ts';
import type { Kind } from '../api/kind.ts';
import { resourcePath } from '../api/resource.ts';
import type { WatchEvent } from '../machinery/exchange.ts';
import type { KubeObject, Stored } from '../machinery/object.ts';
import { isHeartbeat } from './heartbeat.ts';

/** Without it the server ends a watch after half an hour or more. */
const LONGEST_SECONDS = String(10 * 365 * 86_400);

/** One change, as a watcher saw it. */
export interface Sighting {
  /** Since the start of the cluster. */
  readonly atMs: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** `pods`, `deployments.apps` */
  readonly resource: string;
  readonly object: Stored<KubeObject>;
  /** The state before, as it was seen. */
  readonly previous: Stored<KubeObject> | undefined;
  /** Only a lease was renewed, or a node said that it is alive. */
  readonly isHeartbeat: boolean;
}

/**
 * Everything that happens in a cluster, seen from outside: a watch of every resource from the beginning. Keeps the current state, the
 * log as text, and what the watches themselves did wrong.
 */
export class ClusterRecord {
  readonly #clock: Clock;
  readonly #startMs: number;
  readonly #now = new Map<string, Map<string, Stored<KubeObject>>>();
  readonly #listeners = new Set<(sighting: Sighting) => void>();
  readonly #lines: string[] = [];
  readonly #faults: string[] = [];
  readonly #hash = createHash('sha256');
  #changedMs = 0;
  #ended = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startMs = clock.monotonic();
  }

  /** Watches all kinds, each in the version that is stored: before anything is written, or after a pause from the version that was the last. */
  async start(transport: Transport, kinds: readonly Kind[], after = ''): Promise<void> {
    this.#ended = false;
    for (const kind of kinds) {
      if (!kind.verbs.includes('watch') || !kind.verbs.includes('create') || kind.storage.group !== kind.group || kind.storage.version !== kind.version)
        continue;
      const resource = kind.group === '' ? kind.resource : `${kind.resource}.${kind.group}`;
      const state = this.#now.get(resource) ?? new Map<string, Stored<KubeObject>>();
      this.#now.set(resource, state);
      let newest = 0;
      await transport.watch(
        {
          method: 'GET',
          path: resourcePath(kind),
          query: [['watch', 'true'], ['timeoutSeconds', LONGEST_SECONDS], ...(after === '' ? [] : [['resourceVersion', after] as const])],
          omitManagedFields: false,
        },
        {
          events: (batch) => {
            for (const event of batch) newest = this.#see(resource, state, event, newest);
          },
          closed: (error) => this.#closed(resource, error),
        },
      );
    }
  }

  /** From now on watches may end. */
  end(): void {
    this.#ended = true;
  }

  /** A line for each change: `milliseconds version type resource namespace/name digest-of-the-object`. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** SHA-256 of all lines so far, hexadecimal. */
  get digest(): string {
    return this.#hash.copy().digest('hex');
  }

  /** When something other than a heartbeat changed last: milliseconds since the start. */
  get changedMs(): number {
    return this.#changedMs;
  }

  /** What the watches did that no watch may do. */
  get faults(): readonly string[] {
    return this.#faults;
  }

  /** The objects of `pods`, `deployments.apps`, in order of their creation. */
  all<T extends KubeObject>(resource: string): readonly Stored<T>[] {
    return [...(this.#now.get(resource)?.values() ?? [])] as unknown as readonly Stored<T>[];
  }

  find<T extends KubeObject>(resource: string, name: string, namespace = ''): Stored<T> | undefined {
    return this.#now.get(resource)?.get(`${namespace}/${name}`) as unknown as Stored<T> | undefined;
  }

  get resources(): readonly string[] {
    return [...this.#now.keys()];
  }

  onSighting(listener: (sighting: Sighting) => void): void {
    this.#listeners.add(listener);
  }

  /** Something that is no change: a fault or a step of the workload. */
  note(text: string): void {
    this.#line(`${this.#sinceMs()} # ${text}`);
  }

  #closed(resource: string, error: Error | undefined): void {
    if (!this.#ended) this.#faults.push(`the watch of ${resource} ended: ${error?.message ?? 'without an error'}`);
  }

  #see(resource: string, state: Map<string, Stored<KubeObject>>, { type, object }: WatchEvent, newest: number): number {
    if (type === 'BOOKMARK') return newest;
    const seen = object as Stored<KubeObject>;
    const { namespace = '', name, resourceVersion } = seen.metadata;
    const version = Number(resourceVersion);
    const key = `${namespace}/${name}`;
    if (version <= newest) this.#faults.push(`the watch of ${resource} went from version ${newest} to ${version} at ${key}`);
    const previous = state.get(key);
    if ((previous === undefined) !== (type === 'ADDED'))
      this.#faults.push(`the watch of ${resource} said ${type} of ${key}, which was ${previous === undefined ? 'not there' : 'there'}`);
    if (type === 'DELETED') state.delete(key);
    else state.set(key, seen);
    this.#line(`${this.#sinceMs()} ${resourceVersion} ${type} ${resource} ${key} ${digestOf(seen)}`);
    const sighting: Sighting = { atMs: this.#sinceMs(), type, resource, object: seen, previous, isHeartbeat: isHeartbeat(resource, type, seen, previous) };
    if (!sighting.isHeartbeat) this.#changedMs = sighting.atMs;
    for (const listener of this.#listeners) listener(sighting);
    return version;
  }

  #line(text: string): void {
    this.#lines.push(text);
    this.#hash.update(`${text}\n`);
  }

  #sinceMs(): number {
    return this.#clock.monotonic() - this.#startMs;
  }
}

function digestOf(object: KubeObject): string {
  return createHash('sha256').update(JSON.stringify(object)).digest('hex').slice(0, 16);
}
