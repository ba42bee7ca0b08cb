import { type FieldError, type FieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { dns1123SubdomainFaults } from '../../machinery/names.ts';
import { addFaults, checkSupported, type Errors, isEmpty, NON_NEGATIVE, root } from '../checks.ts';
import type * as flowcontrol from '../gen/types/flowcontrol.v1.ts';

const SPEC = root('spec');
const MAX_PRECEDENCE = 10_000;
const SUBJECT_KINDS = ['Group', 'ServiceAccount', 'User'];

export function validateFlowSchema({ metadata, spec }: flowcontrol.FlowSchema): readonly FieldError[] {
  const errors: Errors = [];
  const precedence = spec?.matchingPrecedence ?? 0;
  const at = SPEC.child('matchingPrecedence');
  if (precedence <= 0) errors.push(invalid(at, precedence, 'must be a positive value'));
  if (precedence > MAX_PRECEDENCE) errors.push(invalid(at, precedence, `must not be greater than ${MAX_PRECEDENCE}`));
  if (precedence === 1 && metadata?.name !== 'exempt') errors.push(invalid(at, precedence, "only the schema named 'exempt' may have matchingPrecedence 1"));
  if (spec?.distinguisherMethod !== undefined)
    checkSupported(errors, SPEC.child('distinguisherMethod', 'type'), spec.distinguisherMethod.type, ['ByNamespace', 'ByUser']);
  const level = spec?.priorityLevelConfiguration?.name;
  if (isEmpty(level)) errors.push(required(SPEC.child('priorityLevelConfiguration', 'name'), 'must reference a priority level'));
  else addFaults(errors, SPEC.child('priorityLevelConfiguration', 'name'), level, dns1123SubdomainFaults(level));
  for (const [i, rule] of (spec?.rules ?? []).entries()) errors.push(...validateRule(rule, SPEC.child('rules').index(i)));
  return errors;
}

function validateRule(rule: flowcontrol.PolicyRulesWithSubjects, path: FieldPath): Errors {
  const errors: Errors = [];
  if ((rule.subjects ?? []).length === 0) errors.push(required(path.child('subjects'), 'subjects must contain at least one value'));
  for (const [i, { kind }] of (rule.subjects ?? []).entries())
    if (!SUBJECT_KINDS.includes(kind)) errors.push(notSupported(path.child('subjects').index(i).child('kind'), kind, SUBJECT_KINDS));
  if ((rule.resourceRules ?? []).length + (rule.nonResourceRules ?? []).length === 0)
    errors.push(required(path, 'at least one of resourceRules and nonResourceRules has to be non-empty'));
  for (const [i, of] of (rule.resourceRules ?? []).entries()) {
    const at = path.child('resourceRules').index(i);
    if ((of.verbs ?? []).length === 0) errors.push(required(at.child('verbs'), 'verbs must contain at least one value'));
    if ((of.apiGroups ?? []).length === 0) errors.push(required(at.child('apiGroups'), 'resource rules must supply at least one api group'));
    if ((of.resources ?? []).length === 0) errors.push(required(at.child('resources'), 'resource rules must supply at least one resource'));
    if ((of.namespaces ?? []).length === 0 && of.clusterScope !== true)
      errors.push(required(at.child('namespaces'), 'resource rules that are not cluster scoped must supply at least one namespace'));
  }
  return errors;
}

export function validatePriorityLevel({ metadata, spec }: flowcontrol.PriorityLevelConfiguration): readonly FieldError[] {
  const errors: Errors = [];
  if (spec === undefined) return [required(SPEC.child('type'))];
  const name = metadata?.name ?? '';
  if ((name === 'exempt') !== (spec.type === 'Exempt'))
    errors.push(invalid(SPEC.child('type'), spec.type, "type must be 'Exempt' if and only if name is 'exempt'"));
  if (spec.type === 'Limited') {
    if (spec.exempt !== undefined) errors.push(forbidden(SPEC.child('exempt'), 'must be nil if the type is Limited'));
    if (spec.limited === undefined) errors.push(required(SPEC.child('limited'), 'must not be empty when type is Limited'));
    else errors.push(...validateLimited(spec.limited, SPEC.child('limited')));
  } else if (spec.type === 'Exempt') {
    if (spec.limited !== undefined) errors.push(forbidden(SPEC.child('limited'), 'must be nil if the type is not Limited'));
  } else {
    errors.push(notSupported(SPEC.child('type'), spec.type, ['Exempt', 'Limited']));
  }
  return errors;
}

function validateLimited(limited: flowcontrol.LimitedPriorityLevelConfiguration, path: FieldPath): Errors {
  const errors: Errors = [];
  const shares = limited.nominalConcurrencyShares ?? 0;
  if (shares < 0) errors.push(invalid(path.child('nominalConcurrencyShares'), shares, 'must be a non-negative integer'));
  const lendable = limited.lendablePercent ?? 0;
  if (lendable < 0 || lendable > 100) errors.push(invalid(path.child('lendablePercent'), lendable, 'must be between 0 and 100, inclusive'));
  if ((limited.borrowingLimitPercent ?? 0) < 0) errors.push(invalid(path.child('borrowingLimitPercent'), limited.borrowingLimitPercent, NON_NEGATIVE));
  const response = limited.limitResponse;
  const at = path.child('limitResponse');
  if (response?.type === 'Reject') {
    if (response.queuing !== undefined) errors.push(forbidden(at.child('queuing'), 'must be nil if limited.limitResponse.type is not Limited'));
  } else if (response?.type === 'Queue') {
    if (response.queuing === undefined) errors.push(required(at.child('queuing'), 'must not be empty if limited.limitResponse.type is Limited'));
    else if (response.queuing.handSize !== undefined && response.queuing.queues !== undefined && response.queuing.handSize > response.queuing.queues) {
      errors.push(invalid(at.child('queuing', 'handSize'), response.queuing.handSize, `should not be greater than queues (${response.queuing.queues})`));
    }
  } else {
    errors.push(notSupported(at.child('type'), response?.type ?? '', ['Queue', 'Reject']));
  }
  return errors;
}
