import type { Deployment, ReplicaSet } from '../../api/gen/types/apps.v1.ts';
import type { Stored } from '../../machinery/object.ts';

/** How many pods more than wanted, and how many fewer, a rolling update may have: percentages of `replicas`, rounded as upstream does. */
export interface Bounds {
  readonly maxSurge: number;
  readonly maxUnavailable: number;
}

export function rollingBounds(deployment: Deployment): Bounds {
  const replicas = deployment.spec?.replicas ?? 1;
  if (deployment.spec?.strategy?.type === 'Recreate') return { maxSurge: 0, maxUnavailable: 0 };
  const rolling = deployment.spec?.strategy?.rollingUpdate;
  const maxSurge = resolve(rolling?.maxSurge ?? '25%', replicas, Math.ceil);
  const maxUnavailable = Math.min(resolve(rolling?.maxUnavailable ?? '25%', replicas, Math.floor), replicas);
  // Both zero would never move; upstream then allows one to be missing.
  return maxSurge === 0 && maxUnavailable === 0 ? { maxSurge, maxUnavailable: 1 } : { maxSurge, maxUnavailable };
}

function resolve(value: number | string, of: number, round: (x: number) => number): number {
  if (typeof value === 'number') return value;
  const percent = /^(\d+)%$/.exec(value);
  return percent === null ? Number(value) || 0 : round((Number(percent[1]) * of) / 100);
}

export type Sets = readonly Stored<ReplicaSet>[];

export const specReplicas = (set: ReplicaSet): number => set.spec?.replicas ?? 1;
const statusAvailable = (set: ReplicaSet): number => set.status?.availableReplicas ?? 0;

export function sum(sets: Sets, of: (set: ReplicaSet) => number): number {
  return sets.reduce((total, set) => total + of(set), 0);
}

/** New sizes by UID; sets that are not named keep theirs. */
export type Sizes = ReadonlyMap<string, number>;

/** One step of a rolling update: first up, else down (upstream's order). Pure; repeated until nothing changes. */
export function rollingStep(deployment: Deployment, fresh: Stored<ReplicaSet>, old: Sets): Sizes {
  const up = growNew(deployment, fresh, old);
  if (up.size > 0) return up;
  return shrinkOld(deployment, fresh, old);
}

function growNew(deployment: Deployment, fresh: Stored<ReplicaSet>, old: Sets): Sizes {
  const wanted = deployment.spec?.replicas ?? 1;
  const now = specReplicas(fresh);
  if (now === wanted) return new Map();
  if (now > wanted) return new Map([[fresh.metadata.uid, wanted]]);
  const most = wanted + rollingBounds(deployment).maxSurge;
  const room = most - sum([fresh, ...old], specReplicas);
  if (room <= 0) return new Map();
  return new Map([[fresh.metadata.uid, now + Math.min(room, wanted - now)]]);
}

function shrinkOld(deployment: Deployment, fresh: Stored<ReplicaSet>, old: Sets): Sizes {
  const oldPods = sum(old, specReplicas);
  if (oldPods === 0) return new Map();
  const wanted = deployment.spec?.replicas ?? 1;
  const least = wanted - rollingBounds(deployment).maxUnavailable;
  const notYet = specReplicas(fresh) - statusAvailable(fresh);
  const total = sum([fresh, ...old], specReplicas);
  let spare = total - least - notYet;
  if (spare <= 0) return new Map();
  const sizes = new Map<string, number>();
  const sizeOf = (set: Stored<ReplicaSet>): number => sizes.get(set.metadata.uid) ?? specReplicas(set);
  const byAge = old.toSorted(oldestFirst);
  // Pods that are not available go first, and cost nothing.
  for (const set of byAge) {
    const broken = Math.min(specReplicas(set) - statusAvailable(set), spare);
    if (broken <= 0) continue;
    sizes.set(set.metadata.uid, specReplicas(set) - broken);
    spare -= broken;
  }
  let healthy = sum([fresh, ...old], statusAvailable) - least;
  for (const set of byAge) {
    const give = Math.min(sizeOf(set), healthy, Math.max(spare, 0));
    if (give <= 0) continue;
    sizes.set(set.metadata.uid, sizeOf(set) - give);
    healthy -= give;
    spare -= give;
  }
  return sizes;
}

/**
 * Sizes when a deployment is resized while several sets have pods (in the middle of a rollout, or paused): each set gets its share,
 * the rest goes to the largest. Upstream's proportional scaling.
 */
export function proportional(deployment: Deployment, active: Sets, annotation: (set: ReplicaSet) => number | undefined): Sizes {
  const wanted = deployment.spec?.replicas ?? 1;
  const most = wanted === 0 ? 0 : wanted + rollingBounds(deployment).maxSurge;
  const total = sum(active, specReplicas);
  let toAdd = most - total;
  const sizes = new Map<string, number>();
  const order = active.toSorted((a, b) =>
    toAdd > 0 ? specReplicas(b) - specReplicas(a) || newestFirst(a, b) : specReplicas(b) - specReplicas(a) || oldestFirst(a, b),
  );
  const sign = Math.sign(toAdd);
  for (const set of order) {
    const before = annotation(set) ?? total;
    const share = before === 0 ? 0 : Math.round((specReplicas(set) * most) / before) - specReplicas(set);
    const change = sign > 0 ? Math.max(0, Math.min(share, toAdd)) : Math.min(0, Math.max(share, toAdd));
    sizes.set(set.metadata.uid, specReplicas(set) + change);
    toAdd -= change;
  }
  const largest = order[0];
  if (largest !== undefined && toAdd !== 0) {
    sizes.set(largest.metadata.uid, Math.max(0, (sizes.get(largest.metadata.uid) ?? 0) + toAdd));
  }
  return sizes;
}

export function oldestFirst(a: Stored<ReplicaSet>, b: Stored<ReplicaSet>): number {
  return Date.parse(a.metadata.creationTimestamp ?? '') - Date.parse(b.metadata.creationTimestamp ?? '') || (a.metadata.name < b.metadata.name ? -1 : 1);
}

export function newestFirst(a: Stored<ReplicaSet>, b: Stored<ReplicaSet>): number {
  return oldestFirst(b, a);
}
