import { type FieldError, invalid, notSupported } from '../../machinery/field-error.ts';
import { qualifiedNameFaults } from '../../machinery/names.ts';
import { addFaults, type Errors, NON_NEGATIVE, POSITIVE, root } from '../checks.ts';
import type * as coordination from '../gen/types/coordination.v1.ts';

const STRATEGIES = ['OldestEmulationVersion'];

export function validateLease({ spec }: coordination.Lease): readonly FieldError[] {
  const errors: Errors = [];
  const path = root('spec');
  if (spec?.leaseDurationSeconds !== undefined && spec.leaseDurationSeconds <= 0)
    errors.push(invalid(path.child('leaseDurationSeconds'), spec.leaseDurationSeconds, POSITIVE));
  if (spec?.leaseTransitions !== undefined && spec.leaseTransitions < 0)
    errors.push(invalid(path.child('leaseTransitions'), spec.leaseTransitions, NON_NEGATIVE));
  const strategy = spec?.strategy;
  // Kubernetes names the field twice.
  const at = path.child('strategy', 'strategy');
  if (strategy !== undefined && strategy.includes('/')) addFaults(errors, at, strategy, qualifiedNameFaults(strategy));
  else if (strategy !== undefined && !STRATEGIES.includes(strategy)) errors.push(notSupported(at, strategy, STRATEGIES));
  if ((spec?.preferredHolder ?? '') !== '' && (strategy ?? '') === '')
    errors.push({ type: 'FieldValueForbidden', field: 'spec.preferredHolder', detail: 'may only be specified if `strategy` is defined' });
  return errors;
}
