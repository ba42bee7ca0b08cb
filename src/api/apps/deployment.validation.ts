import { type FieldError, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { asJson, type Errors } from '../checks.ts';
import { keepOldTemplate } from '../core/pod-template.validation.ts';
import type * as apps from '../gen/types/apps.v1.ts';
import {
  checkCountOrPercent,
  checkCounts,
  checkNotMoreThanAll,
  checkSelector,
  checkSelectorUnchanged,
  checkTemplate,
  isNone,
  SPEC,
  validateCounts,
} from './workload.validation.ts';

const STRATEGIES = ['Recreate', 'RollingUpdate'];

export function validateDeployment({ spec }: apps.Deployment): readonly FieldError[] {
  const errors: Errors = [];
  checkCounts(errors, { ...spec }, 'replicas');
  checkSelector(errors, spec?.selector, 'deployment');
  checkTemplate(errors, spec?.template, spec?.selector, 'ReplicaSet');
  errors.push(...validateStrategy(spec?.strategy));
  checkCounts(errors, { ...spec }, 'minReadySeconds', 'revisionHistoryLimit', 'progressDeadlineSeconds');
  const deadline = spec?.progressDeadlineSeconds;
  if (deadline !== undefined && deadline <= (spec?.minReadySeconds ?? 0))
    errors.push(invalid(SPEC.child('progressDeadlineSeconds'), deadline, 'must be greater than minReadySeconds'));
  return errors;
}

function validateStrategy(strategy: apps.DeploymentStrategy | undefined): Errors {
  const errors: Errors = [];
  const path = SPEC.child('strategy');
  const rolling = strategy?.rollingUpdate;
  if (strategy?.type === 'Recreate') {
    if (rolling !== undefined) errors.push(forbidden(path.child('rollingUpdate'), "may not be specified when strategy `type` is 'Recreate'"));
  } else if (strategy?.type === 'RollingUpdate') {
    if (rolling === undefined) return [required(path.child('rollingUpdate'), 'this should be defaulted and never be nil')];
    checkCountOrPercent(errors, path.child('rollingUpdate', 'maxUnavailable'), rolling.maxUnavailable);
    checkCountOrPercent(errors, path.child('rollingUpdate', 'maxSurge'), rolling.maxSurge);
    if (isNone(rolling.maxUnavailable) && isNone(rolling.maxSurge))
      errors.push(invalid(path.child('rollingUpdate', 'maxUnavailable'), rolling.maxUnavailable ?? 0, 'may not be 0 when `maxSurge` is 0'));
    // Twice as many pods and more may stand beside the old ones.
    checkNotMoreThanAll(errors, path.child('rollingUpdate', 'maxUnavailable'), rolling.maxUnavailable);
  } else {
    errors.push(notSupported(path, asJson(strategy), STRATEGIES));
  }
  return errors;
}

export function validateDeploymentUpdate(deployment: apps.Deployment, old: apps.Deployment): readonly FieldError[] {
  const errors: Errors = [...keepOldTemplate(validateDeployment, 'spec.template')(deployment, old)];
  checkSelectorUnchanged(errors, deployment.spec?.selector, old.spec?.selector);
  return errors;
}

export const validateDeploymentStatus = ({ status }: apps.Deployment, old: apps.Deployment): readonly FieldError[] =>
  validateCounts(
    status,
    old.status,
    ['observedGeneration', 'replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas', 'unavailableReplicas', 'terminatingReplicas', 'collisionCount'],
    [
      ['updatedReplicas', 'status.replicas'],
      ['readyReplicas', 'status.replicas'],
      ['availableReplicas', 'status.replicas'],
      ['availableReplicas', 'readyReplicas'],
    ],
  );
