import type { FieldError } from '../machinery/field-error.ts';

const VALUE = /\.matchExpressions\[\d+\]\.values\[\d+\]$/;

/** Values of selectors were not looked at before 1.24: objects that have such ones may be written with them. */
export function withoutSelectorValues(errors: readonly FieldError[]): readonly FieldError[] {
  return errors.filter(({ field }) => !VALUE.test(field));
}
