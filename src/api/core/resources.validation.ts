import { duplicate, type FieldPath, forbidden, invalid, notFound, notSupported, required } from '../../machinery/field-error.ts';
import { dns1123LabelFaults, qualifiedNameFaults } from '../../machinery/names.ts';
import { compareQuantities, formatQuantity, parseQuantity, type Quantity, quantityValue } from '../../machinery/quantity.ts';
import { getOwn } from '../../machinery/record.ts';
import { addFaults, type Errors, isEmpty, NON_NEGATIVE } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';
import { containerRequests, isPodLevel } from './pod.rules.ts';

export type ResourceList = Readonly<Record<string, string>> | undefined;

const CONTAINER_RESOURCES = new Set(['cpu', 'memory', 'ephemeral-storage']);
const QUOTA_RESOURCES = [
  'pods',
  'services',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'storage',
  'requests.cpu',
  'requests.memory',
  'requests.storage',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'services.nodeports',
  'services.loadbalancers',
];
/** Names without a domain that requests, limits and quotas may give. */
export const STANDARD_RESOURCES: ReadonlySet<string> = new Set([...CONTAINER_RESOURCES, ...QUOTA_RESOURCES]);
const HUGE_PAGES = 'hugepages-';
const NATIVE_PREFIX = 'kubernetes.io/';

export const isHugePages = (name: string): boolean => name.startsWith(HUGE_PAGES);
/** Without a domain, or in Kubernetes' own. */
export const isNative = (name: string): boolean => !name.includes('/') || name.includes(NATIVE_PREFIX);

/** Resources of device plugins and the like: `example.com/device`, counted in whole numbers. */
export function isExtendedResource(name: string): boolean {
  return !isNative(name) && !name.startsWith('requests.') && qualifiedNameFaults(`requests.${name}`).length === 0;
}

export function checkResourceName(errors: Errors, path: FieldPath, name: string): void {
  const faults = qualifiedNameFaults(name);
  addFaults(errors, path, name, faults);
  if (faults.length === 0 && !name.includes('/') && !STANDARD_RESOURCES.has(name) && !isHugePages(name))
    errors.push(invalid(path, name, 'must be a standard resource type or fully qualified'));
}

export function checkContainerResourceName(errors: Errors, path: FieldPath, name: string): void {
  checkResourceName(errors, path, name);
  if (!name.includes('/')) {
    if (!CONTAINER_RESOURCES.has(name) && !isHugePages(name)) errors.push(invalid(path, name, 'must be a standard resource for containers'));
  } else if (!isNative(name) && !isExtendedResource(name)) {
    errors.push(invalid(path, name, "doesn't follow extended resource name standard"));
  }
}

const POD_RESOURCES = ['cpu', HUGE_PAGES, 'memory'];

function checkPodResourceName(errors: Errors, path: FieldPath, name: string): void {
  const faults: Errors = [];
  checkResourceName(faults, path, name);
  if (faults.length === 0 && !isPodLevel(name)) faults.push(notSupported(path, name, POD_RESOURCES));
  errors.push(...faults);
}

const WHOLE = new Set([
  'pods',
  'services',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
]);

/** An amount of a resource: not negative, and whole where only whole ones make sense. */
export function checkAmount(errors: Errors, path: FieldPath, name: string, text: string): void {
  const quantity = quantityOf(text);
  if (quantity.nanos < 0n) errors.push(invalid(path, text, NON_NEGATIVE));
  if ((WHOLE.has(name) || isExtendedResource(name)) && quantity.nanos % 1_000_000_000n !== 0n) errors.push(invalid(path, text, 'must be an integer'));
}

/** How much there is of something. */
export function checkCapacity(errors: Errors, path: FieldPath, text: string): void {
  const value = quantityValue(quantityOf(text));
  if (value < 0n) errors.push(invalid(path, Number(value), 'must be a valid resource quantity'));
}

/** Quantities have been parsed when the object was decoded. */
export const quantityOf = (text: string | undefined): Quantity => parseQuantity(text ?? '0') ?? { nanos: 0n, format: 'DecimalSI' };

/** Huge pages, extended resources: what is requested is what may be used. */
export const mayOvercommit = (name: string): boolean => isNative(name) && !isHugePages(name);

type CheckName = (errors: Errors, path: FieldPath, name: string) => void;

export function validateResources(
  resources: core.ResourceRequirements | undefined,
  path: FieldPath,
  claimNames: ReadonlySet<string>,
  checkName: CheckName = checkContainerResourceName,
): Errors {
  const errors: Errors = [];
  if (resources === undefined) return errors;
  for (const part of ['limits', 'requests'] as const) {
    for (const [name, amount] of Object.entries(resources[part] ?? {})) {
      const at = path.child(part).key(name);
      checkName(errors, at, name);
      checkAmount(errors, at, name, amount);
      if (part === 'requests') checkRequest(errors, { name, amount, limit: getOwn(resources.limits, name) }, path);
      if (isHugePages(name) && !isWholePages(name, amount)) errors.push(invalid(at, amount, `${amount} is not positive integer multiple of ${name}`));
    }
  }
  const names = [...Object.keys(resources.limits ?? {}), ...Object.keys(resources.requests ?? {})];
  if (names.some(isHugePages) && !names.some((n) => n === 'cpu' || n === 'memory')) errors.push(forbidden(path, 'HugePages require cpu or memory'));
  checkClaims(errors, resources.claims, path.child('claims'), claimNames);
  return errors;
}

