import { type FieldError, invalid } from '../../machinery/field-error.ts';
import { validateLabelSelector } from '../../machinery/labels.ts';
import { checkCountOrPercent, checkNotMoreThanAll } from '../apps/workload.validation.ts';
import { asJson, checkNonNegative, checkSupported, type Errors, root } from '../checks.ts';
import { validateConditions } from '../conditions.ts';
import type * as policy from '../gen/types/policy.v1.ts';

export const validatePodDisruptionBudget = (budget: policy.PodDisruptionBudget): readonly FieldError[] => validateBudget(budget, undefined);

/** A selector that was none before may stay so. */
export const validatePodDisruptionBudgetUpdate = (budget: policy.PodDisruptionBudget, old: policy.PodDisruptionBudget): readonly FieldError[] =>
  validateBudget(budget, old);

function validateBudget({ spec }: policy.PodDisruptionBudget, old: policy.PodDisruptionBudget | undefined): readonly FieldError[] {
  const errors: Errors = [];
  const path = root('spec');
  if (spec?.minAvailable !== undefined && spec.maxUnavailable !== undefined)
    errors.push(invalid(path, asJson(spec), 'minAvailable and maxUnavailable cannot be both set'));
  for (const field of ['minAvailable', 'maxUnavailable'] as const)
    for (const check of [checkCountOrPercent, checkNotMoreThanAll]) check(errors, path.child(field), spec?.[field]);
  if (validateLabelSelector(old?.spec?.selector, path).length === 0) errors.push(...validateLabelSelector(spec?.selector, path.child('selector')));
  checkSupported(errors, path.child('unhealthyPodEvictionPolicy'), spec?.unhealthyPodEvictionPolicy, ['AlwaysAllow', 'IfHealthyBudget']);
  return errors;
}

export function validatePodDisruptionBudgetStatus({ status }: policy.PodDisruptionBudget): readonly FieldError[] {
  const path = root('status');
  const errors: Errors = validateConditions(status?.conditions, path.child('conditions'));
  for (const field of ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const)
    checkNonNegative(errors, path.child(field), status?.[field]);
  return errors;
}
