import { type FieldError, forbidden, invalid } from '../../machinery/field-error.ts';
import { checkOneOf, type Errors, IMMUTABLE, root } from '../checks.ts';
import type * as scheduling from '../gen/types/scheduling.v1.ts';

const HIGHEST_OF_USERS = 1_000_000_000;
const SYSTEM_PREFIX = 'system-';
/** The classes that the system brings. */
const SYSTEM_CLASSES: Readonly<Record<string, number>> = { 'system-cluster-critical': 2_000_000_000, 'system-node-critical': 2_000_001_000 };

export function validatePriorityClass({ metadata, value = 0, globalDefault, preemptionPolicy }: scheduling.PriorityClass): readonly FieldError[] {
  const errors: Errors = [];
  const name = metadata?.name ?? '';
  if (name.startsWith(SYSTEM_PREFIX)) {
    const why = systemFault(name, value, globalDefault ?? false);
    if (why !== undefined)
      errors.push(
        forbidden(root('metadata').child('name'), `priority class names with '${SYSTEM_PREFIX}' prefix are reserved for system use only. error: ${why}`),
      );
  } else if (value > HIGHEST_OF_USERS) {
    errors.push(forbidden(root('value'), `maximum allowed value of a user defined priority is ${HIGHEST_OF_USERS}`));
  }
  if (preemptionPolicy !== undefined) checkOneOf(errors, root('preemptionPolicy'), preemptionPolicy, ['PreemptLowerPriority', 'Never']);
  return errors;
}

function systemFault(name: string, value: number, isDefault: boolean): string | undefined {
  const known = Object.hasOwn(SYSTEM_CLASSES, name) ? SYSTEM_CLASSES[name] : undefined;
  if (known === undefined) return `${name} is not a known system priority class`;
  if (value !== known) return `value of ${name} PriorityClass must be ${known}`;
  return isDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

export function validatePriorityClassUpdate(of: scheduling.PriorityClass, old: scheduling.PriorityClass): readonly FieldError[] {
  const errors: Errors = [];
  if ((of.value ?? 0) !== (old.value ?? 0)) errors.push(forbidden(root('value'), 'may not be changed in an update.'));
  if (of.preemptionPolicy !== old.preemptionPolicy) errors.push(invalid(root('preemptionPolicy'), of.preemptionPolicy ?? null, IMMUTABLE));
  return errors;
}
