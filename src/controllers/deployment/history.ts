import type { Deployment, ReplicaSet } from '../../api/gen/types/apps.v1.ts';
import type { Stored } from '../../machinery/object.ts';
import type { Bounds, Sets } from './scaling.ts';
import { oldestFirst, specReplicas } from './scaling.ts';

export const REVISION = 'deployment.kubernetes.io/revision';
const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
const DESIRED = 'deployment.kubernetes.io/desired-replicas';
const MAX = 'deployment.kubernetes.io/max-replicas';

/** Annotations of a deployment that its sets do not take over (upstream's list). */
const NOT_COPIED: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  REVISION_HISTORY,
  DESIRED,
  MAX,
  'deprecated.deployment.rollback.to',
]);

export function revisionOf(set: ReplicaSet): number {
  const revision = Number(set.metadata?.annotations?.[REVISION]);
  return Number.isInteger(revision) ? revision : 0;
}

/** The deployment's size that the set was last given its own size for. */
export function desiredAnnotation(set: ReplicaSet): { readonly desired: number; readonly max: number } | undefined {
  const desired = set.metadata?.annotations?.[DESIRED];
  if (desired === undefined) return undefined;
  return { desired: Number(desired), max: Number(set.metadata?.annotations?.[MAX] ?? desired) };
}

const copied = ({ metadata }: Deployment): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(metadata?.annotations ?? {}).filter(([key]) => !NOT_COPIED.has(key)));

export function newSetAnnotations(deployment: Deployment, revision: number, { maxSurge }: Bounds): Readonly<Record<string, string>> {
  const wanted = deployment.spec?.replicas ?? 1;
  return { ...copied(deployment), [REVISION]: String(revision), [DESIRED]: String(wanted), [MAX]: String(wanted + maxSurge) };
}

/**
 * The current set as it should be: with the deployment's annotations and `minReadySeconds`, the highest revision, the old one noted when it
 * came back by a rollback, and the size it was last given. Undefined when it is so.
 */
export function currentSet(
  deployment: Deployment,
  fresh: Stored<ReplicaSet>,
  old: Sets,
  desired: Readonly<Record<string, string>>,
): Stored<ReplicaSet> | undefined {
  const highest = Math.max(0, ...old.map(revisionOf)) + 1;
  const now = fresh.metadata.annotations ?? {};
  const next: Record<string, string> = { ...now, ...copied(deployment) };
  if (revisionOf(fresh) < highest) {
    next[REVISION] = String(highest);
    const before = now[REVISION];
    if (before !== undefined) next[REVISION_HISTORY] = [...(now[REVISION_HISTORY] ?? '').split(',').filter((each) => each !== ''), before].join(',');
  }
  // The size is noted only together with the size itself, else a resize would go unseen.
  if (now[DESIRED] === undefined) Object.assign(next, desired);
  const { minReadySeconds = 0 } = deployment.spec ?? {};
  const isSame = Object.keys(next).every((key) => next[key] === now[key]) && (fresh.spec?.minReadySeconds ?? 0) === minReadySeconds;
  if (isSame) return undefined;
  return { ...fresh, metadata: { ...fresh.metadata, annotations: next }, spec: { ...fresh.spec, selector: fresh.spec?.selector ?? {}, minReadySeconds } };
}

/** Old, empty sets beyond the history limit, oldest revision first. Nothing while the deployment is going away. */
export function historyToDelete(deployment: Stored<Deployment>, old: Sets): Sets {
  const limit = deployment.spec?.revisionHistoryLimit ?? 10;
  if (deployment.metadata.deletionTimestamp !== undefined) return [];
  const empty = old.filter(
    (set) =>
      specReplicas(set) === 0 &&
      (set.status?.replicas ?? 0) === 0 &&
      set.metadata.deletionTimestamp === undefined &&
      (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0),
  );
  const surplus = empty.length - limit;
  if (surplus <= 0) return [];
  return empty.toSorted((a, b) => revisionOf(a) - revisionOf(b) || oldestFirst(a, b)).slice(0, surplus);
}
