import { type FieldError, type FieldPath, invalid, required } from '../../machinery/field-error.ts';
import { parsePercent } from '../../machinery/int-or-string.ts';
import { matchesLabelSelector, validateLabelSelector } from '../../machinery/labels.ts';
import { asJson, checkNonNegative, type Errors, IMMUTABLE, NON_NEGATIVE, root, selectorJson } from '../checks.ts';
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
  if (isEmptySelector(selector)) errors.push(invalid(path, selectorJson(selector), `empty selector is invalid for ${kind}`));
}

export const isEmptySelector = (selector: machinery.LabelSelector | undefined): boolean =>
  selector !== undefined && Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0;

/** The template, and that the selector finds the pods made of it. A selector that says nothing finds none. */
export function checkTemplate(errors: Errors, template: core.PodTemplateSpec | undefined, selector: machinery.LabelSelector | undefined, kind: string): void {
  const path = SPEC.child('template');
  if (isUnreadable(selector)) errors.push(invalid(SPEC.child('selector'), selectorJson(selector), 'invalid label selector'));
  else errors.push(...labelErrors(template, selector), ...validateTemplate(template, path), ...validateLongRunning(template, path, kind));
}

export const isUnreadable = (selector: machinery.LabelSelector | undefined): boolean =>
  selector !== undefined && validateLabelSelector(selector, SPEC.child('selector')).length > 0;

/** Whether the selector finds the pods made of the template. */
export function labelErrors(template: core.PodTemplateSpec | undefined, selector: machinery.LabelSelector | undefined): Errors {
  const labels = template?.metadata?.labels;
  if (selector !== undefined && matchesLabelSelector(selector, labels)) return [];
  return [invalid(SPEC.child('template', 'metadata').child('labels'), asJson(labels), '`selector` does not match template `labels`')];
}

export function checkSelectorUnchanged(errors: Errors, now: machinery.LabelSelector | undefined, then: machinery.LabelSelector | undefined): void {
  if (!semanticEqual(now, then)) errors.push(invalid(SPEC.child('selector'), selectorJson(now), IMMUTABLE));
}

/** A count or a share. */
export function checkCountOrPercent(errors: Errors, path: FieldPath, value: number | string | undefined): void {
  if (value === undefined) return;
  if (typeof value === 'number') {
    if (value < 0) errors.push(invalid(path, value, NON_NEGATIVE));
    return;
  }
  if (parsePercent(value) === undefined)
    errors.push(
      invalid(
        path,
        value,
        "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
      ),
    );
}

/** A share of at most everything. */
export function checkNotMoreThanAll(errors: Errors, path: FieldPath, value: number | string | undefined): void {
  if (value !== undefined && (parsePercent(value) ?? 0) > 100) errors.push(invalid(path, value, 'must not be greater than 100%'));
}

/** What is no number is none either. */
export const isNone = (value: number | string | undefined): boolean =>
  value === undefined || (typeof value === 'number' ? value : (parsePercent(value) ?? (/^[+-]?\d+$/.test(value) ? Number(value) : 0))) === 0;

export function checkCounts(errors: Errors, spec: Readonly<Record<string, unknown>>, ...fields: readonly string[]): void {
  for (const field of fields) checkNonNegative(errors, SPEC.child(field), spec[field] as number | undefined);
}

/** Of a status: no count is negative, no part is more than the whole, and collisions are never forgotten. */
export function validateCounts(
  status: object | undefined,
  old: object | undefined,
  fields: readonly string[],
  parts: readonly (readonly [part: string, whole: string])[] = [],
): readonly FieldError[] {
  const errors: Errors = [];
  const path = root('status');
  const of = (field: string, from = status): number => ((from ?? {}) as Readonly<Record<string, number | undefined>>)[field] ?? 0;
  for (const field of fields) if (of(field) < 0) errors.push(invalid(path.child(field), of(field), NON_NEGATIVE));
  for (const [part, whole] of parts)
    if (of(part) > of(whole.replace('status.', ''))) errors.push(invalid(path.child(part), of(part), `cannot be greater than ${whole}`));
  if (of('collisionCount') < of('collisionCount', old)) errors.push(invalid(path.child('collisionCount'), of('collisionCount'), 'cannot be decremented'));
  return errors;
}
