import { duplicate, type FieldError, type FieldPath, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { validateLabelSelector } from '../../machinery/labels.ts';
import { dns1123SubdomainFaults } from '../../machinery/names.ts';
import { addFaults, checkSupported, type Errors, isEmpty, root } from '../checks.ts';
import type * as v1 from '../gen/types/admissionregistration.v1.ts';
import { matchConditionErrors } from './expressions.validation.ts';

type Configuration = v1.ValidatingWebhookConfiguration | v1.MutatingWebhookConfiguration;
type Webhook = v1.ValidatingWebhook | v1.MutatingWebhook;

export function validateWebhooks({ webhooks }: Configuration): readonly FieldError[] {
  const errors: Errors = [];
  const names = new Set<string>();
  for (const [i, webhook] of (webhooks ?? []).entries()) {
    const at = root('webhooks').index(i);
    errors.push(...validateWebhook(webhook, at));
    if (names.has(webhook.name)) errors.push(duplicate(at.child('name'), webhook.name));
    names.add(webhook.name);
  }
  return errors;
}

function validateWebhook(webhook: Webhook, path: FieldPath): Errors {
  const errors: Errors = [...nameErrors(webhook.name, path.child('name'))];
  for (const [i, rule] of (webhook.rules ?? []).entries()) errors.push(...ruleErrors(rule, path.child('rules').index(i)));
  checkSupported(errors, path.child('failurePolicy'), webhook.failurePolicy, ['Fail', 'Ignore']);
  checkSupported(errors, path.child('matchPolicy'), webhook.matchPolicy, ['Equivalent', 'Exact']);
  if (isEmpty(webhook.sideEffects)) errors.push(required(path.child('sideEffects'), 'must specify one of None, NoneOnDryRun'));
  else checkSupported(errors, path.child('sideEffects'), webhook.sideEffects, ['None', 'NoneOnDryRun']);
  const seconds = webhook.timeoutSeconds;
  if (seconds !== undefined && (seconds > 30 || seconds < 1))
    errors.push(invalid(path.child('timeoutSeconds'), seconds, 'the timeout value must be between 1 and 30 seconds'));
  errors.push(
    ...validateLabelSelector(webhook.namespaceSelector, path.child('namespaceSelector')),
    ...validateLabelSelector(webhook.objectSelector, path.child('objectSelector')),
  );
  errors.push(
    ...clientErrors(webhook.clientConfig, path.child('clientConfig')),
    ...versionErrors(webhook.admissionReviewVersions, path.child('admissionReviewVersions')),
  );
  if ('reinvocationPolicy' in webhook) checkSupported(errors, path.child('reinvocationPolicy'), webhook.reinvocationPolicy, ['IfNeeded', 'Never']);
  errors.push(...matchConditionErrors(webhook.matchConditions, path.child('matchConditions')));
  return errors;
}

function nameErrors(name: string, path: FieldPath): Errors {
  const errors: Errors = [];
  if (isEmpty(name)) return [required(path)];
  addFaults(errors, path, name, dns1123SubdomainFaults(name));
  if (errors.length === 0 && name.split('.').length < 3) errors.push(invalid(path, name, 'should be a domain with at least three segments separated by dots'));
  return errors;
}

const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];

/** Of webhooks and of policies. */
export function ruleErrors(rule: v1.RuleWithOperations, path: FieldPath): Errors {
  const errors: Errors = [];
  if ((rule.operations ?? []).length === 0) errors.push(required(path.child('operations')));
  if ((rule.operations ?? []).length > 1 && (rule.operations ?? []).includes('*'))
    errors.push(invalid(path.child('operations'), [...(rule.operations ?? [])], "if '*' is present, must not specify other operations"));
  for (const [i, operation] of (rule.operations ?? []).entries())
    if (!OPERATIONS.includes(operation)) errors.push(notSupported(path.child('operations').index(i), operation, OPERATIONS));
  for (const field of ['apiGroups', 'apiVersions', 'resources'] as const) {
    const list = rule[field] ?? [];
    if (list.length === 0) errors.push(required(path.child(field)));
    if (field !== 'resources' && list.length > 1 && list.includes('*'))
      errors.push(invalid(path.child(field), [...list], `if '*' is present, must not specify other ${field === 'apiGroups' ? 'API groups' : 'API versions'}`));
    if (field !== 'apiGroups') for (const [i, item] of list.entries()) if (item === '') errors.push(required(path.child(field).index(i)));
  }
  checkSupported(errors, path.child('scope'), rule.scope, ['*', 'Cluster', 'Namespaced']);
  return errors;
}

function versionErrors(versions: readonly string[] | undefined, path: FieldPath): Errors {
  if ((versions ?? []).length === 0) return [required(path, 'must specify one of v1, v1beta1')];
  const errors: Errors = [];
  for (const [i, version] of (versions ?? []).entries())
    if ((versions ?? []).indexOf(version) !== i) errors.push(invalid(path.index(i), version, 'duplicate version'));
  if (!(versions ?? []).some((v) => v === 'v1' || v === 'v1beta1'))
    errors.push(invalid(path, [...(versions ?? [])], 'must include at least one of v1, v1beta1'));
  return errors;
}

/** Where a webhook is called: a URL or a service, never both. Also of conversion webhooks. */
function clientErrors(config: v1.WebhookClientConfig | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  const { url, service } = config ?? {};
  if ((url === undefined) === (service === undefined)) return [required(path, 'exactly one of url or service is required')];
  if (url !== undefined) return urlErrors(url, path.child('url'));
  for (const field of ['name', 'namespace'] as const)
    if (isEmpty(service?.[field])) errors.push(required(path.child('service', field), `service ${field} is required`));
  const port = service?.port;
  if (port !== undefined && (port < 1 || port > 65_535))
    errors.push(invalid(path.child('service', 'port'), port, 'port is not valid: must be between 1 and 65535, inclusive'));
  if (service?.path !== undefined && !service.path.startsWith('/')) errors.push(invalid(path.child('service', 'path'), service.path, "must start with a '/'"));
  return errors;
}

const URL_FORM = '; desired format: https://host[/path]';

function urlErrors(text: string, path: FieldPath): Errors {
  const url = URL.parse(text);
  if (url === null) return [required(path, `url must be a valid URL${URL_FORM}`)];
  const errors: Errors = [];
  if (url.protocol !== 'https:') errors.push(invalid(path, url.protocol.replace(':', ''), `'https' is the only allowed URL scheme${URL_FORM}`));
  if (url.host === '') errors.push(invalid(path, url.host, `host must be specified${URL_FORM}`));
  if (url.username !== '') errors.push(invalid(path, '', 'user information is not permitted in the URL'));
  if (url.hash !== '') errors.push(invalid(path, url.hash.slice(1), 'fragments are not permitted in the URL'));
  if (url.search !== '') errors.push(invalid(path, url.search.slice(1), 'query parameters are not permitted in the URL'));
  return errors;
}
