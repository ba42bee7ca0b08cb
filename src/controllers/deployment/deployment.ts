import type { Deployment, DeploymentStatus, ReplicaSet } from '../../api/gen/types/apps.v1.ts';
import { deployments, pods as podResource, replicaSets } from '../../api/gen/resources.ts';
import { keyOf, splitKey } from '../../client/cache.ts';
import type { Component, ComponentOptions } from '../../client/component.ts';
import type { Again } from '../../client/work-queue.ts';
import { matchesLabelSelector } from '../../machinery/labels.ts';
import type { Stored } from '../../machinery/object.ts';
import { StatusError } from '../../machinery/status-error.ts';
import { sameJson } from '../conditions.ts';
import { adoptable, adoptPatch, byController, CONTROLLER_INDEX, claim, controllerOf, controllerReference, ownerKey, releasePatch } from '../owner.ts';
import { source, startController } from '../../client/controller.ts';
import { sameTemplate, TEMPLATE_HASH_LABEL, templateHash } from '../template-hash.ts';
import { currentSet, desiredAnnotation, historyToDelete, newSetAnnotations, REVISION, revisionOf } from './history.ts';
import { newestFirst, oldestFirst, proportional, rollingBounds, rollingStep, type Sets, type Sizes, specReplicas, sum } from './scaling.ts';
import { decideStatus } from './status.ts';

export interface Snapshot {
  readonly deployment: Stored<Deployment>;
  /** Every set that the deployment owns. */
  readonly sets: Sets;
  /** Pods of these sets that still run, the terminating ones included (Recreate waits for them). */
  readonly oldPodsLeft: boolean;
}

export type Decision =
  | { readonly do: 'nothing' }
  /** The first step of a rollout; `replicas` for the new set. */
  | { readonly do: 'create'; readonly replicas: number }
  | { readonly do: 'resize'; readonly sizes: Sizes };

export function split(deployment: Deployment, sets: Sets): { readonly fresh: Stored<ReplicaSet> | undefined; readonly old: Sets } {
  // Several may match after an upgrade of the defaults: the oldest is the one that users have seen.
  const fresh = sets.toSorted(oldestFirst).find((set) => sameTemplate(set.spec?.template, deployment.spec?.template));
  return { fresh, old: sets.filter((set) => set !== fresh) };
}

/** The next step towards the deployment's template and size. Pure; each step is repeated from what the cache then shows. */
export function decide({ deployment, sets, oldPodsLeft }: Snapshot): Decision {
  if (deployment.metadata.deletionTimestamp !== undefined) return { do: 'nothing' };
  const { fresh, old } = split(deployment, sets);
  const wanted = deployment.spec?.replicas ?? 1;
  const active = sets.filter((set) => specReplicas(set) > 0);
  const paused = deployment.spec?.paused === true;
  if (paused || isScaling(deployment, active)) {
    const sizes = scale(deployment, fresh, old, active);
    if (sizes.size > 0 || paused) return resize(sizes);
  }
  if (deployment.spec?.strategy?.type === 'Recreate') {
    const shrink = new Map(old.filter((set) => specReplicas(set) > 0).map((set) => [set.metadata.uid, 0]));
    if (shrink.size > 0) return resize(shrink);
    if (oldPodsLeft) return { do: 'nothing' };
    if (fresh === undefined) return { do: 'create', replicas: wanted };
    return resize(specReplicas(fresh) === wanted ? new Map() : new Map([[fresh.metadata.uid, wanted]]));
  }
  if (fresh === undefined) {
    const room = wanted + rollingBounds(deployment).maxSurge - sum(old, specReplicas);
    return { do: 'create', replicas: Math.max(0, Math.min(room, wanted)) };
  }
  return resize(rollingStep(deployment, fresh, old));
}

function resize(sizes: Sizes): Decision {
  return sizes.size === 0 ? { do: 'nothing' } : { do: 'resize', sizes };
}

/** Somebody has resized the deployment: a set with pods remembers another size. */
function isScaling(deployment: Deployment, active: Sets): boolean {
  return active.some((set) => remembersOther(deployment, set));
}

function remembersOther(deployment: Deployment, set: ReplicaSet): boolean {
  const remembered = desiredAnnotation(set);
  return remembered !== undefined && remembered.desired !== (deployment.spec?.replicas ?? 1);
}

