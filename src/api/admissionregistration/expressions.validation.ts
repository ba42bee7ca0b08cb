import { duplicate, type FieldPath, invalid, required, tooMany } from '../../machinery/field-error.ts';
import { utf8Length } from '../../machinery/metadata.ts';
import { qualifiedNameFaults } from '../../machinery/names.ts';
import { addFaults, asJson, checkSupported, type Errors, isEmpty } from '../checks.ts';
import type * as v1 from '../gen/types/admissionregistration.v1.ts';

const MAX_CONDITIONS = 64;
const MAX_ANNOTATIONS = 20;
const MAX_VALUE_EXPRESSION = 5 * 1024;
const NO_EXPRESSION = 'expression is not specified';
const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];
const IDENTIFIER = /^[_a-zA-Z][_a-zA-Z0-9]*$/;
const RESERVED = new Set('true false null in as break const continue else for function if import let loop package namespace return var void while'.split(' '));

const isBlank = (text: string | undefined): boolean => (text ?? '').trim() === '';

/** Of webhooks and of policies. */
export function matchConditionErrors(conditions: readonly v1.MatchCondition[] | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  const names = new Set<string>();
  const count = (conditions ?? []).length;
  if (count > MAX_CONDITIONS) errors.push(tooMany(path, count, MAX_CONDITIONS));
  for (const [i, { name, expression }] of (conditions ?? []).entries()) {
    const at = path.index(i);
    if (isBlank(expression)) errors.push(required(at.child('expression')));
    if (isEmpty(name)) {
      errors.push(required(at.child('name')));
      continue;
    }
    addFaults(errors, at.child('name'), name, qualifiedNameFaults(name));
    if (names.has(name)) errors.push(duplicate(at.child('name'), name));
    names.add(name);
  }
  return errors;
}

export function variableErrors(variables: readonly v1.Variable[] | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  for (const [i, { name, expression }] of (variables ?? []).entries()) {
    const at = path.index(i);
    if (isBlank(name)) errors.push(required(at.child('name'), 'name is not specified'));
    else if (!IDENTIFIER.test(name) || RESERVED.has(name)) errors.push(invalid(at.child('name'), name, 'must be a valid CEL identifier'));
    if (isBlank(expression)) errors.push(required(at.child('expression'), NO_EXPRESSION));
  }
  return errors;
}

export function validationErrors({ expression, message, messageExpression, reason }: v1.Validation, path: FieldPath): Errors {
  const errors: Errors = [];
  if (isBlank(expression)) errors.push(required(path.child('expression'), NO_EXPRESSION));
  if (!isEmpty(messageExpression) && isBlank(messageExpression))
    errors.push(invalid(path.child('messageExpression'), messageExpression, 'must be non-empty if specified'));
  if (!isEmpty(message) && isBlank(message)) errors.push(invalid(path.child('message'), message, 'must be non-empty if specified'));
  else if (/[\n\r]/.test((message ?? '').trim())) errors.push(invalid(path.child('message'), message, 'must not contain line breaks'));
  checkSupported(errors, path.child('reason'), reason, REASONS);
  return errors;
}

/** `policy`: its name, which stands before the key of every annotation. */
export function auditAnnotationErrors(annotations: readonly v1.AuditAnnotation[] | undefined, policy: string, path: FieldPath): Errors {
  const errors: Errors = [];
  const keys = new Set<string>();
  if ((annotations ?? []).length > MAX_ANNOTATIONS)
    errors.push(invalid(path, asJson(annotations), `must not have more than ${MAX_ANNOTATIONS} auditAnnotations`));
  for (const [i, { key, valueExpression }] of (annotations ?? []).entries()) {
    const at = path.index(i);
    const name = `${policy}/${key}`;
    if (policy === '') errors.push(invalid(at.child('key'), key, 'requires metadata.name be non-empty'));
    else addFaults(errors, at.child('key'), name, qualifiedNameFaults(name));
    if (isBlank(valueExpression)) errors.push(required(at.child('valueExpression'), 'valueExpression is not specified'));
    else if (utf8Length(valueExpression.trim()) > MAX_VALUE_EXPRESSION)
      errors.push(required(at.child('valueExpression'), `must not exceed ${MAX_VALUE_EXPRESSION} bytes in length`));
    if (keys.has(key)) errors.push(duplicate(at.child('key'), key));
    keys.add(key);
  }
  return errors;
}
