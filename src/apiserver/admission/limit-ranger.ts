import { limitRanges, persistentVolumeClaims, pods } from '../../api/gen/resources.ts';
import type { Container, LimitRange, LimitRangeItem, Pod, ResourceRequirements } from '../../api/gen/types/core.v1.ts';
import type { Draft, Stored } from '../../machinery/object.ts';
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  type Quantity,
  quantityMilliNumber,
  ZERO_QUANTITY,
} from '../../machinery/quantity.ts';
import { getOwn, hasOwn, setOwn } from '../../machinery/record.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../stages.ts';
import { storedList } from '../stored.ts';
import { draftOf, isAbout, refuse } from './request.ts';

type List = Readonly<Record<string, string>>;

/** LimitRanger: a namespace's defaults and bounds for the resources of containers, pods and claims. */
export const limitRanger: AdmissionPlugin = {
  name: 'LimitRanger',
  handles: (request) => isAbout(request, pods, 'CREATE') || isAbout(request, persistentVolumeClaims, 'CREATE', 'UPDATE') || isResize(request),
  admit(request) {
    if (request.resource !== pods.resource || request.operation !== 'CREATE') return;
    const pod = draftOf(request, pods);
    for (const range of rangesOf(request)) setDefaults(pod, range);
  },
  validate(request) {
    // What is on its way out has to be let go.
    if (request.old?.metadata?.deletionTimestamp !== undefined) return;
    for (const { spec } of rangesOf(request)) {
      const faults = [...new Set((spec?.limits ?? []).flatMap((item) => faultsOf(request, item)))];
      if (faults.length > 0) throw refuse(request, faults.length === 1 ? faults.join('') : `[${faults.join(', ')}]`);
    }
  },
};

function isResize({ kind, resource, subresource, operation }: AdmissionRequest): boolean {
  return kind.group === '' && resource === 'pods' && subresource === 'resize' && operation === 'UPDATE';
}

function rangesOf({ reader, namespace }: AdmissionRequest): readonly Stored<LimitRange>[] {
  return storedList(reader, limitRanges, namespace);
}

function setDefaults(pod: Draft<Pod>, { spec }: Stored<LimitRange>): void {
  const defaults: { limits: Record<string, string>; requests: Record<string, string> } = { limits: {}, requests: {} };
  for (const item of spec?.limits ?? []) {
    if (item.type !== 'Container') continue;
    copyInto(defaults.limits, item.default);
    copyInto(defaults.requests, item.defaultRequest);
  }
  const said: string[] = [];
  for (const container of pod.spec?.containers ?? []) said.push(...fill(container, defaults, 'container'));
  for (const container of pod.spec?.initContainers ?? []) said.push(...fill(container, defaults, 'init container'));
  if (said.length === 0) return;
  pod.metadata ??= {};
  pod.metadata.annotations = { ...pod.metadata.annotations, 'kubernetes.io/limit-ranger': `LimitRanger plugin set: ${said.join('; ')}` };
}

function copyInto(into: Record<string, string>, from: List | undefined): void {
  for (const [name, value] of Object.entries(from ?? {})) setOwn(into, name, value);
}

/** What was set, in words. */
function fill(container: Draft<Container>, defaults: { readonly limits: List; readonly requests: List }, what: string): readonly string[] {
  const said: string[] = [];
  for (const [field, word] of [
    ['requests', 'request'],
    ['limits', 'limit'],
  ] as const) {
    const missing = Object.entries(defaults[field]).filter(([name]) => !hasOwn(container.resources?.[field], name));
    if (missing.length === 0) continue;
    container.resources ??= {};
    const list: Record<string, string> = { ...container.resources[field] };
    for (const [name, value] of missing) setOwn(list, name, value);
    container.resources[field] = list;
    said.push(
      `${missing
        .map(([name]) => name)
        .sort()
        .join(', ')} ${word} for ${what} ${container.name}`,
    );
  }
  return said;
}

function faultsOf(request: AdmissionRequest, item: LimitRangeItem): readonly string[] {
  if (request.resource === persistentVolumeClaims.resource) return item.type === 'PersistentVolumeClaim' ? claimFaults(request, item) : [];
  const { spec } = draftOf(request, pods);
  if (spec === undefined) return [];
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  if (item.type === 'Container') return containers.flatMap(({ resources }) => bounds(item, read(resources?.requests), read(resources?.limits)));
  if (item.type !== 'Pod') return [];
  return bounds(item, total(spec, 'requests'), total(spec, 'limits'));
}

type Amounts = ReadonlyMap<string, Quantity>;

function read(list: List | undefined): Amounts {
  const amounts = new Map<string, Quantity>();
  for (const [name, text] of Object.entries(list ?? {})) {
    const quantity = parseQuantity(text);
    if (quantity !== undefined) amounts.set(name, quantity);
  }
  return amounts;
}

