import { type FieldError, invalid } from '../../machinery/field-error.ts';
import { type Errors, NON_NEGATIVE, POSITIVE, root } from '../checks.ts';
import type * as coordination from '../gen/types/coordination.v1.ts';

export function validateLease({ spec }: coordination.Lease): readonly FieldError[] {
  const errors: Errors = [];
  const path = root('spec');
  if (spec?.leaseDurationSeconds !== undefined && spec.leaseDurationSeconds <= 0)
    errors.push(invalid(path.child('leaseDurationSeconds'), spec.leaseDurationSeconds, POSITIVE));
  if (spec?.leaseTransitions !== undefined && spec.leaseTransitions < 0)
    errors.push(invalid(path.child('leaseTransitions'), spec.leaseTransitions, NON_NEGATIVE));
  if ((spec?.preferredHolder ?? '') !== '' && (spec?.strategy ?? '') === '')
    errors.push({ type: 'FieldValueForbidden', field: 'spec.preferredHolder', detail: 'may only be specified if `strategy` is defined' });
  return errors;
}
