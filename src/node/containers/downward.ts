import type { Container as ContainerSpec, EphemeralContainer, ObjectFieldSelector, Pod, ResourceFieldSelector } from '../../api/gen/types/core.v1.ts';
import { parseQuantity, type Quantity } from '../../machinery/quantity.ts';
import { getOwn } from '../../machinery/record.ts';
import type { Machine } from '../options.ts';
import { findContainer } from '../pods/pod.ts';

export interface DownwardFacts {
  readonly pod: Pod;
  /** The node's addresses, the primary one first. */
  readonly hostIps: readonly string[];
  /** Of the sandbox; empty while there is none. */
  readonly podIps: readonly string[];
  readonly nodeName: string;
  /** What a missing limit stands for. */
  readonly machine: Machine;
}

/** The text of one field of a pod; undefined: there is no such field. Keys `metadata.annotations['x']` included. */
export function fieldValue({ pod, hostIps, podIps, nodeName }: DownwardFacts, { fieldPath }: ObjectFieldSelector): string | undefined {
  const keyed = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(fieldPath);
  if (keyed !== null) return getOwn(keyed[1] === 'labels' ? pod.metadata?.labels : pod.metadata?.annotations, keyed[2] ?? '') ?? '';
  switch (fieldPath) {
    case 'metadata.name':
      return pod.metadata?.name ?? '';
    case 'metadata.namespace':
      return pod.metadata?.namespace ?? '';
    case 'metadata.uid':
      return pod.metadata?.uid ?? '';
    case 'metadata.labels':
      return formatMap(pod.metadata?.labels);
    case 'metadata.annotations':
      return formatMap(pod.metadata?.annotations);
    case 'spec.nodeName':
      return pod.spec?.nodeName ?? nodeName;
    case 'spec.serviceAccountName':
      return pod.spec?.serviceAccountName ?? '';
    case 'status.hostIP':
      return hostIps[0] ?? '';
    case 'status.hostIPs':
      return hostIps.join(',');
    case 'status.podIP':
      return podIps[0] ?? '';
    case 'status.podIPs':
      return podIps.join(',');
    default:
      return undefined;
  }
}

/** `key="value"` by line, sorted, values quoted as Go does. */
function formatMap(map: Readonly<Record<string, string>> | undefined): string {
  return Object.keys(map ?? {})
    .sort()
    .map((key) => `${key}=${JSON.stringify(getOwn(map, key))}`)
    .join('\n');
}

/** A container's request or limit, divided and rounded up; a limit that is not set is what the node has. Undefined: no such resource. */
export function resourceValue(facts: DownwardFacts, selector: ResourceFieldSelector, own: ContainerSpec | EphemeralContainer | undefined): string | undefined {
  const container = selector.containerName === undefined || selector.containerName === '' ? own : findContainer(facts.pod, selector.containerName)?.spec;
  const match = /^(limits|requests)\.(.+)$/.exec(selector.resource);
  if (container === undefined || match === null) return undefined;
  const [, side, resource = ''] = match;
  const given = getOwn(side === 'limits' ? container.resources?.limits : container.resources?.requests, resource);
  const limit = side === 'requests' ? given : (given ?? allocatable(facts.machine, resource));
  const amount = parseQuantity(limit ?? '0');
  const divisor = divisorOf(selector);
  if (amount === undefined || divisor === undefined) return undefined;
  const quotient = amount.nanos / divisor.nanos;
  return String(amount.nanos % divisor.nanos === 0n ? quotient : quotient + 1n);
}

function allocatable(machine: Machine, resource: string): string | undefined {
  if (resource === 'cpu') return String(machine.cpus);
  if (resource === 'memory') return String(machine.memoryBytes);
  return resource === 'ephemeral-storage' ? String(machine.ephemeralStorageBytes) : undefined;
}

function divisorOf({ divisor }: ResourceFieldSelector): Quantity | undefined {
  const parsed = parseQuantity(divisor === undefined || divisor === '' ? '1' : divisor);
  if (parsed === undefined || parsed.nanos > 0n) return parsed;
  return parseQuantity('1');
}
