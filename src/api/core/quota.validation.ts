import { duplicate, type FieldError, type FieldPath, forbidden, invalid, required } from '../../machinery/field-error.ts';
import { qualifiedNameFaults } from '../../machinery/names.ts';
import type { Json } from '../../machinery/object.ts';
import { getOwn } from '../../machinery/record.ts';
import { addFaults, asJson, type Errors, IMMUTABLE, root } from '../checks.ts';
import { semanticEqual } from '../equal.ts';
import type * as core from '../gen/types/core.v1.ts';
import {
  checkAmount,
  checkContainerResourceName,
  checkResourceName,
  isHugePages,
  mayOvercommit,
  quantityOf,
  STANDARD_RESOURCES,
} from './resources.validation.ts';

const POD_COUNT = ['pods'];
const POD_COMPUTE = [...POD_COUNT, 'cpu', 'memory', 'limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory'];

/** Which of the standard resources a scope can count. */
const SCOPES: Readonly<Record<string, readonly string[]>> = {
  BestEffort: POD_COUNT,
  CrossNamespacePodAffinity: POD_COMPUTE,
  NotBestEffort: POD_COMPUTE,
  NotTerminating: POD_COMPUTE,
  PriorityClass: POD_COMPUTE,
  Terminating: POD_COMPUTE,
  VolumeAttributesClass: ['persistentvolumeclaims', 'requests.storage'],
};
/** Scopes that a pod is in or is not: there is nothing to compare. */
const WITHOUT_VALUES = ['BestEffort', 'NotBestEffort', 'Terminating', 'NotTerminating', 'CrossNamespacePodAffinity'];
const EXISTS_ONLY =
  "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
const SPEC = root('spec');

const isQuotaResource = (name: string): boolean =>
  name !== 'storage' && (STANDARD_RESOURCES.has(name) || isHugePages(name) || isHugePages(name.replace(/^requests\./, '')));

function amountErrors(amounts: Readonly<Record<string, string>> | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  for (const [name, amount] of Object.entries(amounts ?? {})) {
    const at = path.key(name);
    if (!isQuotaResource(name)) checkResourceName(errors, at, name);
    if (!name.includes('/') && !isQuotaResource(name)) errors.push(invalid(at, name, 'must be a standard resource for quota'));
    checkAmount(errors, at, name, amount);
  }
  return errors;
}

export const validateResourceQuota = ({ spec }: core.ResourceQuota): readonly FieldError[] => [
  ...amountErrors(spec?.hard, SPEC.child('hard')),
  ...validateScopes(spec),
  ...validateScopeSelector(spec),
];

export const validateResourceQuotaStatus = ({ status }: core.ResourceQuota): readonly FieldError[] => [
  ...amountErrors(status?.hard, root('status').child('hard')),
  ...amountErrors(status?.used, root('status').child('used')),
];

/** Resources of the quota that the scope can't count. */
function unsuited(scope: string, spec: core.ResourceQuotaSpec | undefined): readonly string[] {
  const suited = getOwn(SCOPES, scope);
  return suited === undefined ? [] : Object.keys(spec?.hard ?? {}).filter((name) => isQuotaResource(name) && !suited.includes(name));
}

function conflictErrors(scopes: readonly string[], path: FieldPath, value: Json): Errors {
  const pairs = [
    ['BestEffort', 'NotBestEffort'],
    ['Terminating', 'NotTerminating'],
  ];
  return pairs.filter((pair) => pair.every((scope) => scopes.includes(scope))).map(() => invalid(path, value, 'conflicting scopes'));
}

function validateScopes(spec: core.ResourceQuotaSpec | undefined): Errors {
  const errors: Errors = [];
  const path = SPEC.child('scopes');
  const scopes = spec?.scopes ?? [];
  for (const scope of scopes) {
    if (!Object.hasOwn(SCOPES, scope)) errors.push(invalid(path, [...scopes], 'unsupported scope'));
    for (const _name of unsuited(scope, spec)) errors.push(invalid(path, [...scopes], 'unsupported scope applied to resource'));
  }
  return [...errors, ...conflictErrors(scopes, path, [...scopes])];
}

