import type { ControllerRevision, StatefulSet } from '../../api/gen/types/apps.v1.ts';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { controllerRevisions, persistentVolumeClaims, pods as podResource, statefulSets } from '../../api/gen/resources.ts';
import { keyOf, splitKey } from '../../client/cache.ts';
import type { Component, ComponentOptions } from '../../client/component.ts';
import type { Again } from '../../client/work-queue.ts';
import { matchesLabelSelector } from '../../machinery/labels.ts';
import type { Stored } from '../../machinery/object.ts';
import { StatusError } from '../../machinery/status-error.ts';
import { adoptable, adoptPatch, byController, CONTROLLER_INDEX, claim, ownerKey, releasePatch } from '../owner.ts';
import { source, startController } from '../../client/controller.ts';
import { Expectations } from '../runtime/expectations.ts';
import { claimName, claimsOf, deletesScaledClaims, isClaimOf, ownersOfClaim, podOf } from './identity.ts';
import { decide, ordinalOf, pendingOrdinals, revisionOf, type Snapshot, type Step } from './plan.ts';
import { historyToDelete, planRevision, templateOf } from './revisions.ts';
import { decideStatus, sameStatus } from './status.ts';

const ignore = async (reason: 'NotFound' | 'AlreadyExists', work: Promise<unknown>): Promise<boolean> => {
  try {
    await work;
    return true;
  } catch (thrown) {
    if (thrown instanceof StatusError && thrown.reason === reason) return false;
    throw thrown;
  }
};

