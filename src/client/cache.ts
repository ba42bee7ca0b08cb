import type { KubeObject, Stored } from '../machinery/object.ts';

/** `namespace/name`, or the name alone for cluster-scoped objects: the key of caches and queues. */
export function keyOf(object: KubeObject): string {
  const { namespace, name = '' } = object.metadata ?? {};
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

export function splitKey(key: string): { readonly namespace: string; readonly name: string } {
  const at = key.indexOf('/');
  return at === -1 ? { namespace: '', name: key } : { namespace: key.slice(0, at), name: key.slice(at + 1) };
}

type IndexFunction<T> = (object: T) => readonly string[];

/** Objects by key, by namespace and by any number of indexes. */
export class IndexedCache<T extends KubeObject> {
  readonly #objects = new Map<string, Stored<T>>();
  readonly #indexes = new Map<string, { readonly of: IndexFunction<T>; readonly values: Map<string, Map<string, Stored<T>>> }>();

  constructor() {
    this.addIndex(NAMESPACE, (object) => [object.metadata?.namespace ?? '']);
  }

  get(key: string): Stored<T> | undefined {
    return this.#objects.get(key);
  }

  keys(): Iterable<string> {
    return this.#objects.keys();
  }

  all(): readonly Stored<T>[] {
    return [...this.#objects.values()];
  }

  inNamespace(namespace: string): readonly Stored<T>[] {
    return this.byIndex(NAMESPACE, namespace);
  }

  byIndex(index: string, value: string): readonly Stored<T>[] {
    const found = this.#indexes.get(index);
    if (found === undefined) throw new RangeError(`no index named ${index}`);
    return [...(found.values.get(value)?.values() ?? [])];
  }

  hasIndex(index: string): boolean {
    return this.#indexes.has(index);
  }

  addIndex(index: string, of: IndexFunction<T>): void {
    const added = { of, values: new Map<string, Map<string, Stored<T>>>() };
    this.#indexes.set(index, added);
    for (const [key, object] of this.#objects) put(added.values, of(object), key, object);
  }

  /** Gives what was there before. */
  set(key: string, object: Stored<T>): Stored<T> | undefined {
    const previous = this.#objects.get(key);
    for (const { of, values } of this.#indexes.values()) {
      if (previous !== undefined) drop(values, of(previous), key);
      put(values, of(object), key, object);
    }
    this.#objects.set(key, object);
    return previous;
  }

  delete(key: string): Stored<T> | undefined {
    const previous = this.#objects.get(key);
    if (previous === undefined) return undefined;
    for (const { of, values } of this.#indexes.values()) drop(values, of(previous), key);
    this.#objects.delete(key);
    return previous;
  }
}

const NAMESPACE = 'metadata.namespace';

function put<V>(values: Map<string, Map<string, V>>, under: readonly string[], key: string, object: V): void {
  for (const value of under) {
    const found = values.get(value);
    if (found === undefined) values.set(value, new Map([[key, object]]));
    else found.set(key, object);
  }
}

function drop<V>(values: Map<string, Map<string, V>>, under: readonly string[], key: string): void {
  for (const value of under) {
    const found = values.get(value);
    if (found === undefined) continue;
    found.delete(key);
    if (found.size === 0) values.delete(value);
  }
}
