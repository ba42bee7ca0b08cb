import type { Deployment, DeploymentStatus, ReplicaSet } from '../../api/gen/types/apps.v1.ts';
import type { Stored } from '../../machinery/object.ts';
import { type WorkloadCondition, withCondition, withoutCondition } from '../conditions.ts';
import { rollingBounds, type Sets, sum } from './scaling.ts';

export interface StatusInput {
  readonly deployment: Stored<Deployment>;
  readonly fresh: Stored<ReplicaSet> | undefined;
  readonly old: Sets;
  readonly collisions: number | undefined;
  readonly failure?: string | undefined;
  readonly nowMs: number;
}

/** Counts and conditions of a Deployment, and when the deadline for progress will have to be looked at again. */
export function decideStatus(input: StatusInput): { readonly status: DeploymentStatus; readonly againAfterMs?: number } {
  const { deployment, fresh, old, collisions, nowMs } = input;
  const all = fresh === undefined ? old : [fresh, ...old];
  const available = sum(all, (set) => set.status?.availableReplicas ?? 0);
  const replicas = sum(all, (set) => set.status?.replicas ?? 0);
  const wanted = deployment.spec?.replicas ?? 1;
  const counts: DeploymentStatus = {
    observedGeneration: deployment.metadata.generation ?? 0,
    replicas,
    updatedReplicas: fresh?.status?.replicas ?? 0,
    readyReplicas: sum(all, (set) => set.status?.readyReplicas ?? 0),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, Math.max(wanted, replicas) - available),
    terminatingReplicas: sum(all, (set) => set.status?.terminatingReplicas ?? 0),
    ...(collisions === undefined ? {} : { collisionCount: collisions }),
  };
  let conditions = availableCondition(deployment, available, wanted, nowMs);
  const progress = progressCondition(input, counts, conditions);
  conditions = progress.conditions;
  conditions = failureCondition(input, all, conditions);
  return {
    status: { ...counts, ...(conditions.length === 0 ? {} : { conditions }) },
    ...(progress.againAfterMs === undefined ? {} : { againAfterMs: progress.againAfterMs }),
  };
}

type Conditions = readonly WorkloadCondition[];

function availableCondition(deployment: Deployment, available: number, wanted: number, nowMs: number): Conditions {
  const enough = available >= wanted - rollingBounds(deployment).maxUnavailable;
  return withUpdateTime(
    deployment.status?.conditions,
    enough
      ? { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' }
      : { type: 'Available', status: 'False', reason: 'MinimumReplicasUnavailable', message: 'Deployment does not have minimum availability.' },
    nowMs,
  );
}

/** Complete: everything is of the new template, and everything wanted is available (upstream's `DeploymentComplete`). */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const wanted = deployment.spec?.replicas ?? 1;
  return status.updatedReplicas === wanted && status.replicas === wanted && status.availableReplicas === wanted;
}

function progressCondition(
  input: StatusInput,
  status: DeploymentStatus,
  conditions: Conditions,
): { readonly conditions: Conditions; readonly againAfterMs?: number } {
  const { deployment, fresh, nowMs } = input;
  const deadlineSeconds = deployment.spec?.progressDeadlineSeconds;
  // 2^31-1 means no deadline.
  if (deadlineSeconds === undefined || deadlineSeconds === 2 ** 31 - 1) return { conditions };
  const name = fresh?.metadata.name ?? '';
  const found = conditions.find((condition) => condition.type === 'Progressing');
  const set = (next: WorkloadCondition): Conditions => withUpdateTime(conditions, next, nowMs);
  if (deployment.spec?.paused === true) {
    if (found?.reason === 'DeploymentPaused') return { conditions };
    return { conditions: set({ type: 'Progressing', status: 'Unknown', reason: 'DeploymentPaused', message: 'Deployment is paused' }) };
  }
  if (isComplete(deployment, status)) {
    const message = `ReplicaSet ${JSON.stringify(name)} has successfully progressed.`;
    return { conditions: set({ type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable', message }) };
  }
  if (found === undefined) {
    return again(
      set({ type: 'Progressing', status: 'True', reason: 'NewReplicaSetCreated', message: `Created new replica set ${JSON.stringify(name)}` }),
      deadlineSeconds,
      nowMs,
      nowMs,
    );
  }
  if (progressed(deployment.status, status) || found.reason === 'DeploymentPaused') {
    const message = `ReplicaSet ${JSON.stringify(name)} is progressing.`;
    const others = conditions.filter((condition) => condition.type !== 'Progressing');
    const moved = { type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated', message };
    const kept = found.status === 'True' ? { ...found, ...moved } : moved;
    return again(withUpdateTime(others, kept, nowMs), deadlineSeconds, nowMs, nowMs);
  }
  if (found.reason === 'NewReplicaSetAvailable' || found.status === 'False') return { conditions };
  const sinceMs = Date.parse(found.lastUpdateTime ?? '') || nowMs;
  if (nowMs - sinceMs < deadlineSeconds * 1000) return again(conditions, deadlineSeconds, sinceMs, nowMs);
  const message = `ReplicaSet ${JSON.stringify(name)} has timed out progressing.`;
  return { conditions: set({ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message }) };
}

function again(
  conditions: Conditions,
  deadlineSeconds: number,
  sinceMs: number,
  nowMs: number,
): { readonly conditions: Conditions; readonly againAfterMs: number } {
  return { conditions, againAfterMs: Math.max(0, sinceMs + deadlineSeconds * 1000 - nowMs) + 1000 };
}

function progressed(before: DeploymentStatus | undefined, now: DeploymentStatus): boolean {
  const old = (status: DeploymentStatus | undefined): number => (status?.replicas ?? 0) - (status?.updatedReplicas ?? 0);
  return (
    (now.updatedReplicas ?? 0) > (before?.updatedReplicas ?? 0) ||
    (now.readyReplicas ?? 0) > (before?.readyReplicas ?? 0) ||
    (now.availableReplicas ?? 0) > (before?.availableReplicas ?? 0) ||
    old(now) < old(before)
  );
}

function failureCondition({ failure, nowMs }: StatusInput, sets: Sets, conditions: Conditions): Conditions {
  const ofSet = sets.flatMap((set) => set.status?.conditions ?? []).find((condition) => condition.type === 'ReplicaFailure' && condition.status === 'True');
  if (failure !== undefined)
    return withUpdateTime(conditions, { type: 'ReplicaFailure', status: 'True', reason: 'ReplicaSetCreateError', message: failure }, nowMs);
  if (ofSet === undefined) return withoutCondition(conditions, 'ReplicaFailure');
  return withUpdateTime(conditions, { type: 'ReplicaFailure', status: 'True', reason: ofSet.reason, message: ofSet.message }, nowMs);
}

/** As `withCondition`, with the lastUpdateTime that only Deployments have. */
function withUpdateTime(conditions: Conditions | undefined, condition: WorkloadCondition, nowMs: number): Conditions {
  const set = withCondition(conditions, condition, nowMs);
  if (set === conditions) return set;
  return set.map((each) =>
    each.type === condition.type && each.lastUpdateTime === condition.lastUpdateTime
      ? { ...each, lastUpdateTime: new Date(nowMs).toISOString().slice(0, 19) + 'Z' }
      : each,
  );
}