/** `hugepages-2Mi`: of so many bytes is each. */
function isWholePages(name: string, amount: string): boolean {
  const page = quantityOf(name.slice(HUGE_PAGES.length));
  if (page.nanos <= 0n || page.nanos % 1_000_000_000n !== 0n) return false;
  return quantityValue(quantityOf(amount)) % quantityValue(page) === 0n;
}

/** `path`: of the resources. */
function checkRequest(
  errors: Errors,
  { name, amount, limit }: { readonly name: string; readonly amount: string; readonly limit: string | undefined },
  path: FieldPath,
): void {
  if (limit === undefined) {
    if (!mayOvercommit(name)) errors.push(required(path.child('limits'), 'Limit must be set for non overcommitable resources'));
    return;
  }
  const [asked, most] = [quantityOf(amount).nanos, quantityOf(limit).nanos];
  const at = path.child('requests');
  if (asked !== most && !mayOvercommit(name)) errors.push(invalid(at, amount, `must be equal to ${name} limit of ${limit}`));
  else if (asked > most) errors.push(invalid(at, amount, `must be less than or equal to ${name} limit of ${limit}`));
}

/** A claim as a whole, or requests of it, each once. */
function checkClaims(errors: Errors, claims: readonly core.ResourceClaim[] | undefined, path: FieldPath, known: ReadonlySet<string>): void {
  const seen = new Set<string>();
  const names = [...known].sort();
  for (const [i, { name, request = '' }] of (claims ?? []).entries()) {
    const at = path.index(i);
    if (isEmpty(name)) {
      errors.push(required(at));
      continue;
    }
    const key = request === '' ? name : `${name}/${request}`;
    if (seen.has(name)) errors.push(duplicate(at, name));
    else {
      if (request !== '') addFaults(errors, at.child('request'), request, dns1123LabelFaults(request));
      if (seen.has(key)) errors.push(duplicate(at, key));
      else if (request === '') for (const other of seen) if (other.startsWith(`${name}/`)) errors.push(duplicate(at, name));
      seen.add(key);
    }
    const which = names.length === 0 ? ' which is empty' : `: ${names.join(', ')}`;
    if (!known.has(name)) errors.push({ ...notFound(at, name), detail: `must be one of the names in pod.spec.resourceClaims${which}` });
  }
}

/** Resources of a pod as a whole (KEP-2837): no less than its containers ask for together, no less than one of them may use. */
export function validatePodResources(spec: core.PodSpec, path: FieldPath, claimNames: ReadonlySet<string>): Errors {
  const errors: Errors = [];
  const { resources } = spec;
  if (resources === undefined) return errors;
  if (spec.os?.name === 'windows') return [forbidden(path, 'may not be set for a windows pod')];
  if (resources.claims !== undefined) errors.push(forbidden(path.child('claims'), 'claims may not be set for Resources at pod-level'));
  errors.push(...validateResources(resources, path, claimNames, checkPodResourceName));
  errors.push(...togetherErrors(containerRequests(spec), resources, 'requests', path));
  const limits = [...containerRequests(spec, 'limits')].filter(([name]) => isHugePages(name));
  errors.push(...togetherErrors(limits, resources, 'limits', path));
  for (const [i, container] of (spec.containers ?? []).entries()) {
    for (const [name, limit] of Object.entries(container.resources?.limits ?? {})) {
      const most = getOwn(resources.limits, name);
      if (most === undefined || compareQuantities(quantityOf(limit), quantityOf(most)) <= 0) continue;
      // The path is the one that Kubernetes gives.
      errors.push(invalid(path.child('containers').index(i).key(name).child('limits'), limit, `must be less than or equal to pod limits of ${most}`));
    }
  }
  return errors;
}

/** Where a pod says how much it has, its containers together have no more. `path`: of the resources. */
function togetherErrors(
  amounts: Iterable<readonly [name: string, together: Quantity]>,
  resources: core.ResourceRequirements,
  part: 'requests' | 'limits',
  path: FieldPath,
): Errors {
  const errors: Errors = [];
  for (const [name, together] of amounts) {
    const own = getOwn(resources[part], name);
    if (own === undefined || compareQuantities(together, quantityOf(own)) <= 0) continue;
    errors.push(invalid(path.child(part).key(name), own, `must be greater than or equal to aggregate container ${part} of ${formatQuantity(together)}`));
  }
  return errors;
}

/** What a pod takes beside its containers: one amount of each resource. */
export function validateOverhead(overhead: ResourceList, path: FieldPath): Errors {
  return overhead === undefined ? [] : validateResources({ limits: overhead }, path, new Set());
}
