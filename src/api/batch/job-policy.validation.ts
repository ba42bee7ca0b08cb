import { duplicate, type FieldPath, invalid, notSupported, required, tooLong, tooMany, withoutValue } from '../../machinery/field-error.ts';
import { qualifiedNameFaults } from '../../machinery/names.ts';
import { addFaults, asJson, checkNonNegative, type Errors, isEmpty } from '../checks.ts';
import type * as batch from '../gen/types/batch.v1.ts';
import { countIndexes } from './job-indexes.ts';

const MAX_RULES = 20;
const MAX_PATTERNS = 20;
const MAX_EXIT_CODES = 255;
const MAX_INDEXES_BYTES = 64 * 1024;
const ACTIONS = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const OPERATORS = ['In', 'NotIn'];
const STATUSES = ['False', 'True', 'Unknown'];

/** As Go prints a list of texts. */
const listed = (values: readonly string[]): string => `[${values.map((value) => JSON.stringify(value)).join(' ')}]`;

/** A value that must be there and be one of a few. */
function checkChoice(errors: Errors, path: FieldPath, value: string | undefined, supported: readonly string[]): void {
  if (isEmpty(value)) errors.push(required(path, `valid values: ${listed(supported)}`));
  else if (!supported.includes(value)) errors.push(notSupported(path, value, supported));
}

/** KEP-3329. */
export function validateFailurePolicy(spec: batch.JobSpec, path: FieldPath): Errors {
  const errors: Errors = [];
  const rules = spec.podFailurePolicy?.rules ?? [];
  if (rules.length > MAX_RULES) errors.push(tooMany(path.child('rules'), rules.length, MAX_RULES));
  const { containers = [], initContainers = [] } = spec.template?.spec ?? {};
  const names = new Set([...containers, ...initContainers].map(({ name }) => name));
  for (const [i, rule] of rules.entries()) errors.push(...ruleErrors(rule, spec, path.child('rules').index(i), names));
  return errors;
}

function ruleErrors(rule: batch.PodFailurePolicyRule, spec: batch.JobSpec, path: FieldPath, names: ReadonlySet<string>): Errors {
  const errors: Errors = [];
  const action = path.child('action');
  if (rule.action !== 'FailIndex') checkChoice(errors, action, rule.action, ACTIONS);
  else if (spec.backoffLimitPerIndex === undefined) errors.push(invalid(action, rule.action, 'requires the backoffLimitPerIndex to be set'));
  if (rule.onExitCodes !== undefined) errors.push(...exitCodeErrors(rule.onExitCodes, path.child('onExitCodes'), names));
  const patterns = rule.onPodConditions ?? [];
  const at = path.child('onPodConditions');
  if (patterns.length > MAX_PATTERNS) errors.push(tooMany(at, patterns.length, MAX_PATTERNS));
  for (const [i, { type, status }] of patterns.entries()) {
    addFaults(errors, at.index(i).child('type'), type, qualifiedNameFaults(type));
    checkChoice(errors, at.index(i).child('status'), status, STATUSES);
  }
  if (rule.onExitCodes !== undefined && patterns.length > 0)
    errors.push(withoutValue(path, 'specifying both OnExitCodes and OnPodConditions is not supported'));
  if (rule.onExitCodes === undefined && patterns.length === 0) errors.push(withoutValue(path, 'specifying one of OnExitCodes and OnPodConditions is required'));
  return errors;
}

function exitCodeErrors(
  { operator, containerName, values }: batch.PodFailurePolicyOnExitCodesRequirement,
  path: FieldPath,
  names: ReadonlySet<string>,
): Errors {
  const errors: Errors = [];
  checkChoice(errors, path.child('operator'), operator, OPERATORS);
  if (containerName !== undefined && !names.has(containerName))
    errors.push(invalid(path.child('containerName'), containerName, 'must be one of the container or initContainer names in the pod template'));
  const at = path.child('values');
  const codes = values ?? [];
  if (codes.length === 0) errors.push(invalid(at, asJson(values), 'at least one value is required'));
  else if (codes.length > MAX_EXIT_CODES) errors.push(tooMany(at, codes.length, MAX_EXIT_CODES));
  const seen = new Set<number>();
  for (const [i, code] of codes.entries()) {
    if (operator === 'In' && code === 0) errors.push(invalid(at.index(i), code, 'must not be 0 for the In operator'));
    if (seen.has(code)) errors.push(duplicate(at.index(i), code));
    seen.add(code);
  }
  if (codes.some((code, i) => i > 0 && (codes[i - 1] ?? 0) > code)) errors.push(invalid(at, asJson(values), 'must be ordered'));
  return errors;
}

/** KEP-3998. The job is indexed. */
export function validateSuccessPolicy(spec: batch.JobSpec, path: FieldPath): Errors {
  const errors: Errors = [];
  const rules = spec.successPolicy?.rules ?? [];
  const at = path.child('rules');
  if (rules.length === 0) errors.push(required(at, 'at least one rules must be specified when the successPolicy is specified'));
  if (rules.length > MAX_RULES) errors.push(tooMany(at, rules.length, MAX_RULES));
  for (const [i, rule] of rules.entries()) errors.push(...successErrors(rule, spec.completions ?? 0, at.index(i)));
  return errors;
}

function successErrors({ succeededCount: count, succeededIndexes: indexes }: batch.SuccessPolicyRule, completions: number, path: FieldPath): Errors {
  const errors: Errors = [];
  if (count === undefined && indexes === undefined) errors.push(required(path, 'at least one of succeededCount or succeededIndexes must be specified'));
  const named = countIndexes(indexes ?? '', completions);
  if (indexes !== undefined) {
    const at = path.child('succeededIndexes');
    if (indexes.length > MAX_INDEXES_BYTES) errors.push(tooLong(at, MAX_INDEXES_BYTES));
    if (typeof named === 'string') errors.push(invalid(at, indexes, `error parsing succeededIndexes: ${named}`));
  }
  if (count === undefined) return errors;
  const at = path.child('succeededCount');
  checkNonNegative(errors, at, count);
  if (count > completions) errors.push(invalid(at, count, `must be less than or equal to ${completions} (the number of specified completions)`));
  const total = typeof named === 'number' ? named : 0;
  if (indexes !== undefined && count > total)
    errors.push(invalid(at, count, `must be less than or equal to ${total} (the number of indexes in the specified succeededIndexes field)`));
  return errors;
}