/** Names every set whose size changes, and those that keep theirs and remember another size of the deployment: it is written with the set's own. */
function scale(deployment: Deployment, fresh: Stored<ReplicaSet> | undefined, old: Sets, active: Sets): Sizes {
  const wanted = deployment.spec?.replicas ?? 1;
  const changed = (sizes: Sizes): Sizes =>
    new Map(
      active.flatMap((set) => {
        const size = sizes.get(set.metadata.uid);
        return size !== undefined && (size !== specReplicas(set) || remembersOther(deployment, set)) ? [[set.metadata.uid, size]] : [];
      }),
    );
  const only = active.length === 1 ? active[0] : active.length === 0 ? (fresh ?? old.toSorted(newestFirst)[0]) : undefined;
  if (only !== undefined) return specReplicas(only) === wanted && !remembersOther(deployment, only) ? new Map() : new Map([[only.metadata.uid, wanted]]);
  if (deployment.spec?.strategy?.type === 'Recreate') return new Map();
  const saturated = fresh !== undefined && specReplicas(fresh) === wanted && fresh.status?.availableReplicas === wanted;
  if (saturated) return new Map(old.filter((set) => specReplicas(set) > 0).map((set) => [set.metadata.uid, 0]));
  return changed(proportional(deployment, active, (set) => desiredAnnotation(set)?.max));
}

const COUNTS = [
  'replicas',
  'updatedReplicas',
  'readyReplicas',
  'availableReplicas',
  'unavailableReplicas',
  'terminatingReplicas',
  'observedGeneration',
  'collisionCount',
] as const;

function sameStatus(a: DeploymentStatus | undefined, b: DeploymentStatus): boolean {
  return COUNTS.every((count) => (a?.[count] ?? 0) === (b[count] ?? 0)) && sameJson(a?.conditions ?? [], b.conditions ?? []);
}

