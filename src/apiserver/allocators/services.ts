import type { Clock } from '../../base/clock.ts';
import { type Random, uuid } from '../../base/random.ts';
import type * as core from '../../api/gen/types/core.v1.ts';
import { type FieldError, FieldPath, invalid } from '../../machinery/field-error.ts';
import type { Draft, DraftObject, KubeObject } from '../../machinery/object.ts';
import { internalError, invalidObject } from '../../machinery/status-error.ts';
import { formatTime } from '../../machinery/time.ts';
import type { Guard, Operation, Store } from '../../store/store.ts';
import { emptyProjection, type Projection } from '../codec/projection.ts';
import { toStoredForm } from '../handlers/stored-form.ts';
import { resourcePrefix } from '../registry/keys.ts';
import type { Binding, Registry } from '../registry/registry.ts';
import { settleFamilies } from './families.ts';
import { contains, type IpRange, ipAt, parseIpRange } from './ip-range.ts';
import { type PortRange, portsOf } from './node-ports.ts';

/** What goes into the same commit as the Service: what one service holds, no other can take at the same time. */
export interface Allocation {
  readonly operations: readonly Operation<Projection>[];
  readonly guards: readonly Guard[];
}

export interface ServiceAllocatorOptions {
  readonly store: Store<Projection>;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: Random;
  /** `10.96.0.0/16`. */
  readonly cidr: string;
  /** 30000-32767. */
  readonly nodePorts: PortRange;
}

type ServiceDraft = Draft<core.Service>;
type SpecDraft = NonNullable<ServiceDraft['spec']>;

const IP_PREFIX = resourcePrefix('networking.k8s.io', 'ipaddresses');
const PORT_PREFIX = '/allocations/nodeports/';
const NO_BYTES = new Uint8Array(0);

/**
 * Gives Services their addresses and node ports. An address is held by its IPAddress object (as since Kubernetes 1.33), a node
 * port by a key of its own; both are made with the Service, guarded, and go with it.
 */
export class ServiceAllocator {
  readonly #options: ServiceAllocatorOptions;
  readonly #range: IpRange;

  constructor(options: ServiceAllocatorOptions) {
    this.#options = options;
    this.#range = parseIpRange(options.cidr);
  }

  /** Fills in the draft. `old`: on update. Throws 422. */
  allocate(binding: Binding, draft: DraftObject, old: KubeObject | undefined): Allocation | undefined {
    if (!isService(binding)) return undefined;
    const service = draft as unknown as ServiceDraft;
    const { spec } = service;
    if (spec === undefined) return undefined;
    const work = new Work();
    this.#addresses(service, spec, old as core.Service | undefined, work);
    this.#ports(service, spec, (old as core.Service | undefined)?.spec, work);
    return work.done;
  }

  release(binding: Binding, old: KubeObject): Allocation | undefined {
    if (!isService(binding)) return undefined;
    const { spec } = old as core.Service;
    const work = new Work();
    for (const ip of heldAddresses(spec)) this.#free(IP_PREFIX + ip, work);
    for (const port of portsOf(spec)) this.#free(PORT_PREFIX + port, work);
    return work.done;
  }

  #addresses(service: ServiceDraft, spec: SpecDraft, old: core.Service | undefined, work: Work): void {
    const before = old?.spec;
    const held = heldAddresses(before);
    if (spec.type === 'ExternalName') {
      for (const ip of held) this.#free(IP_PREFIX + ip, work);
      return;
    }
    const errors = settleFamilies(service, spec, old, this.#range.family);
    if (errors.length > 0) throw refuse(service, ...errors);
    // An address, once given, stays: whoever wants another one is refused by the rules for updates.
    if (spec.clusterIP === 'None' || before?.clusterIP === 'None' || held.length > 0) return;
    const asked = spec.clusterIPs?.[0] ?? '';
    const ip = asked === '' ? this.#freeAddress() : this.#askedAddress(service, asked);
    spec.clusterIP = ip;
    spec.clusterIPs = [ip];
    const key = IP_PREFIX + ip;
    const form = this.#ipAddress(service, ip);
    work.operations.push({ do: 'put', key, value: form.value, projection: form.projection });
    work.guards.push({ key, modRevision: 0 });
  }

