import { addQuantities, milliQuantityOf, parseQuantity, type Quantity, quantityOf, subtractQuantities, ZERO_QUANTITY } from '../../machinery/quantity.ts';
import type { KubeObject } from '../../machinery/object.ts';
import { getOwn } from '../../machinery/record.ts';
import { parseTime } from '../../machinery/time.ts';
import type { PersistentVolumeClaim, Pod, PodSpec, PodStatus, ResourceQuota, Service } from '../gen/types/core.v1.ts';
import { qosClassOf } from './pod.qos.rules.ts';
import { type Amounts, addAmounts, amountsOf, heldByPod, isPodTerminal, podRequests, raiseTo } from './pod.rules.ts';

/** What an object counts as, and which quotas count it: shared by the quota admission and the quota controller. */

/** Amounts by the names that a quota's `hard` uses: `pods`, `requests.cpu`, `count/deployments.apps` … */
export type Usage = ReadonlyMap<string, Quantity>;

/** Resources that have a name of their own beside `count/…`. */
const PLAIN_COUNTS: ReadonlySet<string> = new Set([
  'configmaps',
  'persistentvolumeclaims',
  'pods',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'services',
]);

const ONE = quantityOf(1);

/** What one object counts as in every quota that matches it. Pods that have ended, or should have long ago, count only as objects. */
export function usageOf({ group, resource }: { readonly group: string; readonly resource: string }, object: KubeObject, nowMs: number): Usage {
  const usage = new Map<string, Quantity>([[`count/${group === '' ? resource : `${resource}.${group}`}`, ONE]]);
  if (group === 'resource.k8s.io' && resource === 'resourceclaims') addDevices(usage, (object as ClaimOfDevices).spec?.devices?.requests ?? []);
  if (group !== '') return usage;
  switch (resource) {
    case 'pods':
      if (!isPodFree(object as Pod, nowMs)) addPod(usage, object as Pod);
      break;
    case 'services':
      addService(usage, object as Service);
      break;
    case 'persistentvolumeclaims':
      addClaim(usage, object as PersistentVolumeClaim);
      break;
    default:
      if (PLAIN_COUNTS.has(resource)) usage.set(resource, ONE);
  }
  return usage;
}

/** Its node may be lost: who waits for it is not charged for it (QuotaV1Pod). */
const isPodFree = (pod: Pod, nowMs: number): boolean => isPodTerminal(pod) || nowMs >= (podIsFreeFrom(pod) ?? Number.POSITIVE_INFINITY);

/** When a pod that is being deleted counts no longer: its grace period after the time that it was given, which has the grace in it. */
export function podIsFreeFrom({ metadata }: Pod): number | undefined {
  const graceSeconds = metadata?.deletionGracePeriodSeconds;
  const endMs = parseTime(metadata?.deletionTimestamp ?? '');
  return endMs === undefined || graceSeconds === undefined ? undefined : endMs + graceSeconds * 1000 + 1;
}

function addPod(usage: Map<string, Quantity>, pod: Pod): void {
  if (pod.spec === undefined) return;
  usage.set('pods', ONE);
  for (const [name, amount] of heldByPod(pod)) {
    const quantity = quantityOfAmount(name, amount);
    usage.set(`requests.${name}`, quantity);
    if (!name.includes('/')) usage.set(name, quantity);
  }
  for (const [name, amount] of podLimits(pod.spec, pod.status)) if (!name.includes('/')) usage.set(`limits.${name}`, quantityOfAmount(name, amount));
}

/** As requests are summed up; the overhead only where there is a limit at all. Until a smaller limit holds, the larger one counts. */
function podLimits(spec: PodSpec, status: PodStatus | undefined): Amounts {
  const { overhead, resources, ...rest } = spec;
  const held = new Map([...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].map((each) => [each.name, each.resources?.limits]));
  const total = podRequests({ ...rest, resources: { requests: resources?.limits } }, (container) =>
    raiseTo(amountsOf(container.resources?.limits), amountsOf(held.get(container.name))),
  );
  for (const [name, amount] of amountsOf(overhead)) {
    const limit = total.get(name);
    if (limit !== undefined) total.set(name, limit + amount);
  }
  return total;
}

function quantityOfAmount(name: string, amount: number): Quantity {
  return name === 'cpu'
    ? milliQuantityOf(amount)
    : quantityOf(amount, name === 'memory' || name.startsWith('hugepages-') || name.endsWith('storage') ? 'BinarySI' : 'DecimalSI');
}

function addService(usage: Map<string, Quantity>, { spec }: Service): void {
  usage.set('services', ONE);
  const ports = spec?.ports ?? [];
  if (spec?.type === 'NodePort') usage.set('services.nodeports', quantityOf(ports.length));
  if (spec?.type !== 'LoadBalancer') return;
  usage.set('services.loadbalancers', ONE);
  // A load balancer that was told to go without node ports counts those that it has all the same.
  const taken = spec.allocateLoadBalancerNodePorts === false ? ports.filter(({ nodePort = 0 }) => nodePort !== 0) : ports;
  usage.set('services.nodeports', quantityOf(taken.length));
}

function addClaim(usage: Map<string, Quantity>, { metadata, spec, status }: PersistentVolumeClaim): void {
  usage.set('persistentvolumeclaims', ONE);
  const className = getOwn(metadata?.annotations, 'volume.beta.kubernetes.io/storage-class') ?? spec?.storageClassName ?? '';
  if (className !== '') usage.set(`${className}.storageclass.storage.k8s.io/persistentvolumeclaims`, ONE);
  const asked = parse(spec?.resources?.requests?.['storage']);
  const allocated = parse(status?.allocatedResources?.['storage']);
  const storage = asked === undefined || (allocated !== undefined && allocated.nanos > asked.nanos) ? allocated : asked;
  if (storage === undefined) return;
  usage.set('requests.storage', storage);
  if (className !== '') usage.set(`${className}.storageclass.storage.k8s.io/requests.storage`, storage);
}

