import type { Resource } from '../../api/resource.ts';
import { formatApiVersion, type KubeObject, type OwnerReference, type Stored } from '../../machinery/object.ts';

/** What the collector remembers of an object: never the object itself. */
export interface Item {
  readonly resource: Resource;
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly resourceVersion: string;
  readonly owners: readonly OwnerReference[];
  readonly finalizers: readonly string[];
  readonly deleting: boolean;
}

export function itemOf(resource: Resource, object: Stored<KubeObject>): Item {
  const { uid, name, namespace = '', resourceVersion, ownerReferences = [], finalizers = [], deletionTimestamp } = object.metadata;
  return { resource, uid, name, namespace, resourceVersion, owners: ownerReferences, finalizers, deleting: deletionTimestamp !== undefined };
}

/** Who owns whom, by UID. */
export class Graph {
  readonly #items = new Map<string, Item>();
  readonly #dependents = new Map<string, Set<string>>();

  get(uid: string): Item | undefined {
    return this.#items.get(uid);
  }

  dependents(uid: string): readonly Item[] {
    return [...(this.#dependents.get(uid) ?? [])].flatMap((dependent) => this.#items.get(dependent) ?? []);
  }

  set(item: Item): void {
    this.#unlink(item.uid);
    this.#items.set(item.uid, item);
    for (const { uid } of item.owners) {
      const found = this.#dependents.get(uid);
      if (found === undefined) this.#dependents.set(uid, new Set([item.uid]));
      else found.add(item.uid);
    }
  }

  delete(uid: string): void {
    this.#unlink(uid);
    this.#items.delete(uid);
  }

  #unlink(uid: string): void {
    for (const { uid: owner } of this.#items.get(uid)?.owners ?? []) {
      const found = this.#dependents.get(owner);
      found?.delete(uid);
      if (found?.size === 0) this.#dependents.delete(owner);
    }
  }
}

export const FOREGROUND = 'foregroundDeletion';
export const ORPHAN = 'orphan';

/** How an owner stands. `waiting`: it is being deleted in the foreground and this dependent blocks it. */
export type OwnerState = 'solid' | 'absent' | 'waiting';

export type Decision =
  | { readonly do: 'nothing' }
  /** These references name nobody any more, while another owner still keeps the object. */
  | { readonly do: 'forget-owners'; readonly uids: readonly string[] }
  /** `unblock`: first its owners are told not to wait for it, since it may be they who wait in a circle. */
  | { readonly do: 'delete'; readonly propagation: 'Background' | 'Foreground' | 'Orphan'; readonly unblock?: boolean };

/** What becomes of an object, given how its owners stand (meta/v1 OwnerReference; upstream's `attemptToDeleteItem`). */
export function decide(item: Item, states: ReadonlyMap<string, OwnerState>, dependents: readonly Item[]): Decision {
  if (item.owners.length === 0 || item.deleting) return { do: 'nothing' };
  const of = (wanted: OwnerState): readonly string[] => item.owners.filter(({ uid }) => states.get(uid) === wanted).map(({ uid }) => uid);
  const lost = [...of('absent'), ...of('waiting')];
  if (of('solid').length > 0) return lost.length === 0 ? { do: 'nothing' } : { do: 'forget-owners', uids: lost };
  if (of('waiting').length > 0 && dependents.length > 0) {
    const unblock = dependents.some(({ deleting, finalizers }) => deleting && finalizers.includes(FOREGROUND));
    return { do: 'delete', propagation: 'Foreground', unblock };
  }
  if (item.finalizers.includes(ORPHAN)) return { do: 'delete', propagation: 'Orphan' };
  if (item.finalizers.includes(FOREGROUND)) return { do: 'delete', propagation: 'Foreground' };
  return { do: 'delete', propagation: 'Background' };
}

/** Whether `dependent` keeps `owner` from going in the foreground. */
export function blocks(dependent: Item, owner: Item): boolean {
  return dependent.owners.some(({ uid, blockOwnerDeletion }) => uid === owner.uid && blockOwnerDeletion === true);
}

/** A reference names its owner by apiVersion and kind; a namespaced owner lives where its dependent does. */
export function namesItem(reference: OwnerReference, dependent: Item, item: Item): boolean {
  const sameScope = item.namespace === '' || item.namespace === dependent.namespace;
  const group = (apiVersion: string): string => (apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '');
  return (
    item.uid === reference.uid && item.resource.kind === reference.kind && group(formatApiVersion(item.resource)) === group(reference.apiVersion) && sameScope
  );
}