/** Moves each deployment towards its template: rolling or recreating, step by step, with its history. */
export function startDeploymentController(options: ComponentOptions): Component {
  const { client, informers, clock } = options;
  const recorder = options.recorder.as('deployment-controller');
  const all = informers.of(deployments);
  const sets = informers.of(replicaSets, { indexes: byController });
  const pods = informers.of(podResource, { indexes: byController });

  async function owned(deployment: Stored<Deployment>): Promise<Sets> {
    const namespace = deployment.metadata.namespace;
    const candidates = [
      ...sets.byIndex(CONTROLLER_INDEX, deployment.metadata.uid),
      ...sets.byIndex(CONTROLLER_INDEX, '').filter((set) => set.metadata.namespace === namespace),
    ];
    const claims = claim(deployment, candidates, (labels) => matchesLabelSelector(deployment.spec?.selector, labels));
    const patch = (set: Stored<ReplicaSet>, body: ReturnType<typeof adoptPatch> | ReturnType<typeof releasePatch>): Promise<Stored<ReplicaSet>> =>
      client.patch(replicaSets, set.metadata.name, { type: 'strategic', body }, { namespace });
    const adopt = await adoptable(client, deployments, deployment, claims.adopt);
    const adopted = await Promise.all(adopt.map((set) => patch(set, adoptPatch(deployments, deployment, set))));
    await Promise.all(claims.release.map((set) => patch(set, releasePatch(deployment, set))));
    return [...claims.kept, ...adopted];
  }

  const oldPodsLeft = (old: Sets): boolean =>
    old.some((set) => pods.byIndex(CONTROLLER_INDEX, set.metadata.uid).some((pod) => pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed'));

  /** Makes the new set; on a clash of names, either finds it to be ours or counts a collision. */
  async function createSet(deployment: Stored<Deployment>, old: Sets, replicas: number): Promise<number | undefined> {
    const collisions = deployment.status?.collisionCount;
    const hash = templateHash(deployment.spec?.template, collisions ?? 0);
    const name = `${deployment.metadata.name}-${hash}`;
    const labels = { ...deployment.spec?.template?.metadata?.labels, [TEMPLATE_HASH_LABEL]: hash };
    const revision = Math.max(0, ...old.map(revisionOf)) + 1;
    const set: ReplicaSet = {
      metadata: {
        name,
        ...(deployment.metadata.namespace === undefined ? {} : { namespace: deployment.metadata.namespace }),
        labels,
        annotations: newSetAnnotations(deployment, revision, rollingBounds(deployment)),
        ownerReferences: [controllerReference(deployments, deployment)],
      },
      spec: {
        replicas,
        minReadySeconds: deployment.spec?.minReadySeconds,
        selector: { ...deployment.spec?.selector, matchLabels: { ...deployment.spec?.selector?.matchLabels, [TEMPLATE_HASH_LABEL]: hash } },
        template: { ...deployment.spec?.template, metadata: { ...deployment.spec?.template?.metadata, labels } },
      },
    };
    try {
      await client.create(replicaSets, set);
      recorder.event(deployment, 'Normal', 'ScalingReplicaSet', `Scaled up replica set ${name} from 0 to ${replicas}`);
      return collisions;
    } catch (thrown) {
      if (!(thrown instanceof StatusError && thrown.reason === 'AlreadyExists')) throw thrown;
      const found = await client.get(replicaSets, name, deployment.metadata.namespace);
      if (controllerOf(found)?.uid === deployment.metadata.uid && sameTemplate(found.spec?.template, deployment.spec?.template)) return collisions;
      return (collisions ?? 0) + 1;
    }
  }

  async function resizeSet(deployment: Stored<Deployment>, set: Stored<ReplicaSet>, size: number): Promise<void> {
    const before = specReplicas(set);
    const annotations = { ...set.metadata.annotations, ...desired(deployment) };
    await client.update(replicaSets, {
      ...set,
      metadata: { ...set.metadata, annotations },
      spec: { ...set.spec, selector: set.spec?.selector ?? {}, replicas: size },
    });
    const direction = size > before ? 'up' : 'down';
    if (size !== before)
      recorder.event(deployment, 'Normal', 'ScalingReplicaSet', `Scaled ${direction} replica set ${set.metadata.name} from ${before} to ${size}`);
  }

  const desired = (deployment: Deployment): Record<string, string> => {
    const wanted = deployment.spec?.replicas ?? 1;
    return {
      'deployment.kubernetes.io/desired-replicas': String(wanted),
      'deployment.kubernetes.io/max-replicas': String(wanted + rollingBounds(deployment).maxSurge),
    };
  };

  async function annotate(deployment: Stored<Deployment>, fresh: Stored<ReplicaSet> | undefined, old: Sets): Promise<Stored<Deployment>> {
    if (fresh === undefined) return deployment;
    const next = currentSet(deployment, fresh, old, desired(deployment));
    if (next !== undefined) await client.update(replicaSets, next);
    const revision = (next ?? fresh).metadata.annotations?.[REVISION] ?? '';
    if (deployment.metadata.annotations?.[REVISION] === revision) return deployment;
    // By way of the status: through the object itself the annotation would count as a new generation.
    return client.updateStatus(deployments, {
      ...deployment,
      metadata: { ...deployment.metadata, annotations: { ...deployment.metadata.annotations, [REVISION]: revision } },
    });
  }

  async function reconcile(key: string): Promise<Again | undefined> {
    const { namespace, name } = splitKey(key);
    const found = all.get(name, namespace);
    if (found === undefined) return undefined;
    const sets = await owned(found);
    const { fresh, old } = split(found, sets);
    const deployment = found.metadata.deletionTimestamp === undefined ? await annotate(found, fresh, old) : found;
    const decision = decide({ deployment, sets, oldPodsLeft: oldPodsLeft(old) });
    let collisions = deployment.status?.collisionCount;
    let failure: string | undefined;
    try {
      if (decision.do === 'create') collisions = await createSet(deployment, old, decision.replicas);
      if (decision.do === 'resize') {
        for (const set of sets) {
          const size = decision.sizes.get(set.metadata.uid);
          if (size !== undefined) await resizeSet(deployment, set, size);
        }
      }
    } catch (thrown) {
      if (!(thrown instanceof StatusError) || thrown.reason === 'Conflict') throw thrown;
      failure = thrown.message;
    }
    for (const doomed of historyToDelete(deployment, old)) await client.delete(replicaSets, doomed.metadata.name, namespace);
    const { status, againAfterMs } = decideStatus({ deployment, fresh, old, collisions, failure, nowMs: clock.now() });
    if (!sameStatus(deployment.status, status)) await client.updateStatus(deployments, { ...deployment, status });
    if (failure !== undefined) throw new Error(failure);
    return againAfterMs === undefined ? undefined : { afterMs: againAfterMs };
  }

  return startController(options, {
    name: 'deployment-controller',
    sources: [
      source(all, (deployment) => [keyOf(deployment)]),
      source(sets, (set, previous) => {
        const owner = ownerKey('Deployment', set);
        const before = previous === undefined ? undefined : ownerKey('Deployment', previous);
        const orphan = all
          .list(set.metadata.namespace)
          .filter((each) => matchesLabelSelector(each.spec?.selector, set.metadata.labels))
          .map(keyOf);
        return [...(owner === undefined ? orphan : [owner]), ...(before === undefined || before === owner ? [] : [before])];
      }),
      // Recreate goes on when the last old pod has gone.
      source(pods, (pod, previous) => {
        const gone = previous === undefined || pod.status?.phase !== previous.status?.phase;
        const set = controllerOf(pod)?.kind === 'ReplicaSet' && gone ? sets.get(controllerOf(pod)?.name ?? '', pod.metadata.namespace) : undefined;
        const owner = set === undefined ? undefined : ownerKey('Deployment', set);
        return owner === undefined ? [] : [owner];
      }),
    ],
    reconcile,
  });
}
