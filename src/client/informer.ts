import type { KubeObject, Stored } from '../machinery/object.ts';

/** A read-only cache of one resource, fed by list and watch. Objects are frozen, shared, and without managedFields. */
export interface Informer<T extends KubeObject> {
  readonly resource: string;
  /** The first list has been delivered to the cache and to handlers. */
  readonly synced: boolean;
  /** Resolves when synced; rejects when the informer is disposed first. */
  whenSynced(): Promise<void>;
  /** `namespace` empty or absent for cluster-scoped kinds. */
  get(name: string, namespace?: string): Stored<T> | undefined;
  list(namespace?: string): readonly Stored<T>[];
  /** Objects whose index function gave this value. The index must have been named at creation. */
  byIndex(index: string, value: string): readonly Stored<T>[];
  /** Handlers see every object at least once as added, then changes. Called in order; must not throw. */
  onChange(handler: ChangeHandler<T>): Disposable;
}

export interface ChangeHandler<T extends KubeObject> {
  added?(object: Stored<T>): void;
  updated?(object: Stored<T>, previous: Stored<T>): void;
  /** The last known state. */
  deleted?(object: Stored<T>): void;
  /** A list, the first or one after 410, has been told to the end: what is not in the cache now was not there at this version. */
  listed?(resourceVersion: string): void;
}
