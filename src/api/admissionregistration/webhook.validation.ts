import { duplicate, type FieldError, type FieldPath, invalid, required } from '../../machinery/field-error.ts';
import { validateLabelSelector } from '../../machinery/labels.ts';
import { dns1035LabelFaults, dns1123SubdomainFaults } from '../../machinery/names.ts';
import { addFaults, checkSupported, type Errors, isEmpty, root } from '../checks.ts';
import type * as v1 from '../gen/types/admissionregistration.v1.ts';
import { withoutSelectorValues } from '../old-selectors.ts';
import { matchConditionErrors } from './expressions.validation.ts';
import { ruleErrors } from './rules.validation.ts';
import { webhookClientErrors } from './webhook-client.validation.ts';

type Configuration = v1.ValidatingWebhookConfiguration | v1.MutatingWebhookConfiguration;
type Webhook = v1.ValidatingWebhook | v1.MutatingWebhook;

/** What earlier versions took, which an object that has it may keep. */
interface Kept {
  readonly sideEffects?: boolean;
  readonly versions?: boolean;
  readonly names?: boolean;
}

const REVIEWS = ['v1', 'v1beta1'];
const HARMLESS = ['None', 'NoneOnDryRun'];
const SIDE_EFFECTS = [...HARMLESS, 'Some', 'Unknown'];

const isHarmless = ({ sideEffects }: Webhook): boolean => HARMLESS.includes(sideEffects ?? '');
const isUnderstood = ({ admissionReviewVersions: versions }: Webhook): boolean =>
  (versions ?? []).length === 0 || (versions ?? []).some((version) => REVIEWS.includes(version));

export const validateWebhooks = (of: Configuration): readonly FieldError[] => validateAll(of, {});

export function validateWebhooksUpdate(of: Configuration, old: Configuration): readonly FieldError[] {
  const before: readonly Webhook[] = old.webhooks ?? [];
  const errors = validateAll(of, {
    sideEffects: !before.every(isHarmless),
    versions: !before.every(isUnderstood),
    names: new Set(before.map(({ name }) => name)).size < before.length,
  });
  const selectors = before.flatMap(({ namespaceSelector, objectSelector }) => [namespaceSelector, objectSelector]);
  return selectors.some((selector) => validateLabelSelector(selector, root('')).length > 0) ? withoutSelectorValues(errors) : errors;
}

function validateAll({ webhooks }: Configuration, kept: Kept): readonly FieldError[] {
  const errors: Errors = [];
  const names = new Set<string>();
  for (const [i, webhook] of (webhooks ?? []).entries()) {
    const at = root('webhooks').index(i);
    errors.push(...validateWebhook(webhook, kept, at), ...versionErrors(webhook.admissionReviewVersions ?? [], kept, at.child('admissionReviewVersions')));
    if (kept.names !== true && !isEmpty(webhook.name) && names.has(webhook.name)) errors.push(duplicate(at.child('name'), webhook.name));
    names.add(webhook.name);
  }
  return errors;
}

function validateWebhook(webhook: Webhook, kept: Kept, path: FieldPath): Errors {
  const errors: Errors = [...nameErrors(webhook.name, path.child('name'))];
  for (const [i, rule] of (webhook.rules ?? []).entries()) errors.push(...ruleErrors(rule, path.child('rules').index(i)));
  checkSupported(errors, path.child('failurePolicy'), webhook.failurePolicy, ['Fail', 'Ignore']);
  checkSupported(errors, path.child('matchPolicy'), webhook.matchPolicy, ['Equivalent', 'Exact']);
  const sideEffects = kept.sideEffects === true ? SIDE_EFFECTS : HARMLESS;
  if (webhook.sideEffects === undefined) errors.push(required(path.child('sideEffects'), `must specify one of ${sideEffects.join(', ')}`));
  checkSupported(errors, path.child('sideEffects'), webhook.sideEffects, sideEffects);
  const seconds = webhook.timeoutSeconds;
  if (seconds !== undefined && (seconds > 30 || seconds < 1))
    errors.push(invalid(path.child('timeoutSeconds'), seconds, 'the timeout value must be between 1 and 30 seconds'));
  errors.push(
    ...validateLabelSelector(webhook.namespaceSelector, path.child('namespaceSelector')),
    ...validateLabelSelector(webhook.objectSelector, path.child('objectSelector')),
  );
  if ('reinvocationPolicy' in webhook) checkSupported(errors, path.child('reinvocationPolicy'), webhook.reinvocationPolicy, ['IfNeeded', 'Never']);
  return [
    ...errors,
    ...webhookClientErrors(webhook.clientConfig, path.child('clientConfig')),
    ...matchConditionErrors(webhook.matchConditions, path.child('matchConditions')),
  ];
}

function nameErrors(name: string, path: FieldPath): Errors {
  if (isEmpty(name)) return [required(path)];
  const faults = dns1123SubdomainFaults(name);
  if (faults.length > 0) return [invalid(path, name, faults.join(','))];
  return name.split('.').length < 3 ? [invalid(path, name, 'should be a domain with at least three segments separated by dots')] : [];
}

function versionErrors(versions: readonly string[], kept: Kept, path: FieldPath): Errors {
  if (versions.length === 0) return [required(path, `must specify one of ${REVIEWS.join(', ')}`)];
  const errors: Errors = [];
  for (const [i, version] of versions.entries()) {
    if (versions.indexOf(version) !== i) errors.push(invalid(path.index(i), version, 'duplicate version'));
    else addFaults(errors, path.index(i), version, dns1035LabelFaults(version));
  }
  if (kept.versions !== true && !versions.some((version) => REVIEWS.includes(version)))
    errors.push(invalid(path, [...versions], `must include at least one of ${REVIEWS.join(', ')}`));
  return errors;
}
