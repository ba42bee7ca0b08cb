import type { ReplicaSet, ReplicaSetStatus } from '../api/gen/types/apps.v1.ts';
import type { Pod } from '../api/gen/types/core.v1.ts';
import { pods as podResource, replicaSets } from '../api/gen/resources.ts';
import { keyOf, splitKey } from '../client/cache.ts';
import type { Component, ComponentOptions } from '../client/component.ts';
import type { Again } from '../client/work-queue.ts';
import { matchesLabelSelector } from '../machinery/labels.ts';
import type { Stored } from '../machinery/object.ts';
import { StatusError } from '../machinery/status-error.ts';
import { sameJson, type WorkloadCondition, withCondition, withoutCondition } from './conditions.ts';
import { adoptable, adoptPatch, byController, CONTROLLER_INDEX, claim, controllerReference, ownerKey, releasePatch } from './owner.ts';
import { availability, deletionOrder, isPodActive, isPodReady, isPodTerminating, podFromTemplate } from './pods.ts';
import { source, startController } from '../client/controller.ts';
import { Expectations } from './runtime/expectations.ts';

/** At most so many pods are made or deleted in one pass. */
const BURST = 500;

export interface Snapshot {
  readonly set: Stored<ReplicaSet>;
  /** All pods that the set owns. */
  readonly pods: readonly Stored<Pod>[];
  readonly nowMs: number;
  /** Why the last attempt to make or delete a pod failed, if it did. */
  readonly failure?: { readonly reason: 'FailedCreate' | 'FailedDelete'; readonly message: string } | undefined;
}

export interface Plan {
  readonly create: number;
  readonly remove: readonly Stored<Pod>[];
}

/** How many pods to make, or which to delete. */
export function decidePods({ set, pods, nowMs }: Snapshot): Plan {
  if (set.metadata.deletionTimestamp !== undefined) return { create: 0, remove: [] };
  const active = pods.filter(isPodActive);
  const missing = (set.spec?.replicas ?? 1) - active.length;
  if (missing > 0) return { create: Math.min(missing, BURST), remove: [] };
  if (missing === 0) return { create: 0, remove: [] };
  return { create: 0, remove: active.toSorted(deletionOrder(nowMs)).slice(0, Math.min(-missing, BURST)) };
}

export interface StatusDecision {
  readonly status: ReplicaSetStatus;
  /** When a pod that is ready now will count as available. */
  readonly againAfterMs?: number;
}

export function decideStatus({ set, pods, nowMs, failure }: Snapshot): StatusDecision {
  const active = pods.filter(isPodActive);
  const labels = Object.entries(set.spec?.template?.metadata?.labels ?? {});
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  let available = 0;
  let againAfterMs: number | undefined;
  for (const pod of active) {
    const seen = availability(pod, minReadySeconds, nowMs);
    if (seen.available) available++;
    else if (seen.inMs !== undefined) againAfterMs = Math.min(againAfterMs ?? Number.POSITIVE_INFINITY, seen.inMs);
  }
  const old: readonly WorkloadCondition[] | undefined = set.status?.conditions;
  const conditions =
    failure === undefined ? withoutCondition(old, 'ReplicaFailure') : withCondition(old, { type: 'ReplicaFailure', status: 'True', ...failure }, nowMs);
  const status: ReplicaSetStatus = {
    replicas: active.length,
    fullyLabeledReplicas: active.filter((pod) => labels.every(([key, value]) => pod.metadata.labels?.[key] === value)).length,
    readyReplicas: active.filter(isPodReady).length,
    availableReplicas: available,
    terminatingReplicas: pods.filter(isPodTerminating).length,
    observedGeneration: set.metadata.generation ?? 0,
    ...(conditions.length === 0 ? {} : { conditions }),
  };
  return { status, ...(againAfterMs === undefined ? {} : { againAfterMs }) };
}

/** Zero is not printed for these, and absent is zero. */
function sameStatus(a: ReplicaSetStatus | undefined, b: ReplicaSetStatus): boolean {
  const filled = (status: ReplicaSetStatus | undefined): object => ({
    replicas: status?.replicas ?? 0,
    fullyLabeledReplicas: status?.fullyLabeledReplicas ?? 0,
    readyReplicas: status?.readyReplicas ?? 0,
    availableReplicas: status?.availableReplicas ?? 0,
    terminatingReplicas: status?.terminatingReplicas ?? 0,
    observedGeneration: status?.observedGeneration ?? 0,
    conditions: status?.conditions ?? [],
  });
  return sameJson(filled(a), filled(b));
}