/**
 * All containers and sidecars together, or the largest init container with the sidecars before it, whichever is more; what the pod says for
 * itself comes first.
 */
function total(spec: Draft<NonNullable<Pod['spec']>>, field: 'requests' | 'limits'): Amounts {
  const add = (into: Map<string, Quantity>, resources: Draft<ResourceRequirements> | undefined): Map<string, Quantity> => {
    for (const [name, quantity] of read(resources?.[field])) into.set(name, addQuantities(into.get(name) ?? ZERO_QUANTITY, quantity));
    return into;
  };
  const sidecars = new Map<string, Quantity>();
  const starting: Amounts[] = [];
  for (const { resources, restartPolicy } of spec.initContainers ?? [])
    starting.push(restartPolicy === 'Always' ? new Map(add(sidecars, resources)) : add(new Map(sidecars), resources));
  const sum = new Map(sidecars);
  for (const { resources } of spec.containers ?? []) add(sum, resources);
  for (const [name, quantity] of starting.flatMap((amounts) => [...amounts]))
    if (compareQuantities(quantity, sum.get(name) ?? ZERO_QUANTITY) >= 0) sum.set(name, quantity);
  for (const [name, quantity] of read(spec.resources?.[field])) sum.set(name, quantity);
  return sum;
}

function bounds({ type, min, max, maxLimitRequestRatio }: LimitRangeItem, requests: Amounts, limits: Amounts): readonly string[] {
  const faults: string[] = [];
  const each = (list: List | undefined, check: (name: string, bound: Quantity) => string | undefined): void => {
    for (const [name, bound] of [...read(list)].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const fault = check(name, bound);
      if (fault !== undefined) faults.push(fault);
    }
  };
  each(min, (name, bound) => below(type, name, bound, requests.get(name), limits.get(name)));
  each(max, (name, bound) => above(type, name, bound, requests.get(name), limits.get(name)));
  each(maxLimitRequestRatio, (name, bound) => ratio(type, name, bound, requests.get(name), limits.get(name)));
  return faults;
}

function below(type: string, name: string, bound: Quantity, request: Quantity | undefined, limit: Quantity | undefined): string | undefined {
  const start = `minimum ${name} usage per ${type} is ${formatQuantity(bound)}`;
  if (request === undefined) return `${start}.  No request is specified`;
  if (compareQuantities(request, bound) < 0) return `${start}, but request is ${formatQuantity(request)}`;
  return limit !== undefined && compareQuantities(limit, bound) < 0 ? `${start}, but limit is ${formatQuantity(limit)}` : undefined;
}

function above(type: string, name: string, bound: Quantity, request: Quantity | undefined, limit: Quantity | undefined): string | undefined {
  const start = `maximum ${name} usage per ${type} is ${formatQuantity(bound)}`;
  if (limit === undefined) return `${start}.  No limit is specified`;
  if (compareQuantities(limit, bound) > 0) return `${start}, but limit is ${formatQuantity(limit)}`;
  return request !== undefined && compareQuantities(request, bound) > 0 ? `${start}, but request is ${formatQuantity(request)}` : undefined;
}

function ratio(type: string, name: string, bound: Quantity, request: Quantity | undefined, limit: Quantity | undefined): string | undefined {
  const start = `${name} max limit to request ratio per ${type} is ${formatQuantity(bound)}`;
  if (request === undefined || request.nanos === 0n) return `${start}, but no request is specified or request is 0`;
  if (limit === undefined || limit.nanos === 0n) return `${start}, but no limit is specified or limit is 0`;
  const found = quantityMilliNumber(limit) / quantityMilliNumber(request);
  return found * 1000 > quantityMilliNumber(bound) ? `${start}, but provided ratio is ${found.toFixed(6)}` : undefined;
}

/** Claims have requests only. */
function claimFaults(request: AdmissionRequest, { type, min, max }: LimitRangeItem): readonly string[] {
  const requests = read(draftOf(request, persistentVolumeClaims).spec?.resources?.requests);
  const faults: string[] = [];
  for (const [name, bound] of read(min)) {
    const fault = below(type, name, bound, requests.get(name), undefined);
    if (fault !== undefined) faults.push(fault);
  }
  for (const name of Object.keys(max ?? {})) {
    const bound = parseQuantity(getOwn(max, name) ?? '');
    const asked = requests.get(name);
    if (bound === undefined) continue;
    const start = `maximum ${name} usage per ${type} is ${formatQuantity(bound)}`;
    if (asked === undefined) faults.push(`${start}.  No request is specified`);
    else if (compareQuantities(asked, bound) > 0) faults.push(`${start}, but request is ${formatQuantity(asked)}`);
  }
  return faults;
}
