import { pods, resourceQuotas } from '../../api/gen/resources.ts';
import type { Pod, PodSpec, ResourceQuota } from '../../api/gen/types/core.v1.ts';
import { isPodLevel } from '../../api/core/pod.rules.ts';
import { addUsage, isTerminating, quotaMatches, type Usage, usageChange, usageOf } from '../../api/core/resource-quota.rules.ts';
import type { Draft, KubeObject, Stored } from '../../machinery/object.ts';
import { compareQuantities, formatQuantity, parseQuantity, type Quantity } from '../../machinery/quantity.ts';
import { hasOwn, setOwn } from '../../machinery/record.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../stages.ts';
import { storedList } from '../stored.ts';
import { draftOf, oldOf, refuse } from './request.ts';

const NONE: Usage = new Map();
/** These count on an update too: what they use may grow. */
const GROWING: ReadonlySet<string> = new Set(['services', 'persistentvolumeclaims']);

/**
 * ResourceQuota, the last of all: a write that would use more than a quota allows is refused, and what it does use is added to
 * the quota's status in the same commit, so that no number of concurrent writes gets past it.
 */
export const resourceQuota: AdmissionPlugin = {
  name: 'ResourceQuota',
  handles: (request) => {
    const { namespace, operation, kind, subresource, resource } = request;
    if (namespace === '' || !kind.namespaced) return false;
    // Events are not counted, and there are many of them.
    if (operation === 'CREATE') return subresource === '' && resource !== 'events';
    if (operation !== 'UPDATE' || kind.group !== '') return false;
    if (resource === 'pods') return subresource === 'resize' || (subresource === '' && changesScope(request));
    return subresource === '' && GROWING.has(resource);
  },
  validate(request) {
    const quotas = storedList(request.reader, resourceQuotas, request.namespace);
    for (const quota of quotas) charge(request, quota);
  },
};

/** A pod that is given an end counts elsewhere from then on. */
function changesScope(request: AdmissionRequest): boolean {
  const [before, after] = [oldOf(request, pods)?.spec, draftOf(request, pods).spec];
  return before !== undefined && after !== undefined && isTerminating(before) !== isTerminating(after as PodSpec);
}

function charge(request: AdmissionRequest, quota: Stored<ResourceQuota>): void {
  const about = { group: request.kind.group, resource: request.resource };
  const object = request.object as unknown as KubeObject;
  const before = request.old !== undefined && quotaMatches(quota, about, request.old) ? usageOf(about, request.old, request.nowMs) : NONE;
  const counted = quotaMatches(quota, about, object);
  const after = counted ? usageOf(about, object, request.nowMs) : NONE;
  const hard = quantities(quota.status?.hard ?? quota.spec?.hard);
  if (counted && request.operation === 'CREATE') requireAmounts(request, quota, hard);
  const change = only(usageChange(after, before), hard);
  if (change.size === 0) return;
  const used = quantities(quota.status?.used);
  const unknown = [...change.keys()].filter((name) => quota.status?.hard === undefined || !hasOwn(quota.status.hard, name) || !used.has(name)).sort();
  if (unknown.length > 0) throw refuse(request, `status unknown for quota: ${quota.metadata.name}, resources: ${unknown.join(',')}`);
  const next = addUsage(used, change);
  const exceeded = [...change.keys()].filter((name) => grows(change.get(name)) && over(next.get(name), hard.get(name))).sort();
  if (exceeded.length > 0) {
    const say = (list: Usage): string => exceeded.map((name) => `${name}=${formatQuantity(list.get(name) ?? { nanos: 0n, format: 'DecimalSI' })}`).join(',');
    throw refuse(request, `exceeded quota: ${quota.metadata.name}, requested: ${say(change)}, used: ${say(used)}, limited: ${say(hard)}`);
  }
  if (!request.dryRun) request.alsoUpdate({ group: '', resource: resourceQuotas.resource, read: quota, object: withUsed(quota, next) });
}

const grows = (quantity: Quantity | undefined): boolean => quantity !== undefined && quantity.nanos > 0n;
const over = (used: Quantity | undefined, hard: Quantity | undefined): boolean => used !== undefined && hard !== undefined && compareQuantities(used, hard) > 0;

function quantities(list: Readonly<Record<string, string>> | undefined): Map<string, Quantity> {
  const found = new Map<string, Quantity>();
  for (const [name, text] of Object.entries(list ?? {})) {
    const quantity = parseQuantity(text);
    if (quantity !== undefined) found.set(name, quantity);
  }
  return found;
}

function only(usage: Usage, names: Usage): Usage {
  return new Map([...usage].filter(([name]) => names.has(name)));
}

function withUsed(quota: Stored<ResourceQuota>, usage: Usage): Draft<KubeObject> {
  const used: Record<string, string> = { ...quota.status?.used };
  for (const [name, quantity] of usage) setOwn(used, name, formatQuantity(quantity));
  return { ...quota, status: { ...quota.status, used } } as unknown as Draft<KubeObject>;
}

const COMPUTE: ReadonlySet<string> = new Set(['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']);

/** A quota on cpu or memory holds only if every container says how much it wants, or the pod for all of them. */
function requireAmounts(request: AdmissionRequest, quota: Stored<ResourceQuota>, hard: Usage): void {
  if (request.kind.group !== '' || request.resource !== pods.resource) return;
  const spec = draftOf(request, pods).spec as Pod['spec'];
  if ([spec?.resources?.requests, spec?.resources?.limits].some((list) => Object.keys(list ?? {}).some(isPodLevel))) return;
  const required = [...hard.keys()].filter((name) => COMPUTE.has(name)).sort();
  const missing = required.map((name) => [name, lacking(spec, name)] as const).filter(([, containers]) => containers.length > 0);
  if (missing.length === 0) return;
  const text = missing.map(([name, containers]) => `${name} for: ${containers.join(',')}`).join('; ');
  throw refuse(request, `failed quota: ${quota.metadata.name}: must specify ${text}`);
}

/** The containers that say nothing about it. */
function lacking(spec: Pod['spec'], name: string): readonly string[] {
  const list = name.startsWith('limits.') ? 'limits' : 'requests';
  const resource = name.replace(/^(limits|requests)\./, '');
  const all = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  const silent = all.filter(({ resources }) => !hasOwn(resources?.[list], resource));
  return silent.map((container) => container.name).sort();
}