interface DeviceRequest {
  readonly deviceClassName?: string;
  readonly allocationMode?: string;
  readonly count?: number;
}

/** In any version: v1beta1 has the details beside the name. */
interface ClaimOfDevices extends KubeObject {
  readonly spec?: {
    readonly devices?: {
      readonly requests?: readonly (DeviceRequest & { readonly exactly?: DeviceRequest; readonly firstAvailable?: readonly DeviceRequest[] })[];
    };
  };
}

/** As many as a claim can be given (resource.k8s.io, AllocationResultsMaxSize). */
const ALL_DEVICES = 32;

/** Devices by class; of alternatives the worst case for each class. */
function addDevices(usage: Map<string, Quantity>, requests: NonNullable<NonNullable<NonNullable<ClaimOfDevices['spec']>['devices']>['requests']>): void {
  const total = new Map<string, number>();
  for (const request of requests) {
    const worst = new Map<string, number>();
    for (const { deviceClassName = '', allocationMode, count = 0 } of request.firstAvailable ?? [request.exactly ?? request])
      raiseTo(worst, new Map([[deviceClassName, allocationMode === 'All' ? ALL_DEVICES : count]]));
    addAmounts(total, worst);
  }
  for (const [name, count] of total) usage.set(`${name}.deviceclass.resource.k8s.io/devices`, quantityOf(count));
}

function parse(text: string | undefined): Quantity | undefined {
  return text === undefined ? undefined : parseQuantity(text);
}

/** `after` less `before`, without what did not change. */
export function usageChange(after: Usage, before: Usage): Usage {
  const change = new Map<string, Quantity>();
  for (const name of new Set([...after.keys(), ...before.keys()])) {
    const difference = subtractQuantities(after.get(name) ?? ZERO_QUANTITY, before.get(name) ?? ZERO_QUANTITY);
    if (difference.nanos !== 0n) change.set(name, difference);
  }
  return change;
}

export function addUsage(a: Usage, b: Usage): Map<string, Quantity> {
  const sum = new Map(a);
  for (const [name, quantity] of b) sum.set(name, addQuantities(sum.get(name) ?? ZERO_QUANTITY, quantity));
  return sum;
}

interface Scope {
  readonly name: string;
  readonly operator: string;
  readonly values: readonly string[];
}

/** Whether the quota counts this object: every one of its scopes has to hold. Scopes speak of pods (and one of claims) only. */
export function quotaMatches({ spec }: ResourceQuota, { group, resource }: { readonly group: string; readonly resource: string }, object: KubeObject): boolean {
  const scopes: readonly Scope[] = [
    ...(spec?.scopes ?? []).map((name) => ({ name, operator: 'Exists', values: [] })),
    ...(spec?.scopeSelector?.matchExpressions ?? []).map(({ scopeName, operator, values }) => ({ name: scopeName, operator, values: values ?? [] })),
  ];
  if (scopes.length === 0) return true;
  if (group !== '') return false;
  if (resource === 'pods') return scopes.every((scope) => podInScope(object as Pod, scope));
  return resource === 'persistentvolumeclaims' && scopes.every((scope) => claimInScope(object as PersistentVolumeClaim, scope));
}

function podInScope({ spec }: Pod, scope: Scope): boolean {
  if (spec === undefined) return false;
  switch (scope.name) {
    case 'Terminating':
      return isTerminating(spec);
    case 'NotTerminating':
      return !isTerminating(spec);
    case 'BestEffort':
      return qosClassOf(spec) === 'BestEffort';
    case 'NotBestEffort':
      return qosClassOf(spec) !== 'BestEffort';
    case 'PriorityClass':
      return valueInScope(spec.priorityClassName ?? '', scope);
    case 'CrossNamespacePodAffinity':
      return looksAcrossNamespaces(spec);
    default:
      return false;
  }
}

export function isTerminating({ activeDeadlineSeconds }: PodSpec): boolean {
  return activeDeadlineSeconds !== undefined && activeDeadlineSeconds !== null && activeDeadlineSeconds >= 0;
}

function valueInScope(value: string, { operator, values }: Scope): boolean {
  switch (operator) {
    case 'Exists':
      return value !== '';
    case 'DoesNotExist':
      return value === '';
    case 'In':
      return value !== '' && values.includes(value);
    default:
      return !values.includes(value);
  }
}

function looksAcrossNamespaces({ affinity }: PodSpec): boolean {
  const both = [affinity?.podAffinity, affinity?.podAntiAffinity];
  const terms = both.flatMap((each) => [
    ...(each?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(each?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm }) => podAffinityTerm),
  ]);
  return terms.some(({ namespaces = [], namespaceSelector }) => namespaces.length > 0 || (namespaceSelector !== undefined && namespaceSelector !== null));
}

function claimInScope({ spec, status }: PersistentVolumeClaim, scope: Scope): boolean {
  if (scope.name !== 'VolumeAttributesClass') return false;
  const names = [spec?.volumeAttributesClassName, status?.currentVolumeAttributesClassName, status?.modifyVolumeStatus?.targetVolumeAttributesClassName];
  const named = [...new Set(names.filter((name) => name !== undefined && name !== ''))] as string[];
  return named.length === 0 ? valueInScope('', scope) : named.some((name) => valueInScope(name, scope));
}
