import type { StatefulSet } from '../../api/gen/types/apps.v1.ts';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { Stored } from '../../machinery/object.ts';
import { availability, isPodReady } from '../pods.ts';

export const REVISION_LABEL = 'controller-revision-hash';

export interface Snapshot {
  readonly set: Stored<StatefulSet>;
  /** All pods that the set owns. */
  readonly pods: readonly Stored<Pod>[];
  /** Names of the revision that runs and of the one that is being rolled out (the same when nothing is). */
  readonly currentRevision: string;
  readonly updateRevision: string;
  readonly nowMs: number;
}

export type Step =
  | { readonly do: 'create'; readonly ordinal: number; readonly revision: string }
  | { readonly do: 'delete'; readonly pod: Stored<Pod>; readonly why: 'scale' | 'update' | 'ended' };

export interface Plan {
  readonly steps: readonly Step[];
  /** When a pod that is ready now will count as available. */
  readonly againAfterMs?: number;
}

/** The number at the end of a pod's name; undefined for a name that the set would not give. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const match = /^(.*)-(\d+)$/.exec(pod.metadata?.name ?? '');
  return match !== null && match[1] === set.metadata?.name ? Number(match[2]) : undefined;
}

export function firstOrdinal(set: StatefulSet): number {
  return set.spec?.ordinals?.start ?? 0;
}

const isTerminating = (pod: Pod): boolean => pod.metadata?.deletionTimestamp !== undefined;
const hasEnded = (pod: Pod): boolean => pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded';
export const revisionOf = (pod: Pod): string => pod.metadata?.labels?.[REVISION_LABEL] ?? '';

/** With which revision a pod that is missing is made again. */
function revisionFor({ set, currentRevision, updateRevision }: Snapshot, ordinal: number): string {
  if (currentRevision === updateRevision || set.spec?.updateStrategy?.type === 'OnDelete') return updateRevision;
  const partition = set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  return ordinal < firstOrdinal(set) + partition ? currentRevision : updateRevision;
}

/**
 * What to do next. Ordered: one pod at a time, from the lowest ordinal up, from the highest down, and nothing beyond a pod that is
 * not available yet. Parallel: all that are missing or too many at once. Updates go from the highest ordinal down, one at a time.
 */
export function decide(snapshot: Snapshot): Plan {
  const { set, nowMs } = snapshot;
  if (set.metadata.deletionTimestamp !== undefined) return { steps: [] };
  const ordered = set.spec?.podManagementPolicy !== 'Parallel';
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  const { kept, condemned } = byOrdinal(snapshot);
  const steps: Step[] = [];
  let againAfterMs: number | undefined;
  const plan = (): Plan => ({ steps, ...(againAfterMs === undefined ? {} : { againAfterMs }) });
  const available = (pod: Pod): boolean => {
    const seen = availability(pod, minReadySeconds, nowMs);
    if (seen.inMs !== undefined) againAfterMs = Math.min(againAfterMs ?? Number.POSITIVE_INFINITY, seen.inMs);
    return seen.available && !isTerminating(pod);
  };

  for (const { ordinal, pod } of kept) {
    if (pod === undefined) steps.push({ do: 'create', ordinal, revision: revisionFor(snapshot, ordinal) });
    else if (hasEnded(pod) && !isTerminating(pod)) steps.push({ do: 'delete', pod, why: 'ended' });
    else if (available(pod)) continue;
    // Whatever was done or is waited for: an ordered set goes no further.
    if (ordered) return plan();
  }
  for (const pod of condemned) {
    if (!isTerminating(pod)) steps.push({ do: 'delete', pod, why: 'scale' });
    if (ordered) return plan();
  }
  if (steps.length > 0 || set.spec?.updateStrategy?.type === 'OnDelete') return plan();
  return {
    ...plan(),
    steps: updateSteps(
      snapshot,
      kept.flatMap(({ pod }) => pod ?? []),
    ),
  };
}

function byOrdinal({ set, pods }: Snapshot): {
  readonly kept: readonly { readonly ordinal: number; readonly pod: Stored<Pod> | undefined }[];
  readonly condemned: readonly Stored<Pod>[];
} {
  const first = firstOrdinal(set);
  const replicas = set.spec?.replicas ?? 1;
  const found = new Map(pods.map((pod) => [ordinalOf(set, pod) ?? -1, pod]));
  const kept = Array.from({ length: replicas }, (_, i) => ({ ordinal: first + i, pod: found.get(first + i) }));
  const condemned = [...found]
    .filter(([ordinal]) => ordinal >= 0 && (ordinal < first || ordinal >= first + replicas))
    .toSorted(([a], [b]) => b - a)
    .map(([, pod]) => pod);
  return { kept, condemned };
}

/** Of the pods that wait, as upstream: they may lack a claim. */
export function pendingOrdinals({ set, pods }: Snapshot): readonly number[] {
  const waiting = pods.filter((pod) => !isTerminating(pod) && (pod.status?.phase ?? 'Pending') === 'Pending');
  return waiting.flatMap((pod) => ordinalOf(set, pod) ?? []);
}

function updateSteps({ set, updateRevision }: Snapshot, pods: readonly Stored<Pod>[]): readonly Step[] {
  const partition = firstOrdinal(set) + (set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0);
  for (const pod of pods.toReversed()) {
    if ((ordinalOf(set, pod) ?? 0) < partition) return [];
    if (isTerminating(pod)) return [];
    if (revisionOf(pod) !== updateRevision) return [{ do: 'delete', pod, why: 'update' }];
    if (!isPodReady(pod)) return [];
  }
  return [];
}
