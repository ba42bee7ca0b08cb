import { duplicate, type FieldError, type FieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { qualifiedNameFaults } from '../../machinery/names.ts';
import { getOwn } from '../../machinery/record.ts';
import { addFaults, asJson, type Errors, IMMUTABLE, root } from '../checks.ts';
import { semanticEqual } from '../equal.ts';
import type * as core from '../gen/types/core.v1.ts';
import { checkAmount, isHugePages, quantityOf, STANDARD_RESOURCES } from './resources.validation.ts';

const SCOPES = ['BestEffort', 'CrossNamespacePodAffinity', 'NotBestEffort', 'NotTerminating', 'PriorityClass', 'Terminating', 'VolumeAttributesClass'];

export function validateResourceQuota({ spec }: core.ResourceQuota): readonly FieldError[] {
  const errors: Errors = [];
  for (const [name, amount] of Object.entries(spec?.hard ?? {})) {
    const at = root('spec').child('hard').key(name);
    addFaults(errors, at, name, qualifiedNameFaults(name));
    if (!name.includes('/') && !STANDARD_RESOURCES.has(name) && !isHugePages(name.replace(/^requests\./, '')))
      errors.push(invalid(at, name, 'must be a standard resource for quota'));
    checkAmount(errors, at, name, amount);
  }
  const counted = Object.keys(spec?.hard ?? {}).filter((name) => STANDARD_RESOURCES.has(name));
  errors.push(...validateScopes(spec?.scopes, counted));
  for (const [i, { scopeName, operator, values = [] }] of (spec?.scopeSelector?.matchExpressions ?? []).entries()) {
    const at = root('spec').child('scopeSelector', 'matchExpressions').index(i);
    if (!SCOPES.includes(scopeName)) errors.push(invalid(at.child('scopeName'), scopeName, 'unsupported scope'));
    if (!counted.every((name) => fitsScope(name, scopeName))) errors.push(invalid(at, asJson(spec?.scopeSelector), 'unsupported scope applied to resource'));
    if (WITHOUT_VALUES.has(scopeName) && operator !== 'Exists') errors.push(invalid(at.child('operator'), operator, MUST_EXIST));
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0) errors.push(required(at.child('values'), "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"));
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length > 0)
        errors.push(invalid(at.child('values'), asJson(values), "must be no value when `operator` is 'Exists' or 'DoesNotExist' for scope selector"));
    } else errors.push(invalid(at.child('operator'), operator, 'not a valid selector operator'));
  }
  return errors;
}

const OF_PODS = new Set(['pods', 'cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']);
const OF_CLAIMS = new Set(['persistentvolumeclaims', 'requests.storage']);
const WITHOUT_VALUES: ReadonlySet<string> = new Set(['BestEffort', 'NotBestEffort', 'Terminating', 'NotTerminating', 'CrossNamespacePodAffinity']);
const MUST_EXIST =
  "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";

/** Whether what a scope selects can use any of it (upstream `IsResourceQuotaScopeValidForResource`). */
function fitsScope(resource: string, scope: string): boolean {
  if (!SCOPES.includes(scope)) return true;
  if (scope === 'BestEffort') return resource === 'pods';
  return (scope === 'VolumeAttributesClass' ? OF_CLAIMS : OF_PODS).has(resource);
}

/** `counted`: the standard resources that the quota bounds. */
function validateScopes(scopes: readonly string[] | undefined, counted: readonly string[]): Errors {
  const errors: Errors = [];
  const path = root('spec').child('scopes');
  for (const scope of scopes ?? []) {
    if (!SCOPES.includes(scope)) errors.push(invalid(path, asJson(scopes), 'unsupported scope'));
    for (const name of counted) if (!fitsScope(name, scope)) errors.push(invalid(path, asJson(scopes), 'unsupported scope applied to resource'));
  }
  for (const [a, b] of [
    ['BestEffort', 'NotBestEffort'],
    ['Terminating', 'NotTerminating'],
  ] as const) {
    if ((scopes ?? []).includes(a) && (scopes ?? []).includes(b)) errors.push(invalid(path, asJson(scopes), 'conflicting scopes'));
  }
  return errors;
}

