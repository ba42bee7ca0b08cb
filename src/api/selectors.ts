import { type FieldError, type FieldPath, forbidden, invalid, required } from '../machinery/field-error.ts';
import { labelValueFaults, qualifiedNameFaults } from '../machinery/names.ts';
import type { Errors } from './checks.ts';
import type * as machinery from './gen/types/machinery.ts';
import { validateLabels } from './metadata.ts';

const LIST_OPERATORS = ['In', 'NotIn'];
const PRESENCE_OPERATORS = ['Exists', 'DoesNotExist'];

/** A LabelSelector as it stands in a spec. */
export function validateLabelSelector(selector: machinery.LabelSelector | undefined, path: FieldPath): readonly FieldError[] {
  const errors: Errors = [...validateLabels(selector?.matchLabels, path.child('matchLabels'))];
  for (const [i, requirement] of (selector?.matchExpressions ?? []).entries()) errors.push(...requirementErrors(requirement, path.child('matchExpressions').index(i)));
  return errors;
}

function requirementErrors({ key, operator, values = [] }: machinery.LabelSelectorRequirement, path: FieldPath): readonly FieldError[] {
  const errors: Errors = [];
  if (LIST_OPERATORS.includes(operator)) {
    if (values.length === 0) errors.push(required(path.child('values'), "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (PRESENCE_OPERATORS.includes(operator)) {
    if (values.length > 0) errors.push(forbidden(path.child('values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  } else {
    errors.push(invalid(path.child('operator'), operator, 'not a valid selector operator'));
  }
  for (const fault of qualifiedNameFaults(key)) errors.push(invalid(path.child('key'), key, fault));
  for (const [i, value] of values.entries()) for (const fault of labelValueFaults(value)) errors.push(invalid(path.child('values').index(i), value, fault));
  return errors;
}

/** Whether labels are selected. A missing selector selects nothing, an empty one everything. */
export function selects(selector: machinery.LabelSelector | undefined, labels: Readonly<Record<string, string>> | undefined): boolean {
  if (selector === undefined) return false;
  const has = (key: string): boolean => labels !== undefined && Object.hasOwn(labels, key);
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) if (!has(key) || labels?.[key] !== value) return false;
  return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    switch (operator) {
      case 'In':
        return has(key) && values.includes(labels?.[key] ?? '');
      case 'NotIn':
        return !has(key) || !values.includes(labels?.[key] ?? '');
      case 'Exists':
        return has(key);
      default:
        return !has(key);
    }
  });
}

export const isEmptySelector = (selector: machinery.LabelSelector | undefined): boolean =>
  Object.keys(selector?.matchLabels ?? {}).length === 0 && (selector?.matchExpressions ?? []).length === 0;

