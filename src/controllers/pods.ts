import type { Pod, PodTemplateSpec } from '../api/gen/types/core.v1.ts';
import type { OwnerReference, Stored } from '../machinery/object.ts';

/** What several controllers ask of a pod. Sources: core/v1 PodStatus, and upstream's `podutil`. */

export function isPodReady(pod: Pod): boolean {
  return pod.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
}

/** Since when it is ready; undefined when it is not. */
export function readySinceMs(pod: Pod): number | undefined {
  const ready = pod.status?.conditions?.find((condition) => condition.type === 'Ready' && condition.status === 'True');
  if (ready === undefined) return undefined;
  return ready.lastTransitionTime === undefined ? 0 : Date.parse(ready.lastTransitionTime);
}

/** Ready for at least `minReadySeconds`. Else, for a pod that is ready, how long it still has to stay so. */
export function availability(pod: Pod, minReadySeconds: number, nowMs: number): { readonly available: boolean; readonly inMs?: number } {
  const since = readySinceMs(pod);
  if (since === undefined) return { available: false };
  const leftMs = since + minReadySeconds * 1000 - nowMs;
  return minReadySeconds === 0 || leftMs <= 0 ? { available: true } : { available: false, inMs: leftMs };
}

/** Neither finished nor going away: it counts towards a set's replicas. */
export function isPodActive(pod: Pod): boolean {
  return pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed' && pod.metadata?.deletionTimestamp === undefined;
}

export function isPodTerminating(pod: Pod): boolean {
  return pod.metadata?.deletionTimestamp !== undefined && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed';
}

/** The pod that a template describes, owned by `owner`. */
export function podFromTemplate(
  template: PodTemplateSpec,
  namespace: string,
  owner: OwnerReference,
  name: { readonly generateName: string } | { readonly name: string },
): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    metadata: {
      ...name,
      namespace,
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...(finalizers === undefined ? {} : { finalizers }),
      ownerReferences: [owner],
    },
    ...(template.spec === undefined ? {} : { spec: template.spec }),
  };
}

const PHASE_RANK: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/** Which of two pods a set gives up first: negative when `a` goes before `b`. Upstream's `ActivePodsWithRanks`, without chance. */
export function deletionOrder(nowMs: number): (a: Stored<Pod>, b: Stored<Pod>) => number {
  return (a, b) =>
    Number(assigned(a)) - Number(assigned(b)) ||
    (PHASE_RANK[a.status?.phase ?? 'Pending'] ?? 1) - (PHASE_RANK[b.status?.phase ?? 'Pending'] ?? 1) ||
    Number(isPodReady(a)) - Number(isPodReady(b)) ||
    deletionCost(a) - deletionCost(b) ||
    // The one that has been ready for a shorter time first.
    (readySinceMs(b) ?? nowMs) - (readySinceMs(a) ?? nowMs) ||
    restarts(b) - restarts(a) ||
    Date.parse(b.metadata.creationTimestamp ?? '') - Date.parse(a.metadata.creationTimestamp ?? '') ||
    (a.metadata.name < b.metadata.name ? -1 : 1);
}

function assigned(pod: Pod): boolean {
  return (pod.spec?.nodeName ?? '') !== '';
}

function deletionCost(pod: Pod): number {
  const cost = Number(pod.metadata?.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? 0);
  return Number.isInteger(cost) ? cost : 0;
}

function restarts(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses?.map((status) => status.restartCount) ?? []));
}
