import { type FieldError, invalid, required } from '../../machinery/field-error.ts';
import { asJson, checkNonNegative, type Errors, root } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';
import { validateLongRunning, validateTemplate } from './pod-template.validation.ts';

export function validateReplicationController({ spec }: core.ReplicationController): readonly FieldError[] {
  const errors: Errors = [];
  const path = root('spec');
  checkNonNegative(errors, path.child('minReadySeconds'), spec?.minReadySeconds);
  const selector = Object.entries(spec?.selector ?? {});
  if (selector.length === 0) errors.push(required(path.child('selector')));
  checkNonNegative(errors, path.child('replicas'), spec?.replicas);
  if (spec?.template === undefined) return [...errors, required(path.child('template'))];
  const labels = spec.template.metadata?.labels;
  if (!selector.every(([key, value]) => labels !== undefined && Object.hasOwn(labels, key) && labels[key] === value)) {
    errors.push(invalid(path.child('template', 'metadata').child('labels'), asJson(labels), '`selector` does not match template `labels`'));
  }
  errors.push(
    ...validateTemplate(spec.template, path.child('template')),
    ...validateLongRunning(spec.template, path.child('template'), 'ReplicationController'),
  );
  return errors;
}

export function validateReplicationControllerStatus({ status }: core.ReplicationController): readonly FieldError[] {
  const errors: Errors = [];
  const path = root('status');
  for (const field of ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas', 'observedGeneration'] as const)
    checkNonNegative(errors, path.child(field), status?.[field]);
  const { replicas = 0, readyReplicas = 0, availableReplicas = 0 } = status ?? {};
  for (const field of ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'] as const)
    if ((status?.[field] ?? 0) > replicas) errors.push(invalid(path.child(field), status?.[field] ?? 0, 'cannot be greater than status.replicas'));
  if (availableReplicas > readyReplicas) errors.push(invalid(path.child('availableReplicas'), availableReplicas, 'cannot be greater than readyReplicas'));
  return errors;
}
