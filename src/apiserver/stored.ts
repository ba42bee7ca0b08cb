import type { Resource } from '../api/resource.ts';
import type { KubeObject, Stored } from '../machinery/object.ts';
import type { StoredReader } from './stages.ts';

/** The reader's answers with the type that the resource names. */
export function storedGet<T extends KubeObject>(
  reader: StoredReader,
  { group, resource }: Resource<T>,
  namespace: string,
  name: string,
): Stored<T> | undefined {
  return reader.get(group, resource, namespace, name) as unknown as Stored<T> | undefined;
}

/** All namespaces when none is given. */
export function storedList<T extends KubeObject>(reader: StoredReader, { group, resource }: Resource<T>, namespace?: string): readonly Stored<T>[] {
  return reader.list(group, resource, namespace) as unknown as readonly Stored<T>[];
}

/** Calls `changed` for every object that is there, then after each change (undefined after a deletion). */
export function follow<T extends KubeObject>(
  reader: StoredReader,
  { group, resource }: Resource<T>,
  changed: (after: Stored<T> | undefined, before: Stored<T> | undefined) => void,
): Disposable {
  const watch = reader.watch(group, resource, (after, before) =>
    changed(after as unknown as Stored<T> | undefined, before as unknown as Stored<T> | undefined),
  );
  for (const object of reader.list(group, resource)) changed(object as unknown as Stored<T>, undefined);
  return watch;
}