  #askedAddress(service: ServiceDraft, ip: string): string {
    const at = new FieldPath('spec').child('clusterIPs');
    if (!contains(this.#range, ip)) {
      const why = `the provided IP (${ip}) is not in the valid range. The range of valid IPs is ${this.#range.text}`;
      throw refuse(service, invalid(at, [ip], `failed to allocate IP ${ip}: ${why}`));
    }
    if (this.#taken(IP_PREFIX + ip)) throw refuse(service, invalid(at, [ip], `failed to allocate IP ${ip}: provided IP is already allocated`));
    return ip;
  }

  /** From the upper band first: the lower one is for addresses that people choose (KEP-3070). */
  #freeAddress(): string {
    const { size } = this.#range;
    const lower = Math.min(Math.max(16, Math.floor(size / 16)), 256, size);
    const ip = this.#scan(lower + 1, size) ?? this.#scan(1, Math.min(lower, size));
    if (ip === undefined) throw internalError(new Error('failed to allocate a serviceIP: range is full'));
    return ip;
  }

  #scan(first: number, last: number): string | undefined {
    const count = last - first + 1;
    if (count <= 0) return undefined;
    const start = Math.floor(this.#options.random.float() * count);
    for (let i = 0; i < count; i++) {
      const ip = ipAt(this.#range, first + ((start + i) % count));
      if (!this.#taken(IP_PREFIX + ip)) return ip;
    }
    return undefined;
  }

  #ports(service: ServiceDraft, spec: SpecDraft, before: core.ServiceSpec | undefined, work: Work): void {
    const held = new Set(portsOf(before));
    const wanted = new Set<number>();
    if (spec.type === 'NodePort' || spec.type === 'LoadBalancer') this.#nodePorts(service, spec, before, wanted);
    if (needsHealthPort(spec)) {
      // One that it has stays: another one is refused by the rules for updates.
      const has = before !== undefined && needsHealthPort(before);
      if (!has) spec.healthCheckNodePort = this.#healthPort(spec.healthCheckNodePort ?? 0, held, wanted);
      wanted.add((has ? before.healthCheckNodePort : spec.healthCheckNodePort) ?? 0);
    }
    wanted.delete(0);
    for (const port of wanted) {
      if (held.has(port)) continue;
      const key = PORT_PREFIX + port;
      work.operations.push({ do: 'put', key, value: NO_BYTES, projection: emptyProjection() });
      work.guards.push({ key, modRevision: 0 });
    }
    for (const port of held) if (!wanted.has(port)) this.#free(PORT_PREFIX + port, work);
  }

  #nodePorts(service: ServiceDraft, spec: SpecDraft, before: core.ServiceSpec | undefined, wanted: Set<number>): void {
    const ports = spec.ports ?? [];
    const own = new Set(portsOf({ ports: before?.ports ?? [] }));
    const byPort = new Map<number, number>();
    for (const [index, port] of ports.entries()) {
      const asked = port.nodePort ?? 0;
      if (asked === 0 && spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts === false) continue;
      // A new service has one node port for a port of several protocols, when it says nothing else.
      const shared = before === undefined ? byPort.get(port.port) : undefined;
      if (shared !== undefined && (asked === 0 || asked === shared)) {
        port.nodePort = shared;
        continue;
      }
      const number = before === undefined && shared === undefined ? (ports.find((p) => p.port === port.port && (p.nodePort ?? 0) !== 0)?.nodePort ?? 0) : asked;
      const isOwn = number !== 0 && before !== undefined && (own.has(number) || wanted.has(number));
      port.nodePort = isOwn ? number : this.#nodePort(service, number, own, wanted, new FieldPath('spec').child('ports').index(index).child('nodePort'));
      if (!byPort.has(port.port)) byPort.set(port.port, port.nodePort);
      wanted.add(port.nodePort);
    }
  }

