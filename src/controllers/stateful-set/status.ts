import type { StatefulSetStatus } from '../../api/gen/types/apps.v1.ts';
import { availability, isPodReady } from '../pods.ts';
import { firstOrdinal, ordinalOf, revisionOf, type Snapshot } from './plan.ts';

/** The counts of a StatefulSet. When everything runs the new revision, it becomes the current one. */
export function decideStatus(snapshot: Snapshot, collisions: number | undefined): StatefulSetStatus {
  const { set, pods, currentRevision, updateRevision, nowMs } = snapshot;
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  const alive = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const of = (revision: string): number => alive.filter((pod) => revisionOf(pod) === revision).length;
  const ready = pods.filter(isPodReady).length;
  const updated = of(updateRevision);
  const partition = set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  const done = updated === pods.length && ready === pods.length && pods.every((pod) => (ordinalOf(set, pod) ?? 0) >= firstOrdinal(set)) && partition === 0;
  return {
    observedGeneration: set.metadata.generation ?? 0,
    replicas: pods.length,
    readyReplicas: ready,
    availableReplicas: pods.filter((pod) => availability(pod, minReadySeconds, nowMs).available).length,
    currentReplicas: done ? updated : of(currentRevision),
    updatedReplicas: updated,
    currentRevision: done ? updateRevision : currentRevision,
    updateRevision,
    collisionCount: collisions ?? 0,
  };
}

const COUNTS = ['observedGeneration', 'replicas', 'readyReplicas', 'availableReplicas', 'currentReplicas', 'updatedReplicas', 'collisionCount'] as const;

/** Absent counts are zero. */
export function sameStatus(a: StatefulSetStatus | undefined, b: StatefulSetStatus): boolean {
  return COUNTS.every((count) => (a?.[count] ?? 0) === (b[count] ?? 0)) && a?.currentRevision === b.currentRevision && a?.updateRevision === b.updateRevision;
}
