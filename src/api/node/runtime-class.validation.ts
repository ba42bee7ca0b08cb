import { duplicate, type FieldError, invalid } from '../../machinery/field-error.ts';
import { validateLabels } from '../../machinery/labels.ts';
import { dns1123LabelFaults } from '../../machinery/names.ts';
import { addFaults, asJson, type Errors, IMMUTABLE, root } from '../checks.ts';
import { validateTolerations } from '../core/affinity.validation.ts';
import { validateResources } from '../core/resources.validation.ts';
import type * as core from '../gen/types/core.v1.ts';
import type * as node from '../gen/types/node.v1.ts';

const TOLERATIONS = root('scheduling').child('tolerations');

export function validateRuntimeClass({ handler, overhead, scheduling }: node.RuntimeClass): readonly FieldError[] {
  const errors: Errors = [];
  addFaults(errors, root('handler'), handler, dns1123LabelFaults(handler));
  errors.push(
    // Looked at as limits, and named so.
    ...validateResources({ limits: overhead?.podFixed }, root('overhead'), new Set()),
    ...validateLabels(scheduling?.nodeSelector, root('scheduling').child('nodeSelector')),
    ...validateTolerations(scheduling?.tolerations, TOLERATIONS),
    ...repeatedErrors(scheduling?.tolerations ?? []),
  );
  return errors;
}

/** How long it is tolerated is nothing by which one differs from another. */
function repeatedErrors(tolerations: readonly core.Toleration[]): Errors {
  const seen = new Set<string>();
  return tolerations.flatMap((toleration, i) => {
    const { key = '', operator = '', value = '', effect = '' } = toleration;
    const text = JSON.stringify([key, operator, value, effect]);
    if (seen.has(text)) return [duplicate(TOLERATIONS.index(i), asJson(toleration))];
    seen.add(text);
    return [];
  });
}

export function validateRuntimeClassUpdate(of: node.RuntimeClass, old: node.RuntimeClass): readonly FieldError[] {
  const errors = validateRuntimeClass(of);
  return of.handler === old.handler ? errors : [...errors, invalid(root('handler'), of.handler, IMMUTABLE)];
}
