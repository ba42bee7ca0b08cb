import { type FieldError, type FieldPath, invalid, required } from '../../machinery/field-error.ts';
import { parsePercent } from '../../machinery/int-or-string.ts';
import { matchesLabelSelector, validateLabels, validateLabelSelector } from '../../machinery/labels.ts';
import { validateAnnotations } from '../../machinery/metadata.ts';
import { asJson, checkNonNegative, type Errors, IMMUTABLE, NON_NEGATIVE, root } from '../checks.ts';
import { validateLongRunning, validateTemplate } from '../core/pod-template.validation.ts';
import { semanticEqual } from '../equal.ts';
import type * as core from '../gen/types/core.v1.ts';
import type * as machinery from '../gen/types/machinery.ts';

/** Rules that the workload kinds share: the selector, the template that it must select, and how fast pods are replaced. */
export const SPEC = root('spec');

/** `kind`: as the message names it. */
export function checkSelector(errors: Errors, selector: machinery.LabelSelector | undefined, kind: string): void {
  const path = SPEC.child('selector');
  if (selector === undefined) {
    errors.push(required(path));
    return;
  }
  errors.push(...validateLabelSelector(selector, path));
  if (Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0)
    errors.push(invalid(path, asJson(selector), `empty selector is invalid for ${kind}`));
}

/** The template, and that the selector finds the pods made of it. */
export function checkTemplate(errors: Errors, template: core.PodTemplateSpec | undefined, selector: machinery.LabelSelector | undefined, kind: string): void {
  const path = SPEC.child('template');
  const labels = template?.metadata?.labels;
  if (selector !== undefined && !matchesLabelSelector(selector, labels))
    errors.push(invalid(path.child('metadata', 'labels'), asJson(labels), '`selector` does not match template `labels`'));
  errors.push(...validateTemplate(template, path), ...validateLongRunning(template, path, kind));
}

/** For stateful sets, whose pods may mount claims that the template does not know: their spec is checked when a pod is made. */
export function checkTemplateOfStatefulSet(errors: Errors, template: core.PodTemplateSpec | undefined, selector: machinery.LabelSelector | undefined): void {
  const path = SPEC.child('template');
  const labels = template?.metadata?.labels;
  if (selector !== undefined && !matchesLabelSelector(selector, labels))
    errors.push(invalid(path.child('metadata', 'labels'), asJson(labels), '`selector` does not match template `labels`'));
  errors.push(...validateLabels(labels, path.child('labels')), ...validateAnnotations(template?.metadata?.annotations, path.child('annotations')));
  errors.push(...validateLongRunning(template, path, 'StatefulSet'));
}

export function checkSelectorUnchanged(errors: Errors, now: unknown, then: unknown): void {
  if (!semanticEqual(now, then)) errors.push(invalid(SPEC.child('selector'), asJson(now), IMMUTABLE));
}

/** A count, or a share of at most everything. */
export function checkCountOrPercent(errors: Errors, path: FieldPath, value: number | string | undefined, most = 100): void {
  if (value === undefined) return;
  if (typeof value === 'number') {
    if (value < 0) errors.push(invalid(path, value, NON_NEGATIVE));
    return;
  }
  const percent = parsePercent(value);
  if (percent === undefined)
    errors.push(
      invalid(
        path,
        value,
        "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
      ),
    );
  else if (percent > most) errors.push(invalid(path, value, `must not be greater than ${most}%`));
}

export const isNone = (value: number | string | undefined): boolean => value === undefined || value === 0 || value === '0%';

export function checkCounts(errors: Errors, spec: Readonly<Record<string, unknown>>, ...fields: readonly string[]): void {
  for (const field of fields) checkNonNegative(errors, SPEC.child(field), spec[field] as number | undefined);
}

/** Of a status: no count is negative, and no part is more than the whole. */
export function validateCounts(
  status: object | undefined,
  fields: readonly string[],
  parts: readonly (readonly [part: string, whole: string])[] = [],
): readonly FieldError[] {
  const errors: Errors = [];
  const path = root('status');
  const of = (field: string): number => ((status ?? {}) as Readonly<Record<string, number | undefined>>)[field] ?? 0;
  for (const field of fields) if (of(field) < 0) errors.push(invalid(path.child(field), of(field), NON_NEGATIVE));
  for (const [part, whole] of parts)
    if (of(part) > of(whole)) errors.push(invalid(path.child(part), of(part), `cannot be greater than ${whole === 'replicas' ? 'status.replicas' : whole}`));
  return errors;
}
