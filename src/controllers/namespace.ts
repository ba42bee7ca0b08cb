import type { Namespace, NamespaceCondition } from '../api/gen/types/core.v1.ts';
import { namespaces } from '../api/gen/resources.ts';
import type { Resource } from '../api/resource.ts';
import { resourcePath } from '../api/resource.ts';
import type { Component, ComponentOptions } from '../client/component.ts';
import type { Again } from '../client/work-queue.ts';
import type { JsonObject, KubeObject, Stored } from '../machinery/object.ts';
import { StatusError } from '../machinery/status-error.ts';
import { stamp } from './conditions.ts';
import type { KindSource } from './kinds.ts';
import { source, startController } from '../client/controller.ts';

/** What is left of one kind in a namespace that goes away. */
export interface Remainder {
  readonly resource: Resource;
  readonly count: number;
  /** Finalizer to number of objects that carry it. */
  readonly finalizers: ReadonlyMap<string, number>;
}

/** How soon a namespace is looked at again while something of it is left. */
const AGAIN_MS = 500;

/** Kinds that are emptied before all others, so that nothing runs on without its configuration. */
export function deletionOrder(resources: readonly Resource[]): readonly (readonly Resource[])[] {
  const isPod = (resource: Resource): boolean => resource.group === '' && resource.resource === 'pods';
  return [resources.filter(isPod), resources.filter((resource) => !isPod(resource))];
}

/** The five conditions by which a namespace says why it is still there. */
export function deletionConditions(
  old: readonly NamespaceCondition[] | undefined,
  left: readonly Remainder[],
  failures: readonly string[],
  undiscovered: readonly string[],
  nowMs: number,
): readonly NamespaceCondition[] {
  const counts = left.map(({ resource, count }) => `${name(resource)} has ${count} resource instances`);
  const held = new Map<string, number>();
  for (const { finalizers } of left) for (const [finalizer, count] of finalizers) held.set(finalizer, (held.get(finalizer) ?? 0) + count);
  const finalizers = [...held].map(([finalizer, count]) => `${finalizer} in ${count} resource instances`);
  const say = (type: string, bad: boolean, badReason: string, goodReason: string, badMessage: string, goodMessage: string): NamespaceCondition => {
    const found = old?.find((condition) => condition.type === type);
    const status = bad ? 'True' : 'False';
    const lastTransitionTime = found?.status === status && found.lastTransitionTime !== undefined ? found.lastTransitionTime : stamp(nowMs);
    return { type, status, lastTransitionTime, reason: bad ? badReason : goodReason, message: bad ? badMessage : goodMessage };
  };
  return [
    say(
      'NamespaceDeletionDiscoveryFailure',
      undiscovered.length > 0,
      'DiscoveryFailed',
      'ResourcesDiscovered',
      `Discovery failed for some groups, ${undiscovered.length} failing: unable to retrieve the complete list of server APIs: ${undiscovered.join(', ')}`,
      'All resources successfully discovered',
    ),
    say(
      'NamespaceDeletionGroupVersionParsingFailure',
      false,
      'GroupVersionParsingFailed',
      'ParsedGroupVersions',
      '',
      'All legacy kube types successfully parsed',
    ),
    say(
      'NamespaceDeletionContentFailure',
      failures.length > 0,
      'ContentDeletionFailed',
      'ContentDeleted',
      failures.join(', '),
      'All content successfully deleted, may be waiting on finalization',
    ),
    say(
      'NamespaceContentRemaining',
      counts.length > 0,
      'SomeResourcesRemain',
      'ContentRemoved',
      `Some resources are remaining: ${counts.join(', ')}`,
      'All content successfully removed',
    ),
    say(
      'NamespaceFinalizersRemaining',
      finalizers.length > 0,
      'SomeFinalizersRemain',
      'ContentHasNoFinalizers',
      `Some content in the namespace has finalizers remaining: ${finalizers.join(', ')}`,
      'All content-preserving finalizers finished',
    ),
  ];
}

function name({ group, resource }: Resource): string {
  return group === '' ? `${resource}.` : `${resource}.${group}`;
}

/** It is being deleted, and waits for its contents to go. */
function isEmptying({ metadata, spec }: Stored<Namespace>): boolean {
  return metadata.deletionTimestamp !== undefined && (spec?.finalizers ?? []).includes('kubernetes');
}

/** Empties namespaces that are being deleted, pods strictly first, and then lets them go. */
export function startNamespaceController(options: ComponentOptions, kinds: KindSource): Component {
  const { client, informers, clock } = options;
  const all = informers.of(namespaces);

  async function empty(resource: Resource, namespace: string): Promise<Remainder | undefined> {
    const listed = await client.list<KubeObject>(resource, { namespace });
    if (listed.items.length === 0) return undefined;
    await client.raw('DELETE', resourcePath(resource, namespace), { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background' });
    const { items } = await client.list<KubeObject>(resource, { namespace });
    if (items.length === 0) return undefined;
    const finalizers = new Map<string, number>();
    for (const item of items) for (const finalizer of item.metadata.finalizers ?? []) finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1);
    return { resource, count: items.length, finalizers };
  }

  async function emptyAll(namespace: string): Promise<{ readonly left: readonly Remainder[]; readonly failures: readonly string[] }> {
    const failures: string[] = [];
    for (const group of deletionOrder(kinds.namespaced())) {
      const left: Remainder[] = [];
      for (const resource of group) {
        try {
          const rest = await empty(resource, namespace);
          if (rest !== undefined) left.push(rest);
        } catch (thrown) {
          const gone = thrown instanceof StatusError && (thrown.reason === 'NotFound' || thrown.reason === 'MethodNotAllowed');
          if (!gone) failures.push(thrown instanceof Error ? thrown.message : String(thrown));
        }
      }
      if (left.length > 0 || failures.length > 0) return { left, failures };
    }
    return { left: [], failures };
  }

  async function finalize(namespace: Stored<Namespace>): Promise<void> {
    const finalizers = (namespace.spec?.finalizers ?? []).filter((finalizer) => finalizer !== 'kubernetes');
    const body = { ...namespace, apiVersion: 'v1', kind: 'Namespace', spec: { ...namespace.spec, finalizers } };
    // The body is the namespace as it was read: plain JSON.
    await client.raw('PUT', resourcePath(namespaces, undefined, namespace.metadata.name, 'finalize'), body as unknown as JsonObject);
  }

  async function reconcile(key: string): Promise<Again | undefined> {
    const cached = all.get(key);
    if (cached === undefined || !isEmptying(cached)) return undefined;
    // The cache may still show the one that has gone while a new one of this name lives: what is in that is not ours to delete.
    const live = await client.get(namespaces, key);
    if (live.metadata.uid !== cached.metadata.uid || !isEmptying(live)) return undefined;
    // What was served when the namespace began to end may be newer than the last look.
    const undiscovered = await kinds.refresh();
    const { left, failures } = await emptyAll(key);
    const fresh = await client.get(namespaces, key);
    const conditions = deletionConditions(fresh.status?.conditions, left, failures, undiscovered, clock.now());
    const changed = conditions.some((condition) => fresh.status?.conditions?.find((each) => each.type === condition.type)?.message !== condition.message);
    const current = changed ? await client.updateStatus(namespaces, { ...fresh, status: { ...fresh.status, conditions } }) : fresh;
    if (left.length === 0 && failures.length === 0 && undiscovered.length === 0) {
      await finalize(current);
      return undefined;
    }
    return { afterMs: AGAIN_MS };
  }

  return startController(options, { name: 'namespace-controller', sources: [source(all, (namespace) => [namespace.metadata.name])], reconcile });
}
