import { type FieldError, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { validateLabelSelector } from '../../machinery/labels.ts';
import { asJson, type Errors, selectorJson } from '../checks.ts';
import { keepOldTemplate, validateLongRunning, validateTemplate } from '../core/pod-template.validation.ts';
import type * as apps from '../gen/types/apps.v1.ts';
import {
  checkCountOrPercent,
  checkCounts,
  checkNotMoreThanAll,
  checkSelectorUnchanged,
  isEmptySelector,
  isNone,
  isUnreadable,
  labelErrors,
  SPEC,
  validateCounts,
} from './workload.validation.ts';

const STRATEGIES = ['RollingUpdate', 'OnDelete'];

export function validateDaemonSet({ spec }: apps.DaemonSet): readonly FieldError[] {
  const errors: Errors = [];
  const { selector, template } = spec ?? {};
  const [at, path] = [SPEC.child('selector'), SPEC.child('template')];
  if (selector !== undefined) errors.push(...validateLabelSelector(selector, at));
  if (!isUnreadable(selector)) errors.push(...labelErrors(template, selector));
  if (isEmptySelector(selector)) errors.push(invalid(at, selectorJson(selector), 'empty selector is invalid for daemonset'));
  errors.push(...validateTemplate(template, path), ...validateLongRunning(template, path, 'DaemonSet'));
  checkCounts(errors, { ...spec }, 'minReadySeconds');
  errors.push(...validateUpdateStrategy(spec?.updateStrategy));
  checkCounts(errors, { ...spec }, 'revisionHistoryLimit');
  return errors;
}

function validateUpdateStrategy(strategy: apps.DaemonSetUpdateStrategy | undefined): Errors {
  const errors: Errors = [];
  const path = SPEC.child('updateStrategy');
  if (strategy?.type === 'OnDelete') return errors;
  if (strategy?.type !== 'RollingUpdate') return [notSupported(path, asJson(strategy), STRATEGIES)];
  const rolling = strategy.rollingUpdate;
  if (rolling === undefined) return [required(path.child('rollingUpdate'))];
  for (const check of [checkCountOrPercent, checkNotMoreThanAll])
    for (const field of ['maxUnavailable', 'maxSurge'] as const) check(errors, path.child('rollingUpdate', field), rolling[field]);
  // Either the old pod goes first or the new one comes first.
  if (!isNone(rolling.maxUnavailable) && !isNone(rolling.maxSurge))
    errors.push(invalid(path.child('rollingUpdate', 'maxSurge'), rolling.maxSurge ?? 0, 'may not be set when maxUnavailable is non-zero'));
  if (isNone(rolling.maxUnavailable) && isNone(rolling.maxSurge))
    errors.push(required(path.child('rollingUpdate', 'maxUnavailable'), 'cannot be 0 when maxSurge is 0'));
  return errors;
}

export function validateDaemonSetUpdate(set: apps.DaemonSet, old: apps.DaemonSet): readonly FieldError[] {
  const errors: Errors = [...keepOldTemplate(validateDaemonSet, 'spec.template')(set, old)];
  checkSelectorUnchanged(errors, set.spec?.selector, old.spec?.selector);
  return errors;
}

export const validateDaemonSetStatus = ({ status }: apps.DaemonSet, old: apps.DaemonSet): readonly FieldError[] =>
  validateCounts(status, old.status, [
    'currentNumberScheduled',
    'numberMisscheduled',
    'desiredNumberScheduled',
    'numberReady',
    'observedGeneration',
    'updatedNumberScheduled',
    'numberAvailable',
    'numberUnavailable',
    'collisionCount',
  ]);
