import { type FieldError, type FieldPath, forbidden, invalid, required } from '../../machinery/field-error.ts';
import { validateLabelSelector } from '../../machinery/labels.ts';
import { dns1035LabelFaults, dns1123SubdomainFaults, pathSegmentNameFaults } from '../../machinery/names.ts';
import { addFaults, checkOneOf, checkSupported, type Errors, isEmpty, root } from '../checks.ts';
import type * as v1 from '../gen/types/admissionregistration.v1.ts';
import { auditAnnotationErrors, matchConditionErrors, validationErrors, variableErrors } from './expressions.validation.ts';
import { ruleErrors } from './webhook.validation.ts';

const SPEC = root('spec');

function matchErrors(match: v1.MatchResources | undefined, path: FieldPath): Errors {
  if (match === undefined) return [];
  const errors: Errors = [];
  if (match.matchPolicy === undefined) errors.push(required(path.child('matchPolicy')));
  checkSupported(errors, path.child('matchPolicy'), match.matchPolicy, ['Equivalent', 'Exact']);
  for (const field of ['namespaceSelector', 'objectSelector'] as const) {
    if (match[field] === undefined) errors.push(required(path.child(field)));
    else errors.push(...validateLabelSelector(match[field], path.child(field)));
  }
  for (const field of ['resourceRules', 'excludeResourceRules'] as const)
    for (const [i, rule] of (match[field] ?? []).entries()) errors.push(...ruleErrors(rule, path.child(field).index(i)));
  return errors;
}

function constraintErrors(match: v1.MatchResources | undefined): Errors {
  const path = SPEC.child('matchConstraints');
  if (match === undefined) return [required(path)];
  const errors: Errors = matchErrors(match, path);
  if ((match.resourceRules ?? []).length === 0) errors.push(required(path.child('resourceRules')));
  return errors;
}

function paramKindErrors(kind: v1.ParamKind | undefined): Errors {
  if (kind === undefined) return [];
  const errors: Errors = [];
  const path = SPEC.child('paramKind');
  if (isEmpty(kind.apiVersion)) errors.push(required(path.child('apiVersion')));
  else errors.push(...versionErrors(kind.apiVersion, path.child('apiVersion')));
  if (isEmpty(kind.kind)) return [...errors, required(path.child('kind'))];
  const faults = dns1035LabelFaults(kind.kind.toLowerCase());
  return faults.length === 0
    ? errors
    : [...errors, invalid(path.child('kind'), kind.kind, `may have mixed case, but should otherwise match: ${faults.join(',')}`)];
}

function versionErrors(text: string, path: FieldPath): Errors {
  const errors: Errors = [];
  const at = text.indexOf('/');
  const [group, version] = [text.slice(0, Math.max(0, at)), text.slice(at + 1)];
  const groupFaults = group === '' ? [] : dns1123SubdomainFaults(group);
  if (groupFaults.length > 0) errors.push(invalid(path, group, groupFaults.join(',')));
  if (version === '') return [...errors, invalid(path, text, 'version must be specified')];
  const faults = dns1035LabelFaults(version);
  return faults.length === 0 ? errors : [...errors, invalid(path, version, faults.join(','))];
}

export function validateValidatingPolicy({ metadata, spec }: v1.ValidatingAdmissionPolicy): readonly FieldError[] {
  const errors: Errors = [];
  if (isEmpty(spec?.failurePolicy)) errors.push(required(SPEC.child('failurePolicy')));
  else checkSupported(errors, SPEC.child('failurePolicy'), spec?.failurePolicy, ['Fail', 'Ignore']);
  errors.push(...paramKindErrors(spec?.paramKind), ...constraintErrors(spec?.matchConstraints));
  errors.push(...matchConditionErrors(spec?.matchConditions, SPEC.child('matchConditions')), ...variableErrors(spec?.variables, SPEC.child('variables')));
  if ((spec?.validations ?? []).length === 0 && (spec?.auditAnnotations ?? []).length === 0) {
    errors.push(
      required(SPEC.child('validations'), 'validations or auditAnnotations must be specified'),
      required(SPEC.child('auditAnnotations'), 'validations or auditAnnotations must be specified'),
    );
  }
  for (const [i, validation] of (spec?.validations ?? []).entries()) errors.push(...validationErrors(validation, SPEC.child('validations').index(i)));
  return [...errors, ...auditAnnotationErrors(spec?.auditAnnotations, metadata?.name ?? '', SPEC.child('auditAnnotations'))];
}

