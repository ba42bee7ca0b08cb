import { failure, type Log, silentLog } from '../../base/log.ts';
import { getOwn } from '../../machinery/record.ts';
import type { KubeObject } from '../../machinery/object.ts';
import type { Store } from '../../store/store.ts';
import type { ObjectCache } from '../codec/objects.ts';
import type { Projection, StoredEntry } from '../codec/projection.ts';
import type { FieldValue, StoredReader } from '../stages.ts';
import { keyTail, resourcePrefix } from './keys.ts';

const SHORT = 32;
const MOST_LISTS = 64;

/** Sight of the store for stages: by group and resource, in the storage version. */
export class StoreReader implements StoredReader {
  readonly #store: Store<Projection>;
  readonly #objects: ObjectCache;
  readonly #log: Log;
  /** Short ones, of the revision that stands: writes that come together ask for the same (ranges, quotas, classes), each more than once. */
  readonly #lists = new Map<string, readonly KubeObject[]>();
  #listsOf = -1;

  constructor(store: Store<Projection>, objects: ObjectCache, log: Log = silentLog) {
    this.#log = log;
    this.#store = store;
    this.#objects = objects;
  }

  get(group: string, resource: string, namespace: string, name: string): KubeObject | undefined {
    const entry = this.#store.get(resourcePrefix(group, resource) + keyTail(namespace, name));
    return entry === undefined ? undefined : this.#objects.of(entry);
  }

  list(group: string, resource: string, namespace?: string): readonly KubeObject[] {
    const prefix = resourcePrefix(group, resource) + (namespace === undefined || namespace === '' ? '' : `${namespace}/`);
    if (this.#listsOf !== this.#store.revision) {
      this.#listsOf = this.#store.revision;
      this.#lists.clear();
    }
    const known = this.#lists.get(prefix);
    if (known !== undefined) return known;
    const list = this.#store.list(prefix).entries.map((entry) => this.#objects.of(entry));
    if (list.length <= SHORT && this.#lists.size < MOST_LISTS) this.#lists.set(prefix, list);
    return list;
  }

  fieldValues(group: string, resource: string, field: string): readonly FieldValue[] {
    const { entries } = this.#store.list(resourcePrefix(group, resource));
    return entries.map(({ projection: { namespace, name, fields } }) => ({ namespace, name, value: getOwn(fields, field) ?? '' }));
  }

  watch(group: string, resource: string, listener: (after: KubeObject | undefined, before: KubeObject | undefined) => void): Disposable {
    const parsed = (entry: StoredEntry | undefined): KubeObject | undefined => (entry === undefined ? undefined : this.#objects.of(entry));
    const watch = this.#store.watch(
      resourcePrefix(group, resource),
      {},
      {
        events: (batch) => {
          for (const { type, entry, previous } of batch) {
            try {
              listener(type === 'delete' ? undefined : parsed(entry), parsed(previous ?? (type === 'delete' ? entry : undefined)));
            } catch (thrown) {
              // It goes on: rights that are taken away later must be taken away.
              this.#log.error('a change of a stored object could not be taken in', { key: entry.key, ...failure(thrown) });
            }
          }
        },
        // The store goes down, and whoever listens with it.
        ended: () => {},
      },
    );
    return { [Symbol.dispose]: () => watch.close() };
  }
}
