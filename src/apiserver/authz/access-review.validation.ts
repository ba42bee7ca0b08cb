import type { SubjectAccessReview, SubjectAccessReviewSpec } from '../../api/gen/types/authorization.v1.ts';
import type { FieldSelectorRequirement } from '../../api/gen/types/machinery.ts';
import { type FieldError, FieldPath, forbidden, invalid, required } from '../../machinery/field-error.ts';
import { validateLabelRequirement } from '../../machinery/labels.ts';
import type { Json, JsonObject } from '../../machinery/object.ts';

const SPEC = new FieldPath('spec');
const METADATA = new FieldPath('metadata');
const RESOURCE = SPEC.child('resourceAttributes');
const PATH = SPEC.child('nonResourceAttributes');

export function validateSelfAccessReview(body: JsonObject): readonly FieldError[] {
  const { spec } = body as unknown as SubjectAccessReview;
  return [...attributeErrors(spec), ...selectorErrors(spec), ...metadataErrors(body, [], 'must be empty')];
}

export function validateAccessReview(body: JsonObject): readonly FieldError[] {
  return [...specErrors(body), ...metadataErrors(body, [], 'must be empty')];
}

/** `namespace`: of the request, and so of the review. */
export function validateLocalAccessReview(body: JsonObject, namespace: string): readonly FieldError[] {
  const { resourceAttributes: resource, nonResourceAttributes: path } = (body as unknown as SubjectAccessReview).spec;
  const errors = [...specErrors(body), ...metadataErrors(body, ['namespace'], 'must be empty except for namespace')];
  if (resource !== undefined && (resource.namespace ?? '') !== namespace)
    errors.push(invalid(RESOURCE.child('namespace'), resource.namespace ?? '', 'must match metadata.namespace'));
  if (path !== undefined) errors.push(invalid(PATH, path as JsonObject, 'disallowed on this kind of request'));
  return errors;
}

function specErrors(body: JsonObject): FieldError[] {
  const { spec } = body as unknown as SubjectAccessReview;
  const errors = attributeErrors(spec);
  if ((spec.user ?? '') === '' && (spec.groups ?? []).length === 0)
    errors.push(invalid(SPEC.child('user'), '', 'at least one of user or group must be specified'));
  return [...errors, ...selectorErrors(spec)];
}

function attributeErrors({ resourceAttributes: resource, nonResourceAttributes: path }: SubjectAccessReviewSpec): FieldError[] {
  if (resource !== undefined && path !== undefined) return [invalid(PATH, path as JsonObject, 'cannot be specified in combination with resourceAttributes')];
  if (resource !== undefined || path !== undefined) return [];
  return [invalid(RESOURCE, null, 'exactly one of nonResourceAttributes or resourceAttributes must be specified')];
}

function metadataErrors({ metadata }: JsonObject, except: readonly string[], fault: string): FieldError[] {
  const given = Object.entries((metadata ?? {}) as JsonObject).filter(([field, value]) => !isZero(value) && ![...except, 'managedFields'].includes(field));
  return given.length === 0 ? [] : [invalid(METADATA, metadata ?? {}, fault)];
}

const isZero = (value: Json | undefined): boolean =>
  value === undefined || value === null || value === '' || value === 0 || (typeof value === 'object' && Object.keys(value).length === 0);

function selectorErrors({ resourceAttributes: resource }: SubjectAccessReviewSpec): FieldError[] {
  return [
    ...formErrors(resource?.fieldSelector, RESOURCE.child('fieldSelector'), fieldRequirementErrors),
    // Operators of a newer client count as no narrowing.
    ...formErrors(resource?.labelSelector, RESOURCE.child('labelSelector'), (requirement, path) =>
      validateLabelRequirement(requirement, path).filter(({ field }) => field !== path.child('operator').toString()),
    ),
  ];
}

function formErrors<T>(
  selector: { readonly rawSelector?: string | undefined; readonly requirements?: readonly T[] | undefined } | undefined,
  path: FieldPath,
  requirementErrors: (requirement: T, path: FieldPath) => readonly FieldError[],
): FieldError[] {
  if (selector === undefined) return [];
  const { rawSelector: raw = '', requirements = [] } = selector;
  const at = path.child('requirements');
  const errors: FieldError[] = [];
  if (raw !== '' && requirements.length > 0) errors.push(invalid(path.child('rawSelector'), raw, 'may not specified at the same time as requirements'));
  if (raw === '' && requirements.length === 0) errors.push(required(at, `when ${path.toString()} is specified, requirements or rawSelector is required`));
  return [...errors, ...requirements.flatMap((requirement, i) => requirementErrors(requirement, at.index(i)))];
}

function fieldRequirementErrors({ key, operator, values = [] }: FieldSelectorRequirement, path: FieldPath): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (key === '') errors.push(required(path.child('key'), 'must be specified'));
  if (['In', 'NotIn'].includes(operator) && values.length === 0)
    errors.push(required(path.child('values'), "must be specified when `operator` is 'In' or 'NotIn'"));
  if (['Exists', 'DoesNotExist'].includes(operator) && values.length > 0)
    errors.push(forbidden(path.child('values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  return errors;
}
