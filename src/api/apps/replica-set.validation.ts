import type { FieldError } from '../../machinery/field-error.ts';
import type { Errors } from '../checks.ts';
import { keepOldTemplate } from '../core/pod-template.validation.ts';
import type * as apps from '../gen/types/apps.v1.ts';
import { checkCounts, checkSelector, checkSelectorUnchanged, checkTemplate, validateCounts } from './workload.validation.ts';

export function validateReplicaSet({ spec }: apps.ReplicaSet): readonly FieldError[] {
  const errors: Errors = [];
  checkCounts(errors, { ...spec }, 'replicas', 'minReadySeconds');
  checkSelector(errors, spec?.selector, 'deployment');
  checkTemplate(errors, spec?.template, spec?.selector, 'ReplicaSet');
  return errors;
}

export function validateReplicaSetUpdate(set: apps.ReplicaSet, old: apps.ReplicaSet): readonly FieldError[] {
  const errors: Errors = [...keepOldTemplate(validateReplicaSet, 'spec.template')(set, old)];
  checkSelectorUnchanged(errors, set.spec?.selector, old.spec?.selector);
  return errors;
}

export const validateReplicaSetStatus = ({ status }: apps.ReplicaSet, old: apps.ReplicaSet): readonly FieldError[] =>
  validateCounts(
    status,
    old.status,
    ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas', 'terminatingReplicas', 'observedGeneration'],
    [
      ['fullyLabeledReplicas', 'status.replicas'],
      ['readyReplicas', 'status.replicas'],
      ['availableReplicas', 'status.replicas'],
      ['availableReplicas', 'readyReplicas'],
    ],
  );