export function validateMutatingPolicy({ spec }: v1.MutatingAdmissionPolicy): readonly FieldError[] {
  const errors: Errors = [];
  checkOneOf(errors, SPEC.child('failurePolicy'), spec?.failurePolicy, ['Fail', 'Ignore']);
  errors.push(...paramKindErrors(spec?.paramKind), ...constraintErrors(spec?.matchConstraints));
  errors.push(...matchConditionErrors(spec?.matchConditions, SPEC.child('matchConditions')), ...variableErrors(spec?.variables, SPEC.child('variables')));
  if ((spec?.mutations ?? []).length === 0) errors.push(required(SPEC.child('mutations'), 'mutations must contain at least one item'));
  for (const [i, { patchType }] of (spec?.mutations ?? []).entries())
    checkOneOf(errors, SPEC.child('mutations').index(i).child('patchType'), patchType, ['ApplyConfiguration', 'JSONPatch']);
  checkOneOf(errors, SPEC.child('reinvocationPolicy'), spec?.reinvocationPolicy, ['IfNeeded', 'Never']);
  return errors;
}

type Binding = v1.ValidatingAdmissionPolicyBinding | v1.MutatingAdmissionPolicyBinding;

export function validatePolicyBinding({ spec }: Binding): readonly FieldError[] {
  const errors: Errors = [];
  const policy = spec?.policyName;
  if (isEmpty(policy)) errors.push(required(SPEC.child('policyName')));
  else addFaults(errors, SPEC.child('policyName'), policy, dns1123SubdomainFaults(policy));
  errors.push(...paramRefErrors(spec?.paramRef), ...matchErrors(spec?.matchResources, SPEC.child('matchResources')));
  if (spec !== undefined && 'validationActions' in spec) errors.push(...actionErrors(spec.validationActions));
  return errors;
}

export function validateValidatingPolicyBinding(binding: v1.ValidatingAdmissionPolicyBinding): readonly FieldError[] {
  const none = (binding.spec?.validationActions ?? []).length === 0;
  return none
    ? [...validatePolicyBinding(binding), required(SPEC.child('validationActions'), 'at least one validation action is required')]
    : validatePolicyBinding(binding);
}

function paramRefErrors(ref: v1.ParamRef | undefined): Errors {
  const errors: Errors = [];
  if (ref === undefined) return errors;
  const path = SPEC.child('paramRef');
  const both = !isEmpty(ref.name) && ref.selector !== undefined;
  const exclusive = 'name and selector are mutually exclusive';
  if (!isEmpty(ref.name)) addFaults(errors, path.child('name'), ref.name, pathSegmentNameFaults(ref.name));
  if (both) errors.push(forbidden(path.child('name'), exclusive));
  if (ref.selector !== undefined) errors.push(...validateLabelSelector(ref.selector, path.child('selector')));
  if (both) errors.push(forbidden(path.child('selector'), exclusive));
  if (isEmpty(ref.name) && ref.selector === undefined) errors.push(required(path, 'one of name or selector must be specified'));
  if (ref.parameterNotFoundAction === undefined) errors.push(required(path.child('parameterNotFoundAction')));
  checkSupported(errors, path.child('parameterNotFoundAction'), ref.parameterNotFoundAction, ['Deny', 'Allow']);
  return errors;
}

function actionErrors(actions: readonly string[] | undefined): Errors {
  const errors: Errors = [];
  const path = SPEC.child('validationActions');
  for (const [i, action] of (actions ?? []).entries()) {
    checkSupported(errors, path.index(i), action, ['Audit', 'Deny', 'Warn']);
    if ((actions ?? []).indexOf(action) !== i) errors.push({ type: 'FieldValueDuplicate', field: path.index(i).toString(), value: action, detail: '' });
  }
  if ((actions ?? []).includes('Deny') && (actions ?? []).includes('Warn'))
    errors.push(
      invalid(
        path,
        [...(actions ?? [])],
        'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
      ),
    );
  return errors;
}