export function validateResourceQuotaUpdate(quota: core.ResourceQuota, old: core.ResourceQuota): readonly FieldError[] {
  const errors: Errors = [...validateResourceQuota(quota)];
  if (!semanticEqual([...(quota.spec?.scopes ?? [])].sort(), [...(old.spec?.scopes ?? [])].sort()))
    errors.push(invalid(root('spec').child('scopes'), asJson(quota.spec?.scopes), IMMUTABLE));
  return errors;
}

const LIMIT_TYPES = ['Container', 'PersistentVolumeClaim', 'Pod'];

export function validateLimitRange({ spec }: core.LimitRange): readonly FieldError[] {
  const errors: Errors = [];
  const seen = new Set<string>();
  for (const [i, item] of (spec?.limits ?? []).entries()) {
    const at = root('spec').child('limits').index(i);
    if (!item.type.includes('/') && !LIMIT_TYPES.includes(item.type)) errors.push(notSupported(at.child('type'), item.type, LIMIT_TYPES));
    if (seen.has(item.type)) errors.push(duplicate(at.child('type'), item.type));
    seen.add(item.type);
    errors.push(...validateLimits(item, at));
  }
  return errors;
}

/** min ≤ defaultRequest ≤ default ≤ max, for each resource. */
function validateLimits(item: core.LimitRangeItem, path: FieldPath): Errors {
  const errors: Errors = [];
  if (item.type === 'Pod')
    for (const field of ['default', 'defaultRequest'] as const)
      if (Object.keys(item[field] ?? {}).length > 0) errors.push(forbidden(path.child(field), "may not be specified when `type` is 'Pod'"));
  if (item.type === 'PersistentVolumeClaim' && getOwn(item.min, 'storage') === undefined && getOwn(item.max, 'storage') === undefined) {
    errors.push(required(path.child('limits'), 'either minimum or maximum storage value is required, but neither was provided'));
  }
  const names = new Set(['min', 'max', 'default', 'defaultRequest', 'maxLimitRequestRatio'].flatMap((f) => Object.keys(item[f as 'min'] ?? {})));
  for (const name of names) {
    const of = (field: 'min' | 'max' | 'default' | 'defaultRequest' | 'maxLimitRequestRatio'): string | undefined => getOwn(item[field], name);
    const above = (a: string | undefined, b: string | undefined): boolean => a !== undefined && b !== undefined && quantityOf(a).nanos > quantityOf(b).nanos;
    const [min, max, request, limit, ratio] = [of('min'), of('max'), of('defaultRequest'), of('default'), of('maxLimitRequestRatio')];
    if (above(min, max)) errors.push(invalid(path.child('min').key(name), min, `min value ${min} is greater than max value ${max}`));
    if (above(min, request))
      errors.push(invalid(path.child('defaultRequest').key(name), request, `min value ${min} is greater than default request value ${request}`));
    if (above(request, max))
      errors.push(invalid(path.child('defaultRequest').key(name), request, `default request value ${request} is greater than max value ${max}`));
    if (above(request, limit))
      errors.push(invalid(path.child('defaultRequest').key(name), request, `default request value ${request} is greater than default limit value ${limit}`));
    if (above(min, limit)) errors.push(invalid(path.child('default').key(name), limit, `min value ${min} is greater than default value ${limit}`));
    if (above(limit, max)) errors.push(invalid(path.child('default').key(name), limit, `default value ${limit} is greater than max value ${max}`));
    if (ratio !== undefined && quantityOf(ratio).nanos < 1_000_000_000n)
      errors.push(invalid(path.child('maxLimitRequestRatio').key(name), ratio, `ratio ${ratio} is less than 1`));
  }
  return errors;
}