/** Gives each ordinal a pod and volumes of its own, in order, and keeps them for good. */
export function startStatefulSetController(options: ComponentOptions): Component {
  const { client, informers, clock } = options;
  const recorder = options.recorder.as('statefulset-controller');
  const all = informers.of(statefulSets);
  const pods = informers.of(podResource, { indexes: byController });
  const revisions = informers.of(controllerRevisions, { indexes: byController });
  const claims = informers.of(persistentVolumeClaims);
  const expected = new Expectations(pods, clock);

  async function ownedPods(set: Stored<StatefulSet>): Promise<readonly Stored<Pod>[]> {
    const namespace = set.metadata.namespace;
    const orphans = pods.byIndex(CONTROLLER_INDEX, '').filter((pod) => pod.metadata.namespace === namespace && ordinalOf(set, pod) !== undefined);
    const candidates = [...pods.byIndex(CONTROLLER_INDEX, set.metadata.uid), ...orphans];
    const { kept, adopt, release } = claim(set, candidates, (labels) => matchesLabelSelector(set.spec?.selector, labels));
    const patch = (pod: Stored<Pod>, body: ReturnType<typeof adoptPatch> | ReturnType<typeof releasePatch>): Promise<Stored<Pod>> =>
      client.patch(podResource, pod.metadata.name, { type: 'strategic', body }, { namespace });
    const orphansToTake = await adoptable(client, statefulSets, set, adopt);
    const adopted = await Promise.all(orphansToTake.map((pod) => patch(pod, adoptPatch(statefulSets, set, pod))));
    await Promise.all(release.map((pod) => patch(pod, releasePatch(set, pod))));
    return [...kept, ...adopted];
  }

  /** The revision of the set's template, made or made the newest when needed. */
  async function updateRevision(set: Stored<StatefulSet>, known: readonly Stored<ControllerRevision>[]): Promise<Stored<ControllerRevision>> {
    const plan = planRevision(set, known);
    if (plan.do === 'use') return plan.update;
    if (plan.do === 'renumber') return client.update(controllerRevisions, { ...plan.update, revision: plan.revision });
    try {
      return await client.create(controllerRevisions, plan.revision);
    } catch (thrown) {
      if (!(thrown instanceof StatusError && thrown.reason === 'AlreadyExists')) throw thrown;
      const found = await client.get(controllerRevisions, plan.revision.metadata?.name ?? '', set.metadata.namespace);
      // The cache was behind: it is ours. Anything else has the same hash by chance, and is counted.
      if (found.metadata.ownerReferences?.some(({ uid }) => uid === set.metadata.uid) === true) return found;
      await client.updateStatus(statefulSets, {
        ...set,
        status: { ...set.status, replicas: set.status?.replicas ?? 0, collisionCount: (set.status?.collisionCount ?? 0) + 1 },
      });
      throw thrown;
    }
  }

  async function createClaims(set: Stored<StatefulSet>, ordinal: number): Promise<void> {
    for (const each of claimsOf(set, ordinal)) {
      if (claims.get(each.metadata?.name ?? '', set.metadata.namespace) !== undefined) continue;
      const made = await ignore('AlreadyExists', client.create(persistentVolumeClaims, each));
      if (made)
        recorder.event(
          set,
          'Normal',
          'SuccessfulCreate',
          `create Claim ${each.metadata?.name} Pod ${set.metadata.name}-${ordinal} in StatefulSet ${set.metadata.name} success`,
        );
    }
  }

  async function createPod(
    set: Stored<StatefulSet>,
    key: string,
    step: Step & { readonly do: 'create' },
    known: readonly Stored<ControllerRevision>[],
  ): Promise<void> {
    await createClaims(set, step.ordinal);
    const revision = known.find((each) => each.metadata.name === step.revision);
    const template = revision === undefined ? set.spec?.template : templateOf(revision);
    const pod = podOf(set, template ?? {}, step.ordinal, step.revision);
    const name = pod.metadata?.name ?? '';
    try {
      expected.created(key, await client.create(podResource, pod));
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      recorder.event(set, 'Warning', 'FailedCreate', `create Pod ${name} in StatefulSet ${set.metadata.name} failed error: ${message}`);
      throw thrown;
    }
    recorder.event(set, 'Normal', 'SuccessfulCreate', `create Pod ${name} in StatefulSet ${set.metadata.name} successful`);
  }

  async function deletePod(set: Stored<StatefulSet>, key: string, step: Step & { readonly do: 'delete' }): Promise<void> {
    const { uid, name, namespace } = step.pod.metadata;
    expected.deleting(key, uid);
    try {
      await client.delete(podResource, name, namespace, { preconditions: { uid } });
    } catch (thrown) {
      expected.withdraw(key, uid);
      if (thrown instanceof StatusError && thrown.reason === 'NotFound') return;
      throw thrown;
    }
    recorder.event(set, 'Normal', 'SuccessfulDelete', `delete Pod ${name} in StatefulSet ${set.metadata.name} successful`);
  }

  async function deleteScaledClaims(set: Stored<StatefulSet>, step: Step & { readonly do: 'delete' }): Promise<void> {
    const ordinal = ordinalOf(set, step.pod);
    if (step.why !== 'scale' || ordinal === undefined || !deletesScaledClaims(set)) return;
    // The claim's own protection keeps it until the pod has gone.
    for (const template of set.spec?.volumeClaimTemplates ?? []) {
      await ignore('NotFound', client.delete(persistentVolumeClaims, claimName(set, template, ordinal), set.metadata.namespace));
    }
  }

  /** Whether claims go with the set may be changed while they live: theirs is what the set says now. */
  async function keepRetention(set: Stored<StatefulSet>): Promise<void> {
    if ((set.spec?.volumeClaimTemplates ?? []).length === 0) return;
    for (const each of claims.list(set.metadata.namespace)) {
      const ownerReferences = ownersOfClaim(set, each);
      if (ownerReferences !== undefined) await client.update(persistentVolumeClaims, { ...each, metadata: { ...each.metadata, ownerReferences } });
    }
  }

  async function reconcile(key: string): Promise<Again | undefined> {
    const { namespace, name } = splitKey(key);
    const set = all.get(name, namespace);
    if (set === undefined) return undefined;
    const waitMs = expected.waitMs(key);
    if (waitMs !== undefined) return { afterMs: waitMs };
    const owned = await ownedPods(set);
    if (set.metadata.deletionTimestamp !== undefined) return undefined;
    await keepRetention(set);
    const cached = revisions.byIndex(CONTROLLER_INDEX, set.metadata.uid);
    const update = await updateRevision(set, cached);
    const known = [...cached.filter((each) => each.metadata.uid !== update.metadata.uid), update];
    const current = known.find((each) => each.metadata.name === set.status?.currentRevision) ?? update;
    const snapshot: Snapshot = { set, pods: owned, currentRevision: current.metadata.name, updateRevision: update.metadata.name, nowMs: clock.now() };
    const plan = decide(snapshot);
    const status = decideStatus(snapshot, set.status?.collisionCount);
    if (!sameStatus(set.status, status)) await client.updateStatus(statefulSets, { ...set, status: { ...set.status, ...status } });
    await Promise.all(
      plan.steps.map(async (step) => {
        if (step.do === 'create') return createPod(set, key, step, known);
        await deletePod(set, key, step);
        await deleteScaledClaims(set, step);
      }),
    );
    // A claim that was deleted when its pod was made is gone by now, and the pod can't be placed without one.
    await Promise.all(pendingOrdinals(snapshot).map((ordinal) => createClaims(set, ordinal)));
    const inUse = new Set([snapshot.currentRevision, snapshot.updateRevision, ...owned.map(revisionOf)]);
    for (const old of historyToDelete(set, known, inUse)) await ignore('NotFound', client.delete(controllerRevisions, old.metadata.name, namespace));
    return plan.againAfterMs === undefined ? undefined : { afterMs: plan.againAfterMs };
  }

  const controller = startController(options, {
    name: 'statefulset-controller',
    sources: [
      source(all, (set) => [keyOf(set)]),
      source(pods, (pod) => {
        const owner = ownerKey('StatefulSet', pod);
        if (owner !== undefined) return [owner];
        return all
          .list(pod.metadata.namespace)
          .filter((set) => ordinalOf(set, pod) !== undefined)
          .map(keyOf);
      }),
      source(claims, (each) =>
        all
          .list(each.metadata.namespace)
          .filter((set) => isClaimOf(set, each.metadata.name))
          .map(keyOf),
      ),
      source(revisions, (revision) => {
        const owner = ownerKey('StatefulSet', revision);
        return owner === undefined ? [] : [owner];
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