/** Keeps as many pods as the set asks for. */
export function startReplicaSetController(options: ComponentOptions): Component {
  const { client, informers, clock } = options;
  const recorder = options.recorder.as('replicaset-controller');
  const sets = informers.of(replicaSets);
  const pods = informers.of(podResource, { indexes: byController });
  const expected = new Expectations(pods, clock);

  const setsThatMatch = (pod: Stored<Pod>): readonly string[] =>
    sets
      .list(pod.metadata.namespace)
      .filter((set) => matchesLabelSelector(set.spec?.selector, pod.metadata.labels))
      .map(keyOf);

  async function create(set: Stored<ReplicaSet>, key: string, count: number): Promise<void> {
    const pod = podFromTemplate(set.spec?.template ?? {}, set.metadata.namespace ?? '', controllerReference(replicaSets, set), {
      generateName: `${set.metadata.name}-`,
    });
    // One, then two, then four …: a template that is refused is refused once, not five hundred times.
    for (let done = 0, batch = 1; done < count; done += batch, batch = Math.min(batch * 2, count - done)) {
      await Promise.all(
        Array.from({ length: Math.min(batch, count - done) }, async () => {
          // Each by itself: one that is refused does not make the others forgotten.
          const made = await client.create(podResource, pod);
          expected.created(key, made);
          recorder.event(set, 'Normal', 'SuccessfulCreate', `Created pod: ${made.metadata.name}`);
        }),
      );
    }
  }

  async function remove(set: Stored<ReplicaSet>, key: string, doomed: readonly Stored<Pod>[]): Promise<void> {
    await Promise.all(
      doomed.map(async (pod) => {
        const { uid, name, namespace } = pod.metadata;
        expected.deleting(key, uid);
        try {
          await client.delete(podResource, name, namespace, { preconditions: { uid } });
          recorder.event(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
        } catch (thrown) {
          expected.withdraw(key, uid);
          if (!(thrown instanceof StatusError && thrown.reason === 'NotFound')) throw thrown;
        }
      }),
    );
  }

  async function act(set: Stored<ReplicaSet>, key: string, plan: Plan): Promise<Snapshot['failure']> {
    const reason = plan.create > 0 ? 'FailedCreate' : 'FailedDelete';
    try {
      if (plan.create > 0) await create(set, key, plan.create);
      if (plan.remove.length > 0) await remove(set, key, plan.remove);
      return undefined;
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      recorder.event(set, 'Warning', reason, `Error ${reason === 'FailedCreate' ? 'creating' : 'deleting'}: ${message}`);
      return { reason, message };
    }
  }

  async function reconcile(key: string): Promise<Again | undefined> {
    const { namespace, name } = splitKey(key);
    const set = sets.get(name, namespace);
    if (set === undefined) return undefined;
    const waitMs = expected.waitMs(key);
    if (waitMs !== undefined) return { afterMs: waitMs };
    const candidates = [
      ...pods.byIndex(CONTROLLER_INDEX, set.metadata.uid),
      ...pods.byIndex(CONTROLLER_INDEX, '').filter((pod) => pod.metadata.namespace === namespace),
    ];
    const claims = claim(set, candidates, (labels) => matchesLabelSelector(set.spec?.selector, labels));
    const patch = (pod: Stored<Pod>, body: Parameters<typeof client.patch>[2]): Promise<Stored<Pod>> =>
      client.patch(podResource, pod.metadata.name, body, { namespace });
    const adopt = await adoptable(client, replicaSets, set, claims.adopt.filter(isPodActive));
    const adopted = await Promise.all(adopt.map((pod) => patch(pod, { type: 'strategic', body: adoptPatch(replicaSets, set, pod) })));
    await Promise.all(claims.release.map((pod) => patch(pod, { type: 'strategic', body: releasePatch(set, pod) })));
    const snapshot: Snapshot = { set, pods: [...claims.kept, ...adopted], nowMs: clock.now() };
    const failure = await act(set, key, decidePods(snapshot));
    const { status, againAfterMs } = decideStatus({ ...snapshot, failure });
    if (!sameStatus(set.status, status)) await client.updateStatus(replicaSets, { ...set, status });
    if (failure !== undefined) throw new Error(failure.message);
    return againAfterMs === undefined ? undefined : { afterMs: againAfterMs };
  }

  const controller = startController(options, {
    name: 'replicaset-controller',
    sources: [
      source(sets, (set) => [keyOf(set)]),
      source(pods, (pod, previous) => {
        const owner = ownerKey('ReplicaSet', pod);
        const before = previous === undefined ? undefined : ownerKey('ReplicaSet', previous);
        const keys = owner !== undefined ? [owner] : setsThatMatch(pod);
        return before === undefined || before === owner ? keys : [...keys, before];
      }),
    ],
    reconcile,
  });
  return {
    name: controller.name,
    [Symbol.asyncDispose]: async () => {
      await controller[Symbol.asyncDispose]();
      expected[Symbol.dispose]();
    },
  };
}
