import { type FieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { dns1123LabelFaults, dns1123SubdomainFaults } from '../../machinery/names.ts';
import { addFaults, asJson, type Errors, isEmpty } from '../checks.ts';
import type * as flowcontrol from '../gen/types/flowcontrol.v1.ts';

const SUBJECT_KINDS = ['Group', 'ServiceAccount', 'User'];
const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];

/** Which requests a flow schema takes: of these subjects, on these resources or paths. */
export function flowRuleErrors(rule: flowcontrol.PolicyRulesWithSubjects, path: FieldPath): Errors {
  const errors: Errors = [];
  const { resourceRules = [], nonResourceRules = [] } = rule;
  const subjects = rule.subjects ?? [];
  if (subjects.length === 0) errors.push(required(path.child('subjects'), 'subjects must contain at least one value'));
  for (const [i, subject] of subjects.entries()) errors.push(...subjectErrors(subject, path.child('subjects').index(i)));
  if (resourceRules.length + nonResourceRules.length === 0)
    errors.push(required(path, 'at least one of resourceRules and nonResourceRules has to be non-empty'));
  for (const [i, of] of resourceRules.entries()) errors.push(...resourceErrors(of, path.child('resourceRules').index(i)));
  for (const [i, of] of nonResourceRules.entries()) errors.push(...pathErrors(of, path.child('nonResourceRules').index(i)));
  return errors;
}

const PART_OF_KIND = { ServiceAccount: 'serviceAccount', User: 'user', Group: 'group' } as const;
type SubjectKind = keyof typeof PART_OF_KIND;
const isSubjectKind = (kind: string): kind is SubjectKind => Object.hasOwn(PART_OF_KIND, kind);

function subjectErrors(subject: flowcontrol.Subject, path: FieldPath): Errors {
  const errors: Errors = [];
  const { kind } = subject;
  if (!isSubjectKind(kind)) return [notSupported(path.child('kind'), kind, SUBJECT_KINDS)];
  const part = PART_OF_KIND[kind];
  const named = subject[part];
  if (named === undefined) errors.push(required(path.child(part), `${part} is required when subject kind is '${kind}'`));
  else if (isEmpty(named.name)) errors.push(required(path.child(part, 'name')));
  if (kind === 'ServiceAccount' && subject.serviceAccount !== undefined) errors.push(...accountErrors(subject.serviceAccount, path.child('serviceAccount')));
  for (const [other, field] of Object.entries(PART_OF_KIND))
    if (field !== part && subject[field] !== undefined) errors.push(forbidden(path.child(field), `${field} is forbidden when subject kind is not '${other}'`));
  return errors;
}

function accountErrors({ name, namespace }: flowcontrol.ServiceAccountSubject, path: FieldPath): Errors {
  const errors: Errors = [];
  if (!isEmpty(name) && name !== '*') addFaults(errors, path.child('name'), name, dns1123SubdomainFaults(name));
  if (isEmpty(namespace)) errors.push(required(path.child('namespace'), 'must specify namespace for service account'));
  else addFaults(errors, path.child('namespace'), namespace, dns1123LabelFaults(namespace));
  return errors;
}

/** A list with the star in it holds nothing else. */
function starErrors(values: readonly string[], path: FieldPath, what: string): Errors {
  return values.length > 1 && values.includes('*') ? [invalid(path, asJson(values), `if '*' is present, must not specify other ${what}`)] : [];
}

function verbErrors(verbs: readonly string[], path: FieldPath): Errors {
  if (verbs.length === 0) return [required(path, 'verbs must contain at least one value')];
  if (verbs.includes('*')) return starErrors(verbs, path, 'verbs');
  return verbs.every((verb) => VERBS.includes(verb)) ? [] : [notSupported(path, asJson(verbs), VERBS)];
}

function resourceErrors(rule: flowcontrol.ResourcePolicyRule, path: FieldPath): Errors {
  const { namespaces = [] } = rule;
  const [apiGroups, resources] = [rule.apiGroups ?? [], rule.resources ?? []];
  const errors = verbErrors(rule.verbs ?? [], path.child('verbs'));
  if (apiGroups.length === 0) errors.push(required(path.child('apiGroups'), 'resource rules must supply at least one api group'));
  else errors.push(...starErrors(apiGroups, path.child('apiGroups'), 'api groups'));
  if (resources.length === 0) errors.push(required(path.child('resources'), 'resource rules must supply at least one resource'));
  else errors.push(...starErrors(resources, path.child('resources'), 'resources'));
  const at = path.child('namespaces');
  if (namespaces.length === 0 && rule.clusterScope !== true)
    errors.push(required(at, 'resource rules that are not cluster scoped must supply at least one namespace'));
  if (namespaces.includes('*')) return [...errors, ...starErrors(namespaces, at, 'namespaces')];
  for (const [i, namespace] of namespaces.entries()) {
    const faults = dns1123LabelFaults(namespace).map((fault) => `each member of this list must be '*' or a DNS-1123 label; ${fault}`);
    addFaults(errors, at.index(i), namespace, faults);
  }
  return errors;
}

function pathErrors(rule: flowcontrol.NonResourcePolicyRule, path: FieldPath): Errors {
  const urls = rule.nonResourceURLs ?? [];
  const errors = verbErrors(rule.verbs ?? [], path.child('verbs'));
  const at = path.child('nonResourceURLs');
  if (urls.length === 0) return [...errors, required(at, 'nonResourceURLs must contain at least one value')];
  if (urls.includes('*')) return [...errors, ...starErrors(urls, at, 'non-resource URLs')];
  for (const [i, url] of urls.entries()) {
    const fault = urlFault(url);
    if (fault !== undefined) errors.push(invalid(at.index(i), url, fault));
  }
  return errors;
}

function urlFault(url: string): string | undefined {
  if (url === '') return 'must not be empty';
  if (!url.startsWith('/')) return 'must start with slash';
  if (url.includes(' ')) return 'must not contain white-space';
  if (url.includes('//')) return 'must not contain double slash';
  const stars = url.split('*').length - 1;
  return stars > 1 || (stars === 1 && !url.endsWith('/*')) ? 'wildcard can only do suffix matching' : undefined;
}
