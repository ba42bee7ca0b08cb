import type { ContainerPort, Pod } from '../api/gen/types/core.v1.ts';
import { claimKeysOf, heldByPod, hostPorts, podPriority, podRequests, type Amounts } from '../api/core/pod.rules.ts';
import type { Stored } from '../machinery/object.ts';
import { type AffinityTerms, affinityTerms } from './affinity-term.ts';

/** A pod with what the plugins ask of it again and again, worked out once. */
export interface PodInfo {
  readonly pod: Stored<Pod>;
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly priority: number;
  /** What it takes on a node; cpu in thousandths. */
  readonly requests: Amounts;
  /** The same for scoring: a container that asks for nothing counts as a small one. */
  readonly scored: Amounts;
  readonly hostPorts: readonly ContainerPort[];
  /** `namespace/name`. */
  readonly claims: readonly string[];
  /** Pod affinity and anti-affinity; undefined when it has none. */
  readonly affinity: AffinityTerms | undefined;
}

const SMALL_CPU_MILLIS = 100;
const SMALL_MEMORY_BYTES = 200 * 1024 * 1024;

export function podInfo(pod: Stored<Pod>): PodInfo {
  const spec = pod.spec ?? { containers: [] };
  return {
    pod,
    uid: pod.metadata.uid,
    namespace: pod.metadata.namespace ?? '',
    name: pod.metadata.name,
    priority: podPriority(pod),
    requests: heldByPod(pod),
    scored: podRequests(spec, (container) => {
      const asked = container.resources?.requests;
      const amounts = new Map<string, number>();
      if (asked?.['cpu'] === undefined) amounts.set('cpu', SMALL_CPU_MILLIS);
      if (asked?.['memory'] === undefined) amounts.set('memory', SMALL_MEMORY_BYTES);
      for (const [name, amount] of podRequests({ containers: [container] })) amounts.set(name, amount);
      return amounts;
    }),
    hostPorts: hostPorts(spec),
    claims: claimKeysOf(pod),
    affinity: affinityTerms(pod),
  };
}

/** `namespace/name`. */
export function podKey(pod: Pod): string {
  return `${pod.metadata?.namespace ?? ''}/${pod.metadata?.name ?? ''}`;
}
