import { duplicate, type FieldError, type FieldPath, forbidden, invalid, required } from '../../machinery/field-error.ts';
import { validateLabelSelector } from '../../machinery/labels.ts';
import { dns1035LabelFaults, dns1123SubdomainFaults, pathSegmentNameFaults } from '../../machinery/names.ts';
import { addFaults, checkOneOf, checkSupported, type Errors, isEmpty, root } from '../checks.ts';
import { validateConditions } from '../conditions.ts';
import type * as v1 from '../gen/types/admissionregistration.v1.ts';
import { auditAnnotationErrors, matchConditionErrors, validationErrors, variableErrors } from './expressions.validation.ts';
import { mutatingRuleErrors, namedRuleErrors } from './rules.validation.ts';

const SPEC = root('spec');
const NOTHING_SAID = 'validations or auditAnnotations must contain at least one item';

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
    for (const [i, rule] of (match[field] ?? []).entries()) errors.push(...namedRuleErrors(rule, path.child(field).index(i)));
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
  if (text.split('/').length > 2) return [invalid(path, text, `unexpected GroupVersion string: ${text}`)];
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
    errors.push(required(SPEC.child('validations'), NOTHING_SAID), required(SPEC.child('auditAnnotations'), NOTHING_SAID));
  }
  for (const [i, validation] of (spec?.validations ?? []).entries()) errors.push(...validationErrors(validation, SPEC.child('validations').index(i)));
  return [...errors, ...auditAnnotationErrors(spec?.auditAnnotations, metadata?.name ?? '', SPEC.child('auditAnnotations'))];
}

export function validateMutatingPolicy({ spec }: v1.MutatingAdmissionPolicy): readonly FieldError[] {
  const errors: Errors = [];
  checkOneOf(errors, SPEC.child('failurePolicy'), spec?.failurePolicy, ['Fail', 'Ignore']);
  errors.push(
    ...paramKindErrors(spec?.paramKind),
    ...constraintErrors(spec?.matchConstraints),
    ...mutatingRuleErrors(spec?.matchConstraints?.resourceRules, SPEC.child('matchConstraints')),
  );
  errors.push(...matchConditionErrors(spec?.matchConditions, SPEC.child('matchConditions')), ...variableErrors(spec?.variables, SPEC.child('variables')));
  if ((spec?.mutations ?? []).length === 0) errors.push(required(SPEC.child('mutations'), 'mutations must contain at least one item'));
  for (const [i, mutation] of (spec?.mutations ?? []).entries()) errors.push(...mutationErrors(mutation, SPEC.child('mutations').index(i)));
  checkOneOf(errors, SPEC.child('reinvocationPolicy'), spec?.reinvocationPolicy, ['IfNeeded', 'Never']);
  return errors;
}

const PATCHES = { ApplyConfiguration: 'applyConfiguration', JSONPatch: 'jsonPatch' } as const;
type PatchType = keyof typeof PATCHES;
const isPatchType = (type: string): type is PatchType => Object.hasOwn(PATCHES, type);

/** One way to change the object, and what it needs. */
function mutationErrors(mutation: v1.Mutation, path: FieldPath): Errors {
  const errors: Errors = [];
  const type = mutation.patchType;
  checkOneOf(errors, path.child('patchType'), type, Object.keys(PATCHES));
  if (isEmpty(type) || !isPatchType(type)) return errors;
  const field = PATCHES[type];
  const other = field === 'jsonPatch' ? 'applyConfiguration' : 'jsonPatch';
  const patch = mutation[field];
  if (patch === undefined) errors.push(required(path.child(field), `must be specified when patchType is ${type}`));
  else if ((patch.expression ?? '').trim() === '') errors.push(required(path.child(field, 'expression')));
  if (mutation[other] !== undefined) errors.push(invalid(path.child(other), `{${other}}`, `must not be specified when patchType is ${type}`));
  return errors;
}

type Binding = v1.ValidatingAdmissionPolicyBinding | v1.MutatingAdmissionPolicyBinding;

function bindingErrors({ spec }: Binding): Errors {
  const errors: Errors = [];
  const policy = spec?.policyName;
  if (isEmpty(policy)) errors.push(required(SPEC.child('policyName')));
  else addFaults(errors, SPEC.child('policyName'), policy, dns1123SubdomainFaults(policy));
  return [...errors, ...paramRefErrors(spec?.paramRef)];
}

export const validateMutatingPolicyBinding = (binding: v1.MutatingAdmissionPolicyBinding): readonly FieldError[] => [
  ...bindingErrors(binding),
  ...matchErrors(binding.spec?.matchResources, SPEC.child('matchResources')),
  ...mutatingRuleErrors(binding.spec?.matchResources?.resourceRules, SPEC.child('matchResources')),
];

/** Kubernetes' spelling of matchResources in this one place. */
const MATCH_RESOURCES = SPEC.child('matchResouces');

export const validateValidatingPolicyBinding = (binding: v1.ValidatingAdmissionPolicyBinding): readonly FieldError[] => [
  ...bindingErrors(binding),
  ...matchErrors(binding.spec?.matchResources, MATCH_RESOURCES),
  ...actionErrors(binding.spec?.validationActions ?? []),
];

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
  checkOneOf(errors, path.child('parameterNotFoundAction'), ref.parameterNotFoundAction, ['Deny', 'Allow']);
  return errors;
}

function actionErrors(actions: readonly string[]): Errors {
  const errors: Errors = [];
  const path = SPEC.child('validationActions');
  for (const [i, action] of actions.entries()) {
    checkSupported(errors, path.index(i), action, ['Audit', 'Deny', 'Warn']);
    if (actions.indexOf(action) !== i) errors.push(duplicate(path.index(i), action));
  }
  if (actions.includes('Deny') && actions.includes('Warn'))
    errors.push(
      invalid(
        path,
        [...actions],
        'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
      ),
    );
  return actions.length === 0 ? [...errors, required(path, 'at least one validation action is required')] : errors;
}

/** What was found when the expressions were looked at against the types that they are about. */
export function validateValidatingPolicyStatus({ status }: v1.ValidatingAdmissionPolicy): readonly FieldError[] {
  const path = root('status').child('typeChecking', 'expressionWarnings');
  return [
    ...(status?.typeChecking?.expressionWarnings ?? []).flatMap(({ warning, fieldRef }, i) => [
      ...(isEmpty(warning) ? [required(path.index(i).child('warning'))] : []),
      ...((fieldRef ?? '').trim() === '' ? [required(path.index(i).child('fieldRef'))] : []),
    ]),
    ...validateConditions(status?.conditions, root('status').child('conditions')),
  ];
}
