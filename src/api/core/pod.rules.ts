import {
  addQuantities,
  compareQuantities,
  parseQuantity,
  type Quantity,
  quantityMilliNumber,
  quantityNumber,
  ZERO_QUANTITY,
} from '../../machinery/quantity.ts';
import { getOwn } from '../../machinery/record.ts';
import type { Container, ContainerPort, Pod, PodSpec, Volume } from '../gen/types/core.v1.ts';

/** Facts about a pod that scheduler, node and controllers share. As Kubernetes 1.36 counts. */

/** Amounts by resource name: cpu in thousandths, everything else in whole units, rounded up. Absent is zero. */
export type Amounts = ReadonlyMap<string, number>;

export type ResourceList = Readonly<Record<string, string>>;

export function amountsOf(list: ResourceList | undefined): Map<string, number> {
  const amounts = new Map<string, number>();
  for (const [name, text] of Object.entries(list ?? {})) {
    const quantity = parseQuantity(String(text));
    if (quantity !== undefined) amounts.set(name, name === 'cpu' ? quantityMilliNumber(quantity) : quantityNumber(quantity));
  }
  return amounts;
}

export function addAmounts(into: Map<string, number>, more: Amounts, times = 1): Map<string, number> {
  for (const [name, amount] of more) into.set(name, (into.get(name) ?? 0) + times * amount);
  return into;
}

export function raiseTo(into: Map<string, number>, least: Amounts): Map<string, number> {
  for (const [name, amount] of least) into.set(name, Math.max(into.get(name) ?? 0, amount));
  return into;
}

/** An init container that goes on running beside the others. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

/** What may be asked for at the level of the pod. */
export const isPodLevel = (name: string): boolean => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');

/** What a container counts as; by default what it requests. */
export type Requested = (container: Container) => Amounts;

const requested: Requested = (container) => amountsOf(container.resources?.requests);

/**
 * What the pod takes on its node: the larger of what runs at once at the end (containers and sidecars) and of each moment of the
 * start (an init container beside the sidecars before it); requests at the level of the pod override; the overhead is added.
 */
export function podRequests(spec: PodSpec, of: Requested = requested): Map<string, number> {
  const sidecars = new Map<string, number>();
  const starting = new Map<string, number>();
  for (const container of spec.initContainers ?? []) {
    if (isSidecar(container)) raiseTo(starting, addAmounts(sidecars, of(container)));
    else raiseTo(starting, addAmounts(new Map(sidecars), of(container)));
  }
  const running = sidecars;
  for (const container of spec.containers) addAmounts(running, of(container));
  const total = raiseTo(running, starting);
  for (const [name, amount] of amountsOf(spec.resources?.requests)) if (isPodLevel(name)) total.set(name, amount);
  return addAmounts(total, amountsOf(spec.overhead));
}

/** What its containers request, or may use, together, as they would be started: exact. */
export function containerRequests(
  { initContainers, containers }: Pick<PodSpec, 'initContainers' | 'containers'>,
  part: 'requests' | 'limits' = 'requests',
): ReadonlyMap<string, Quantity> {
  const running = new Map<string, Quantity>();
  const starting = new Map<string, Quantity>();
  const join = (into: Map<string, Quantity>, container: Container, how: (a: Quantity, b: Quantity) => Quantity): void => {
    for (const [name, text] of Object.entries(container.resources?.[part] ?? {}))
      into.set(name, how(into.get(name) ?? ZERO_QUANTITY, parseQuantity(text) ?? ZERO_QUANTITY));
  };
  const larger = (a: Quantity, b: Quantity): Quantity => (compareQuantities(a, b) < 0 ? b : a);
  for (const container of initContainers ?? []) {
    if (isSidecar(container)) join(running, container, addQuantities);
    else join(starting, container, (most, own) => larger(most, own));
    // Beside an init container run the sidecars before it.
    for (const [name, held] of running) {
      const own = isSidecar(container) ? ZERO_QUANTITY : (parseQuantity(getOwn(container.resources?.[part], name) ?? '0') ?? ZERO_QUANTITY);
      starting.set(name, larger(starting.get(name) ?? ZERO_QUANTITY, addQuantities(held, own)));
    }
  }
  for (const container of containers ?? []) join(running, container, addQuantities);
  for (const [name, most] of starting) running.set(name, larger(running.get(name) ?? ZERO_QUANTITY, most));
  return running;
}

/** As `podRequests`; while a resize is under way a container counts as the larger of what it asks for and what it still has. */
export function heldByPod(pod: Pod): Map<string, number> {
  if (pod.spec === undefined) return new Map();
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  if (statuses.length === 0) return podRequests(pod.spec);
  return podRequests(pod.spec, (container) => {
    const amounts = amountsOf(container.resources?.requests);
    const status = statuses.find(({ name }) => name === container.name);
    return raiseTo(raiseTo(amounts, amountsOf(status?.allocatedResources)), amountsOf(status?.resources?.requests));
  });
}

/** It has ended and will not run again: it takes nothing any more. */
export function isPodTerminal(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

export function podPriority(pod: Pod): number {
  return pod.spec?.priority ?? 0;
}

/** Ports of the host that the pod takes, sidecars' included. */
export function hostPorts(spec: PodSpec): readonly ContainerPort[] {
  const containers = [...spec.containers, ...(spec.initContainers ?? []).filter(isSidecar)];
  return containers.flatMap(({ ports }) => ports ?? []).filter(({ hostPort = 0 }) => hostPort > 0);
}

/** The claim behind a volume of the pod: named, or made for it. Undefined: the volume has none. */
export function claimNameOf(pod: Pod, volume: Volume): string | undefined {
  if (volume.persistentVolumeClaim !== undefined) return volume.persistentVolumeClaim.claimName;
  return volume.ephemeral === undefined ? undefined : `${pod.metadata?.name ?? ''}-${volume.name}`;
}

/** `namespace/name` of each claim that the pod uses, each once. */
export function claimKeysOf(pod: Pod): readonly string[] {
  const keys = new Set<string>();
  for (const volume of pod.spec?.volumes ?? []) {
    const name = claimNameOf(pod, volume);
    if (name !== undefined) keys.add(`${pod.metadata?.namespace ?? ''}/${name}`);
  }
  return [...keys];
}

/** The mark that keeps it from being evicted lightly: the priority of the two system classes or above. */
export function isCriticalPod(pod: Pod): boolean {
  return podPriority(pod) >= 2_000_000_000 || getOwn(pod.metadata?.annotations, 'kubernetes.io/config.source') === 'file';
}
