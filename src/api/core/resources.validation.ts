import { type FieldPath, forbidden, invalid, notFound, notSupported, required } from '../../machinery/field-error.ts';
import { qualifiedNameFaults } from '../../machinery/names.ts';
import { parseQuantity, type Quantity } from '../../machinery/quantity.ts';
import { getOwn } from '../../machinery/record.ts';
import { addFaults, checkUnique, type Errors, NON_NEGATIVE } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';

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
const isNative = (name: string): boolean => !name.includes('/') || name.includes(NATIVE_PREFIX);

/** Resources of device plugins and the like: `example.com/device`, counted in whole numbers. */
export function isExtendedResource(name: string): boolean {
  return !isNative(name) && !name.startsWith('requests.') && qualifiedNameFaults(`requests.${name}`).length === 0;
}

export function checkResourceName(errors: Errors, path: FieldPath, name: string): void {
  addFaults(errors, path, name, qualifiedNameFaults(name));
  if (!name.includes('/') && !STANDARD_RESOURCES.has(name) && !isHugePages(name))
    errors.push(invalid(path, name, 'must be a standard resource type or fully qualified'));
}

function checkContainerResourceName(errors: Errors, path: FieldPath, name: string): void {
  checkResourceName(errors, path, name);
  if (!name.includes('/')) {
    if (!CONTAINER_RESOURCES.has(name) && !isHugePages(name)) errors.push(invalid(path, name, 'must be a standard resource for containers'));
  } else if (!isNative(name) && !isExtendedResource(name)) {
    errors.push(invalid(path, name, "doesn't follow extended resource name standard"));
  }
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

/** Quantities have been parsed when the object was decoded. */
export const quantityOf = (text: string | undefined): Quantity => parseQuantity(text ?? '0') ?? { nanos: 0n, format: 'DecimalSI' };

/** Huge pages, extended resources: what is requested is what may be used. */
const mayOvercommit = (name: string): boolean => isNative(name) && !isHugePages(name);

export function validateResources(resources: core.ResourceRequirements | undefined, path: FieldPath, claimNames: ReadonlySet<string>): Errors {
  const errors: Errors = [];
  if (resources === undefined) return errors;
  const limitsPath = path.child('limits');
  const requestsPath = path.child('requests');
  for (const [name, amount] of Object.entries(resources.limits ?? {})) {
    checkContainerResourceName(errors, limitsPath.key(name), name);
    checkAmount(errors, limitsPath.key(name), name, amount);
  }
  for (const [name, amount] of Object.entries(resources.requests ?? {})) {
    checkContainerResourceName(errors, requestsPath.key(name), name);
    checkAmount(errors, requestsPath.key(name), name, amount);
    checkRequest(errors, { name, amount, limit: getOwn(resources.limits, name) }, requestsPath, limitsPath);
  }
  const names = [...Object.keys(resources.limits ?? {}), ...Object.keys(resources.requests ?? {})];
  if (names.some(isHugePages) && !names.some((n) => n === 'cpu' || n === 'memory')) errors.push(forbidden(path, 'HugePages require cpu or memory'));
  checkClaims(errors, resources.claims, path.child('claims'), claimNames);
  return errors;
}

function checkRequest(
  errors: Errors,
  { name, amount, limit }: { readonly name: string; readonly amount: string; readonly limit: string | undefined },
  requests: FieldPath,
  limits: FieldPath,
): void {
  if (limit === undefined) {
    if (!mayOvercommit(name)) errors.push(required(limits, 'Limit must be set for non overcommitable resources'));
    return;
  }
  const [asked, most] = [quantityOf(amount).nanos, quantityOf(limit).nanos];
  if (asked > most) errors.push(invalid(requests, amount, `must be less than or equal to ${name} limit of ${limit}`));
  else if (asked !== most && !mayOvercommit(name)) errors.push(invalid(requests, amount, `must be equal to ${name} limit of ${limit}`));
}

function checkClaims(errors: Errors, claims: readonly core.ResourceClaim[] | undefined, path: FieldPath, known: ReadonlySet<string>): void {
  for (const [i, claim] of (claims ?? []).entries()) {
    if (claim.name === '') errors.push(required(path.index(i).child('name')));
    else if (!known.has(claim.name)) errors.push(notFound(path.index(i).child('name'), claim.name));
  }
  checkUnique(errors, path, claims, (c) => `${c.name}/${c.request ?? ''}`);
}

const POD_RESOURCES = ['cpu', 'memory'];

/** Resources of a pod as a whole. */
export function validatePodResources(resources: core.ResourceRequirements | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  if (resources === undefined) return errors;
  for (const part of ['limits', 'requests'] as const) {
    for (const [name, amount] of Object.entries(resources[part] ?? {})) {
      const at = path.child(part).key(name);
      if (!POD_RESOURCES.includes(name) && !isHugePages(name)) errors.push(notSupported(at, name, [...POD_RESOURCES, HUGE_PAGES]));
      checkAmount(errors, at, name, amount);
      if (part === 'requests') checkRequest(errors, { name, amount, limit: getOwn(resources.limits, name) }, path.child('requests'), path.child('limits'));
    }
  }
  if ((resources.claims ?? []).length > 0) errors.push(forbidden(path.child('claims'), 'claims may not be set for Resources at pod-level'));
  return errors;
}