/** The paths are those that Kubernetes gives, which name no requirement. */
function validateScopeSelector(spec: core.ResourceQuotaSpec | undefined): Errors {
  const errors: Errors = [];
  const path = SPEC.child('scopeSelector', 'matchExpressions');
  const requirements = spec?.scopeSelector?.matchExpressions ?? [];
  for (const { scopeName, operator, values = [] } of requirements) {
    if (!Object.hasOwn(SCOPES, scopeName)) errors.push(invalid(path.child('scopeName'), scopeName, 'unsupported scope'));
    for (const _name of unsuited(scopeName, spec)) errors.push(invalid(path, asJson(spec?.scopeSelector), 'unsupported scope applied to resource'));
    if (WITHOUT_VALUES.includes(scopeName) && operator !== 'Exists') errors.push(invalid(path.child('operator'), operator, EXISTS_ONLY));
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0) errors.push(required(path.child('values'), "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"));
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length > 0)
        errors.push(invalid(path.child('values'), asJson(values), "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"));
    } else errors.push(invalid(path.child('operator'), operator, 'not a valid selector operator'));
  }
  return [
    ...errors,
    ...conflictErrors(
      requirements.map(({ scopeName }) => scopeName),
      path,
      asJson(spec?.scopes),
    ),
  ];
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
    const faults = qualifiedNameFaults(item.type);
    addFaults(errors, at.child('type'), item.type, faults);
    if (faults.length === 0 && !item.type.includes('/') && !LIMIT_TYPES.includes(item.type))
      errors.push(invalid(at.child('type'), item.type, 'must be a standard limit type or fully qualified'));
    if (seen.has(item.type)) errors.push(duplicate(at.child('type'), item.type));
    seen.add(item.type);
    errors.push(...validateLimits(item, at));
  }
  return errors;
}

type Bound = 'max' | 'min' | 'default' | 'defaultRequest' | 'maxLimitRequestRatio';

/** min ≤ defaultRequest ≤ default ≤ max, for each resource. */
function validateLimits(item: core.LimitRangeItem, path: FieldPath): Errors {
  const errors: Errors = [];
  const names = new Set<string>();
  const checkNames = (field: Bound): void => {
    for (const name of Object.keys(item[field] ?? {})) {
      names.add(name);
      if (item.type === 'Pod' || item.type === 'Container') checkContainerResourceName(errors, path.child(field).key(name), name);
      else checkResourceName(errors, path.child(field).key(name), name);
    }
  };
  checkNames('max');
  checkNames('min');
  for (const field of ['default', 'defaultRequest'] as const) {
    if (item.type !== 'Pod') checkNames(field);
    else if (Object.keys(item[field] ?? {}).length > 0) errors.push(forbidden(path.child(field), "may not be specified when `type` is 'Pod'"));
  }
  if (item.type === 'PersistentVolumeClaim' && getOwn(item.min, 'storage') === undefined && getOwn(item.max, 'storage') === undefined) {
    errors.push(required(path.child('limits'), 'either minimum or maximum storage value is required, but neither was provided'));
  }
  checkNames('maxLimitRequestRatio');
  for (const name of names) errors.push(...boundErrors(item, name, path));
  return errors;
}

function boundErrors(item: core.LimitRangeItem, name: string, path: FieldPath): Errors {
  const errors: Errors = [];
  const of = (field: Bound): string | undefined => (item.type === 'Pod' && field.startsWith('default') ? undefined : getOwn(item[field], name));
  const above = (a: string | undefined, b: string | undefined): boolean => a !== undefined && b !== undefined && quantityOf(a).nanos > quantityOf(b).nanos;
  const [min, max, request, limit, ratio] = [of('min'), of('max'), of('defaultRequest'), of('default'), of('maxLimitRequestRatio')];
  const tell = (field: Bound, value: string | undefined, fault: string): void => {
    errors.push(invalid(path.child(field).key(name), value, fault));
  };
  if (above(min, max)) tell('min', min, `min value ${min} is greater than max value ${max}`);
  if (above(min, request)) tell('defaultRequest', request, `min value ${min} is greater than default request value ${request}`);
  if (above(request, max)) tell('defaultRequest', request, `default request value ${request} is greater than max value ${max}`);
  if (above(request, limit)) tell('defaultRequest', request, `default request value ${request} is greater than default limit value ${limit}`);
  // The value is the bound that the default breaks.
  if (above(min, limit)) tell('default', min, `min value ${min} is greater than default value ${limit}`);
  if (above(limit, max)) tell('default', max, `default value ${limit} is greater than max value ${max}`);
  if (ratio !== undefined && quantityOf(ratio).nanos < 1_000_000_000n) tell('maxLimitRequestRatio', ratio, `ratio ${ratio} is less than 1`);
  if (ratio !== undefined && min !== undefined && max !== undefined) {
    const most = Number(quantityOf(max).nanos) / Number(quantityOf(min).nanos);
    if (Number(quantityOf(ratio).nanos) / 1e9 > most) tell('maxLimitRequestRatio', ratio, `ratio ${ratio} is greater than max/min = ${most.toFixed(6)}`);
  }
  if (!mayOvercommit(name) && limit !== undefined && request !== undefined && quantityOf(limit).nanos !== quantityOf(request).nanos)
    tell('defaultRequest', request, `default value ${limit} must equal to defaultRequest value ${request} in ${name}`);
  return errors;
}
