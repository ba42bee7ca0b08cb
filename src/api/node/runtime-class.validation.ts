import { type FieldError, invalid, required } from '../../machinery/field-error.ts';
import { validateLabels } from '../../machinery/labels.ts';
import { dns1123LabelFaults } from '../../machinery/names.ts';
import { addFaults, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import { validateTolerations } from '../core/affinity.validation.ts';
import { checkAmount, checkResourceName } from '../core/resources.validation.ts';
import type * as node from '../gen/types/node.v1.ts';

export function validateRuntimeClass({ handler, overhead, scheduling }: node.RuntimeClass): readonly FieldError[] {
  const errors: Errors = [];
  if (isEmpty(handler)) errors.push(required(root('handler')));
  else addFaults(errors, root('handler'), handler, dns1123LabelFaults(handler));
  for (const [name, amount] of Object.entries(overhead?.podFixed ?? {})) {
    const at = root('overhead').child('podFixed').key(name);
    checkResourceName(errors, at, name);
    checkAmount(errors, at, name, amount);
  }
  errors.push(
    ...validateLabels(scheduling?.nodeSelector, root('scheduling').child('nodeSelector')),
    ...validateTolerations(scheduling?.tolerations, root('scheduling').child('tolerations')),
  );
  return errors;
}

export function validateRuntimeClassUpdate(of: node.RuntimeClass, old: node.RuntimeClass): readonly FieldError[] {
  return of.handler === old.handler ? [] : [invalid(root('handler'), of.handler, IMMUTABLE)];
}
