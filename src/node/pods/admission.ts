import type { Pod } from '../../api/gen/types/core.v1.ts';
import { parseQuantity } from '../../machinery/quantity.ts';
import { getOwn } from '../../machinery/record.ts';
import { isTerminalPhase, spec } from './pod.ts';

export interface AdmissionFacts {
  readonly pod: Pod;
  /** Those that were admitted before, and still count. */
  readonly others: readonly Pod[];
  readonly allocatable: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Refusal {
  readonly reason: string;
  readonly message: string;
}

/** The node's own last check of what the scheduler decided. Undefined: admitted. */
export function admit(facts: AdmissionFacts): Refusal | undefined {
  return fits(facts) ?? matches(facts) ?? allowsSysctls(facts);
}

function fits({ pod, others, allocatable }: AdmissionFacts): Refusal | undefined {
  const active = others.filter((p) => !isTerminalPhase(p.status?.phase));
  const max = Number(getOwn(allocatable, 'pods') ?? Number.POSITIVE_INFINITY);
  if (active.length + 1 > max)
    return { reason: 'OutOfpods', message: `Node didn't have enough resource: pods, requested: 1, used: ${active.length}, capacity: ${max}` };
  for (const resource of Object.keys(allocatable)) {
    const wanted = requestOf(pod, resource);
    if (resource === 'pods' || wanted === 0n) continue;
    const used = active.reduce((sum, p) => sum + requestOf(p, resource), 0n);
    const capacity = parseQuantity(getOwn(allocatable, resource) ?? '0')?.nanos ?? 0n;
    if (used + wanted <= capacity) continue;
    const unit = (nanos: bigint): bigint => nanos / (resource === 'cpu' ? 1_000_000n : 1_000_000_000n);
    return {
      reason: `OutOf${resource}`,
      message: `Node didn't have enough resource: ${resource}, requested: ${unit(wanted)}, used: ${unit(used)}, capacity: ${unit(capacity)}`,
    };
  }
  return undefined;
}

/** In nano units: the larger of all app containers together (with the sidecars) and the largest init container. */
export function requestOf(pod: Pod, resource: string): bigint {
  const s = spec(pod);
  const of = (requests: Readonly<Record<string, string>> | undefined): bigint => parseQuantity(getOwn(requests, resource) ?? '0')?.nanos ?? 0n;
  let sidecars = 0n;
  let init = 0n;
  for (const c of s.initContainers ?? []) {
    const own = of(c.resources?.requests ?? c.resources?.limits);
    if (c.restartPolicy === 'Always') sidecars += own;
    else if (own + sidecars > init) init = own + sidecars;
  }
  const app = s.containers.reduce((sum, c) => sum + of(c.resources?.requests ?? c.resources?.limits), 0n) + sidecars;
  const containers = app > init ? app : init;
  const ofPod = of(s.resources?.requests);
  return (ofPod > 0n ? ofPod : containers) + of(s.overhead);
}

function matches({ pod, labels }: AdmissionFacts): Refusal | undefined {
  const selector = spec(pod).nodeSelector ?? {};
  const fits = Object.keys(selector).every((key) => getOwn(labels, key) === getOwn(selector, key));
  return fits
    ? undefined
    : { reason: 'NodeAffinity', message: "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector" };
}

/** Namespaced, and without effect on others: what every pod may set (Kubernetes documentation, "safe sysctls"). */
const SAFE_SYSCTLS = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.tcp_wmem',
]);

function allowsSysctls({ pod }: AdmissionFacts): Refusal | undefined {
  const { securityContext, hostNetwork = false, hostIPC = false } = spec(pod);
  for (const { name } of securityContext?.sysctls ?? []) {
    const plain = name.replaceAll('/', '.');
    const message = !SAFE_SYSCTLS.has(plain)
      ? `forbidden sysctl: ${JSON.stringify(plain)} not allowlisted`
      : hostNetwork && plain.startsWith('net.')
        ? `forbidden sysctl: ${JSON.stringify(plain)} not allowed with host net enabled`
        : hostIPC && plain.startsWith('kernel.shm')
          ? `forbidden sysctl: ${JSON.stringify(plain)} not allowed with host ipc enabled`
          : undefined;
    if (message !== undefined) return { reason: 'SysctlForbidden', message };
  }
  return undefined;
}
