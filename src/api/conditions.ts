import { duplicate, type FieldPath, invalid, notSupported, required, tooLong } from '../machinery/field-error.ts';
import { qualifiedNameFaults } from '../machinery/names.ts';
import { addFaults, type Errors, isEmpty } from './checks.ts';
import type * as machinery from './gen/types/machinery.ts';

const STATUSES = ['False', 'True', 'Unknown'];
const REASON = /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/;
const REASON_FAULT =
  "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')";
const MAX_REASON = 1024;
const MAX_MESSAGE = 32 * 1024;

/** `metav1.Condition`s, of the kinds that check them. */
export function validateConditions(conditions: readonly machinery.Condition[] | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  const seen = new Set<string>();
  for (const [i, { type, status, observedGeneration, lastTransitionTime, reason, message }] of (conditions ?? []).entries()) {
    const at = path.index(i);
    if (seen.has(type)) errors.push(duplicate(at.child('type'), type));
    seen.add(type);
    addFaults(errors, at.child('type'), type, qualifiedNameFaults(type));
    if (!STATUSES.includes(status)) errors.push(notSupported(at.child('status'), status, STATUSES));
    if ((observedGeneration ?? 0) < 0) errors.push(invalid(at.child('observedGeneration'), observedGeneration, 'must be greater than or equal to zero'));
    if (isEmpty(lastTransitionTime)) errors.push(required(at.child('lastTransitionTime'), 'must be set'));
    if (isEmpty(reason)) errors.push(required(at.child('reason'), 'must be set'));
    else if (reason.length > MAX_REASON) errors.push(tooLong(at.child('reason'), MAX_REASON));
    else if (!REASON.test(reason)) errors.push(invalid(at.child('reason'), reason, REASON_FAULT));
    if ((message ?? '').length > MAX_MESSAGE) errors.push(tooLong(at.child('message'), MAX_MESSAGE));
  }
  return errors;
}
