import { duplicate, type FieldError, type FieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { dns1123SubdomainFaults } from '../../machinery/names.ts';
import { addFaults, asJson, type Errors, isEmpty, root } from '../checks.ts';
import { semanticEqual } from '../equal.ts';
import type * as flowcontrol from '../gen/types/flowcontrol.v1.ts';
import { MANDATORY } from './mandatory.ts';
import { flowRuleErrors } from './flow-rules.validation.ts';

const SPEC = root('spec');
const METHODS = ['ByNamespace', 'ByUser'];
const MAX_PRECEDENCE = 10_000;
const MAX_QUEUES = 10_000_000;
/** A hand of queues is dealt by a hash of so many bits. */
const MAX_HASH_BITS = 60;

export function validateFlowSchema({ metadata, spec }: flowcontrol.FlowSchema): readonly FieldError[] {
  const errors: Errors = [];
  const precedence = spec?.matchingPrecedence ?? 0;
  const at = SPEC.child('matchingPrecedence');
  if (precedence <= 0) errors.push(invalid(at, precedence, 'must be a positive value'));
  if (precedence > MAX_PRECEDENCE) errors.push(invalid(at, precedence, `must not be greater than ${MAX_PRECEDENCE}`));
  if (precedence === 1 && metadata?.name !== 'exempt') errors.push(invalid(at, precedence, "only the schema named 'exempt' may have matchingPrecedence 1"));
  // Kubernetes shows all of it.
  if (spec?.distinguisherMethod !== undefined && !METHODS.includes(spec.distinguisherMethod.type))
    errors.push(notSupported(SPEC.child('distinguisherMethod', 'type'), asJson(spec.distinguisherMethod), METHODS));
  const level = spec?.priorityLevelConfiguration?.name;
  if (isEmpty(level)) errors.push(required(SPEC.child('priorityLevelConfiguration', 'name'), 'must reference a priority level'));
  else addFaults(errors, SPEC.child('priorityLevelConfiguration', 'name'), level, dns1123SubdomainFaults(level));
  for (const [i, rule] of (spec?.rules ?? []).entries()) errors.push(...flowRuleErrors(rule, SPEC.child('rules').index(i)));
  const name = metadata?.name ?? '';
  const fixed = MANDATORY.get(name)?.schema;
  if (fixed !== undefined && !semanticEqual(spec, fixed)) errors.push(invalid(SPEC, asJson(spec), `spec of '${name}' must equal the fixed value`));
  return errors;
}

/** Of the level of what is exempt, the shares alone are the administrator's. */
function fixedLevelErrors(name: string, spec: flowcontrol.PriorityLevelConfigurationSpec): Errors {
  const fixed = MANDATORY.get(name)?.level;
  if (fixed === undefined) return [];
  const open = name === 'exempt';
  if (semanticEqual(open ? { ...spec, exempt: fixed.exempt } : spec, fixed)) return [];
  return [invalid(SPEC, asJson(spec), `spec of '${name}'${open ? " except the 'spec.exempt' field" : ''} must equal the fixed value`)];
}

interface Conditions {
  readonly status?: { readonly conditions?: readonly { readonly type?: string | undefined }[] | undefined } | undefined;
}

/** Of either kind. */
export function validateFlowStatus({ status }: Conditions): readonly FieldError[] {
  const errors: Errors = [];
  const seen = new Set<string>();
  for (const [i, { type = '' }] of (status?.conditions ?? []).entries()) {
    const at = root('status').child('conditions').index(i).child('type');
    if (seen.has(type)) errors.push(duplicate(at, type));
    if (type === '') errors.push(required(at, 'must not be empty'));
    seen.add(type);
  }
  return errors;
}

export function validatePriorityLevel({ metadata, spec = { type: '' } }: flowcontrol.PriorityLevelConfiguration): readonly FieldError[] {
  const errors: Errors = [];
  const name = metadata?.name ?? '';
  if ((name === 'exempt') !== (spec.type === 'Exempt'))
    errors.push(invalid(SPEC.child('type'), spec.type, "type must be 'Exempt' if and only if name is 'exempt'"));
  if (spec.type === 'Limited') {
    if (spec.exempt !== undefined) errors.push(forbidden(SPEC.child('exempt'), 'must be nil if the type is Limited'));
    if (spec.limited === undefined) errors.push(required(SPEC.child('limited'), 'must not be empty when type is Limited'));
    else errors.push(...validateLimited(spec.limited, SPEC.child('limited')));
  } else if (spec.type === 'Exempt') {
    if (spec.limited !== undefined) errors.push(forbidden(SPEC.child('limited'), 'must be nil if the type is not Limited'));
    if (spec.exempt !== undefined) errors.push(...shareErrors(spec.exempt, SPEC.child('exempt')), ...lendingErrors(spec.exempt, SPEC.child('exempt')));
  } else {
    errors.push(notSupported(SPEC.child('type'), spec.type, ['Exempt', 'Limited']));
  }
  return [...errors, ...fixedLevelErrors(name, spec)];
}

const shareErrors = ({ nominalConcurrencyShares: shares = 0 }: flowcontrol.ExemptPriorityLevelConfiguration, path: FieldPath): Errors =>
  shares < 0 ? [invalid(path.child('nominalConcurrencyShares'), shares, 'must be a non-negative integer')] : [];

const lendingErrors = ({ lendablePercent: percent = 0 }: flowcontrol.ExemptPriorityLevelConfiguration, path: FieldPath): Errors =>
  percent < 0 || percent > 100 ? [invalid(path.child('lendablePercent'), percent, 'must be between 0 and 100, inclusive')] : [];

function validateLimited(limited: flowcontrol.LimitedPriorityLevelConfiguration, path: FieldPath): Errors {
  const errors = shareErrors(limited, path);
  const response = limited.limitResponse;
  const at = path.child('limitResponse');
  if (response?.type === 'Reject') {
    if (response.queuing !== undefined) errors.push(forbidden(at.child('queuing'), 'must be nil if limited.limitResponse.type is not Limited'));
  } else if (response?.type === 'Queue') {
    if (response.queuing === undefined) errors.push(required(at.child('queuing'), 'must not be empty if limited.limitResponse.type is Limited'));
    else errors.push(...validateQueuing(response.queuing, at.child('queuing')));
  } else {
    errors.push(notSupported(at.child('type'), response?.type ?? '', ['Queue', 'Reject']));
  }
  errors.push(...lendingErrors(limited, path));
  const borrowed = limited.borrowingLimitPercent ?? 0;
  if (borrowed < 0) errors.push(invalid(path.child('borrowingLimitPercent'), borrowed, 'if specified, must be a non-negative integer'));
  return errors;
}

function validateQueuing({ queueLengthLimit: limit = 0, queues = 0, handSize = 0 }: flowcontrol.QueuingConfiguration, path: FieldPath): Errors {
  const errors: Errors = [];
  if (limit <= 0) errors.push(invalid(path.child('queueLengthLimit'), limit, 'must be positive'));
  if (queues <= 0) errors.push(invalid(path.child('queues'), queues, 'must be positive'));
  else if (queues > MAX_QUEUES) errors.push(invalid(path.child('queues'), queues, `must not be greater than ${MAX_QUEUES}`));
  const hand = (detail: string): void => void errors.push(invalid(path.child('handSize'), handSize, detail));
  if (handSize <= 0) hand('must be positive');
  else if (handSize > queues) hand(`should not be greater than queues (${queues})`);
  else if (Math.ceil(Math.log2(queues) * handSize) > MAX_HASH_BITS)
    hand(`required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${MAX_HASH_BITS}`);
  return errors;
}