  #nodePort(service: ServiceDraft, asked: number, held: ReadonlySet<number>, wanted: ReadonlySet<number>, at: FieldPath): number {
    const port = asked === 0 ? this.#freePort(held, wanted) : asked;
    if (port === undefined) throw internalError(new Error('failed to allocate a nodePort: range is full'));
    const fault = asked === 0 ? undefined : this.#portFault(asked, wanted);
    if (fault !== undefined) throw refuse(service, invalid(at, asked, fault));
    return port;
  }

  #healthPort(asked: number, held: ReadonlySet<number>, wanted: ReadonlySet<number>): number {
    const port = asked === 0 ? this.#freePort(held, wanted) : asked;
    if (port === undefined) throw internalError(new Error('failed to allocate a HealthCheck NodePort 0: range is full'));
    const fault = asked === 0 ? undefined : this.#portFault(asked, wanted);
    if (fault !== undefined) throw internalError(new Error(`failed to allocate requested HealthCheck NodePort ${asked}: ${fault}`));
    return port;
  }

  #portFault(port: number, wanted: ReadonlySet<number>): string | undefined {
    const { first, last } = this.#options.nodePorts;
    if (port < first || port > last) return `provided port is not in the valid range. The range of valid ports is ${first}-${last}`;
    return wanted.has(port) || this.#taken(PORT_PREFIX + port) ? 'provided port is already allocated' : undefined;
  }

  #freePort(held: ReadonlySet<number>, wanted: ReadonlySet<number>): number | undefined {
    const { first, last } = this.#options.nodePorts;
    const count = last - first + 1;
    const start = Math.floor(this.#options.random.float() * count);
    for (let i = 0; i < count; i++) {
      const port = first + ((start + i) % count);
      if (!held.has(port) && !wanted.has(port) && !this.#taken(PORT_PREFIX + port)) return port;
    }
    return undefined;
  }

  #taken(key: string): boolean {
    return this.#options.store.get(key) !== undefined;
  }

  #free(key: string, work: Work): void {
    const entry = this.#options.store.get(key);
    if (entry === undefined) return;
    work.operations.push({ do: 'delete', key });
    work.guards.push({ key, modRevision: entry.modRevision });
  }

  #ipAddress({ metadata = {} }: ServiceDraft, ip: string) {
    const { registry, random, clock } = this.#options;
    const binding = registry.find('networking.k8s.io/v1', 'ipaddresses');
    if (binding === undefined) throw new RangeError('services need networking.k8s.io/v1 ipaddresses');
    const draft: DraftObject = {
      metadata: {
        name: ip,
        uid: uuid(random),
        creationTimestamp: formatTime(clock.now()),
        labels: { 'ipaddress.kubernetes.io/ip-family': this.#range.family, 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' },
      },
      spec: { parentRef: { group: '', resource: 'services', namespace: metadata.namespace ?? '', name: metadata.name ?? '' } },
    };
    return toStoredForm(registry, binding, draft, []);
  }
}

/** Collected for one commit. */
class Work {
  readonly operations: Operation<Projection>[] = [];
  readonly guards: Guard[] = [];

  get done(): Allocation | undefined {
    return this.operations.length === 0 ? undefined : this;
  }
}

const isService = ({ stored }: Binding): boolean => stored.group === '' && stored.resource === 'services';

function heldAddresses(spec: core.ServiceSpec | undefined): readonly string[] {
  if (spec === undefined || spec.type === 'ExternalName') return [];
  return (spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP])).filter((ip) => ip !== '' && ip !== 'None');
}

const needsHealthPort = ({ type, externalTrafficPolicy }: core.ServiceSpec): boolean => type === 'LoadBalancer' && externalTrafficPolicy === 'Local';

function refuse({ metadata }: ServiceDraft, ...errors: readonly FieldError[]) {
  return invalidObject({ group: '', kind: 'Service' }, metadata?.name ?? '', errors);
}
