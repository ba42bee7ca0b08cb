import type { Resource } from '../../api/resource.ts';
import type { Component, ComponentOptions } from '../../client/component.ts';
import type { Again } from '../../client/work-queue.ts';
import type { KubeObject, OwnerReference } from '../../machinery/object.ts';
import { parseApiVersion } from '../../machinery/object.ts';
import { StatusError } from '../../machinery/status-error.ts';
import type { KindSource } from '../kinds.ts';
import { startController } from '../../client/controller.ts';
import { Followed } from './followed.ts';
import { blocks, decide, FOREGROUND, Graph, type Item, itemOf, namesItem, ORPHAN, type OwnerState } from './graph.ts';

/** Deletes what has lost all its owners, holds back owners that are deleted in the foreground, and sets orphans free. */
export function startGarbageCollector(options: ComponentOptions, kinds: KindSource): Component {
  const { client } = options;
  const graph = new Graph();

  async function ownerState(item: Item, reference: OwnerReference): Promise<OwnerState> {
    const known = graph.get(reference.uid);
    if (known === undefined || !namesItem(reference, item, known)) return (await isLive(item, reference)) ? 'solid' : 'absent';
    const waits = known.deleting && known.finalizers.includes(FOREGROUND) && reference.blockOwnerDeletion === true;
    return waits ? 'waiting' : 'solid';
  }

  /** The graph may lag: before anything is deleted, the server is asked. */
  async function isLive(item: Item, reference: OwnerReference): Promise<boolean> {
    const resource = resourceOf(reference);
    // An owner of a kind that nobody serves (any more) can't be checked: its dependents stay.
    if (resource === undefined) return true;
    if (resource.namespaced && item.namespace === '') return true;
    try {
      const live = await client.get<KubeObject>(resource, reference.name, item.namespace);
      return live.metadata.uid === reference.uid;
    } catch (thrown) {
      if (thrown instanceof StatusError && thrown.reason === 'NotFound') return false;
      throw thrown;
    }
  }

  function resourceOf(reference: OwnerReference): Resource | undefined {
    const group = parseApiVersion(reference.apiVersion)?.group;
    return kinds.all().find((resource) => resource.kind === reference.kind && resource.group === group);
  }

  const ignoreGone = async (work: Promise<unknown>): Promise<void> => {
    try {
      await work;
    } catch (thrown) {
      if (!(thrown instanceof StatusError && thrown.reason === 'NotFound')) throw thrown;
    }
  };

  async function dropFinalizer(item: Item, finalizer: string): Promise<void> {
    const body = { metadata: { uid: item.uid, resourceVersion: item.resourceVersion, finalizers: item.finalizers.filter((each) => each !== finalizer) } };
    await ignoreGone(client.patch(item.resource, item.name, { type: 'merge', body }, { namespace: item.namespace }));
  }

  async function forgetOwners(item: Item, uids: readonly string[]): Promise<void> {
    const ownerReferences = item.owners.filter(({ uid }) => !uids.includes(uid)).map((reference) => ({ ...reference }));
    const body = { metadata: { uid: item.uid, resourceVersion: item.resourceVersion, ownerReferences } };
    await ignoreGone(client.patch(item.resource, item.name, { type: 'merge', body }, { namespace: item.namespace }));
  }

  /** Its new version; undefined when it has gone. */
  async function unblockOwners(item: Item): Promise<string | undefined> {
    const ownerReferences = item.owners.map((reference) => ({ ...reference, blockOwnerDeletion: false }));
    const body = { metadata: { uid: item.uid, resourceVersion: item.resourceVersion, ownerReferences } };
    try {
      const { metadata } = await client.patch<KubeObject>(item.resource, item.name, { type: 'merge', body }, { namespace: item.namespace });
      return metadata.resourceVersion;
    } catch (thrown) {
      if (thrown instanceof StatusError && thrown.reason === 'NotFound') return undefined;
      throw thrown;
    }
  }

  /** An owner that is going: orphans are set free first; in the foreground, blocking dependents go first. */
  async function letGo(item: Item, enqueue: (uid: string) => void): Promise<void> {
    if (item.finalizers.includes(ORPHAN)) {
      await Promise.all(graph.dependents(item.uid).map((dependent) => forgetOwners(dependent, [item.uid])));
      await dropFinalizer(item, ORPHAN);
    } else if (item.finalizers.includes(FOREGROUND)) {
      const blocking = graph.dependents(item.uid).filter((dependent) => blocks(dependent, item));
      if (blocking.length === 0) await dropFinalizer(item, FOREGROUND);
      else for (const dependent of graph.dependents(item.uid)) if (!dependent.deleting) enqueue(dependent.uid);
    }
  }

  let enqueueUid: (uid: string) => void = () => {};

  async function reconcile(uid: string): Promise<Again | undefined> {
    const item = graph.get(uid);
    if (item === undefined) return undefined;
    if (item.deleting) {
      await letGo(item, enqueueUid);
      return undefined;
    }
    if (item.owners.length === 0) return undefined;
    const states = new Map<string, OwnerState>();
    for (const reference of item.owners) states.set(reference.uid, await ownerState(item, reference));
    const decision = decide(item, states, graph.dependents(uid));
    if (decision.do === 'forget-owners') await forgetOwners(item, decision.uids);
    if (decision.do === 'delete') {
      const resourceVersion = decision.unblock === true ? await unblockOwners(item) : item.resourceVersion;
      if (resourceVersion === undefined) return undefined;
      const preconditions = { uid: item.uid, resourceVersion };
      await ignoreGone(client.delete(item.resource, item.name, item.namespace, { propagationPolicy: decision.propagation, preconditions }));
    }
    return undefined;
  }

  return startController(options, {
    name: 'garbage-collector-controller',
    concurrency: 20,
    sources: [
      new Followed(options.informers, kinds, (enqueue) => {
        enqueueUid = enqueue;
        const seen = (item: Item): void => {
          graph.set(item);
          if (item.owners.length > 0 || item.deleting) enqueue(item.uid);
          // A dependent that changes may be what its deleting owner waits for.
          for (const { uid } of item.owners) if (graph.get(uid)?.deleting === true) enqueue(uid);
          if (item.deleting) for (const dependent of graph.dependents(item.uid)) enqueue(dependent.uid);
        };
        return {
          seen: (resource, object) => seen(itemOf(resource, object)),
          gone: (object) => {
            const dependents = graph.dependents(object.metadata.uid);
            graph.delete(object.metadata.uid);
            for (const dependent of dependents) enqueue(dependent.uid);
            for (const { uid } of object.metadata.ownerReferences ?? []) enqueue(uid);
          },
        };
      }),
    ],
    reconcile,
  });
}
