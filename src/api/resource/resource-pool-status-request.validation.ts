import { type FieldError, type FieldPath, invalid, required, tooLong, tooMany } from '../../machinery/field-error.ts';
import { caselessSubdomainFaults, dns1123SubdomainFaults } from '../../machinery/names.ts';
import { addFaults, asJson, checkName, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import { validateConditions } from '../conditions.ts';
import { semanticEqual } from '../equal.ts';
import type * as alpha from '../gen/types/resource.v1alpha3.ts';

const SPEC = root('spec');
const STATUS = root('status');
const MAX_POOLS = 1_000;
const MAX_CONDITIONS = 10;
const MAX_POOL_NAME = 253;
const MAX_ERROR = 256;

type Request = alpha.ResourcePoolStatusRequest;

export function validatePoolRequest({ spec }: Request): Errors {
  const errors: Errors = [];
  checkName(errors, SPEC.child('driver'), spec?.driver, caselessSubdomainFaults);
  if (spec?.poolName !== undefined) errors.push(...poolNameErrors(spec.poolName, SPEC.child('poolName')));
  const limit = spec?.limit;
  checkAtLeast(errors, SPEC.child('limit'), limit, 1);
  if (limit !== undefined && limit > MAX_POOLS) errors.push(invalid(SPEC.child('limit'), limit, `must be less than or equal to ${MAX_POOLS}`));
  return errors;
}

function checkAtLeast(errors: Errors, path: FieldPath, value: number | undefined, least: number): void {
  if (value !== undefined && value < least) errors.push(invalid(path, value, `must be greater than or equal to ${least}`));
}

/** A pool is mostly named after its node, and may have parts, which are counted here. */
function poolNameErrors(name: string, path: FieldPath): Errors {
  const errors: Errors = name.length > MAX_POOL_NAME ? [tooLong(path, MAX_POOL_NAME)] : [];
  for (const [i, part] of name.split('/').entries()) {
    if (part === '') errors.push(invalid(path, name, `segment ${i}: must not be empty`));
    else for (const fault of dns1123SubdomainFaults(part)) errors.push(invalid(path, part, `segment ${i}: ${fault}`));
  }
  return errors;
}

export function validatePoolRequestUpdate({ spec }: Request, old: Request): readonly FieldError[] {
  return semanticEqual(spec, old.spec) ? [] : [invalid(SPEC, null, IMMUTABLE)];
}

/** It is answered once. */
export function validatePoolRequestStatus({ status }: Request, old: Request): readonly FieldError[] {
  if (old.status !== undefined) return semanticEqual(status, old.status) ? [] : [invalid(STATUS, asJson(status), IMMUTABLE)];
  if (status === undefined) return [];
  const { poolCount, pools = [], conditions = [] } = status;
  const errors = validateConditions(conditions, STATUS.child('conditions'));
  if (poolCount === undefined) errors.push(required(STATUS.child('poolCount')));
  checkAtLeast(errors, STATUS.child('poolCount'), poolCount, 0);
  if (pools.length > MAX_POOLS) errors.push(tooMany(STATUS.child('pools'), pools.length, MAX_POOLS));
  else errors.push(...pools.flatMap((pool, i) => poolErrors(pool, STATUS.child('pools').index(i))));
  if (conditions.length > MAX_CONDITIONS) errors.push(tooMany(STATUS.child('conditions'), conditions.length, MAX_CONDITIONS));
  return errors;
}

function poolErrors(pool: alpha.PoolStatus, at: FieldPath): Errors {
  const errors: Errors = [];
  checkName(errors, at.child('driver'), pool.driver, caselessSubdomainFaults);
  if (isEmpty(pool.poolName)) errors.push(required(at.child('poolName')));
  else errors.push(...poolNameErrors(pool.poolName, at.child('poolName')));
  // The first generation is 1: none is no generation at all.
  if ((pool.generation ?? 0) === 0) errors.push(required(at.child('generation')));
  checkAtLeast(errors, at.child('generation'), pool.generation, 0);
  checkAtLeast(errors, at.child('resourceSliceCount'), pool.resourceSliceCount, 1);
  for (const field of ['totalDevices', 'allocatedDevices', 'availableDevices', 'unavailableDevices'] as const)
    checkAtLeast(errors, at.child(field), pool[field], 0);
  if (pool.nodeName !== undefined) addFaults(errors, at.child('nodeName'), pool.nodeName, dns1123SubdomainFaults(pool.nodeName));
  if (new TextEncoder().encode(pool.validationError ?? '').length > MAX_ERROR) errors.push(tooLong(at.child('validationError'), MAX_ERROR));
  return errors;
}
