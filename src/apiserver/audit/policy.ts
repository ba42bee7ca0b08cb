import type { UserInfo } from '../../machinery/exchange.ts';
import type { Json, JsonObject } from '../../machinery/object.ts';
import type { AuthorizeAttributes } from '../stages.ts';

/** How much is recorded of a request; each says all that the one before it says. */
export const LEVELS = ['None', 'Metadata', 'Request', 'RequestResponse'] as const;
export type AuditLevel = (typeof LEVELS)[number];

export const STAGES = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const;
export type AuditStage = (typeof STAGES)[number];

/** Policy of audit.k8s.io/v1. Empty lists: not restricted by it. */
export interface AuditPolicy {
  readonly rules: readonly AuditRule[];
  readonly omitStages: readonly AuditStage[];
  readonly omitManagedFields: boolean;
}

export interface AuditRule {
  readonly level: AuditLevel;
  readonly users: readonly string[];
  readonly userGroups: readonly string[];
  readonly verbs: readonly string[];
  readonly resources: readonly GroupResources[];
  readonly namespaces: readonly string[];
  readonly nonResourceURLs: readonly string[];
  readonly omitStages: readonly AuditStage[];
  readonly omitManagedFields: boolean | undefined;
}

export interface GroupResources {
  readonly group: string;
  readonly resources: readonly string[];
  readonly resourceNames: readonly string[];
}

/** What the policy says of one request. */
export interface AuditScope {
  readonly level: AuditLevel;
  readonly omitStages: ReadonlySet<AuditStage>;
  readonly omitManagedFields: boolean;
}

/** The first rule that matches counts; without one nothing is recorded. */
export function auditScope(policy: AuditPolicy): (user: UserInfo, attributes: AuthorizeAttributes) => AuditScope {
  const scopeOf = (rule: AuditRule | undefined): AuditScope => ({
    level: rule?.level ?? 'None',
    omitStages: new Set([...policy.omitStages, ...(rule?.omitStages ?? [])]),
    omitManagedFields: rule?.omitManagedFields ?? policy.omitManagedFields,
  });
  const scopes = policy.rules.map((rule) => ({ rule, scope: scopeOf(rule) }));
  const nothing = scopeOf(undefined);
  return (user, attributes) => scopes.find(({ rule }) => matches(rule, user, attributes))?.scope ?? nothing;
}

function matches(rule: AuditRule, user: UserInfo, attributes: AuthorizeAttributes): boolean {
  if (rule.users.length > 0 && !rule.users.includes(user.name)) return false;
  if (rule.userGroups.length > 0 && !rule.userGroups.some((group) => user.groups.includes(group))) return false;
  if (rule.verbs.length > 0 && !rule.verbs.includes(attributes.verb)) return false;
  if (rule.namespaces.length > 0 || rule.resources.length > 0) return attributes.resourceRequest && matchesResource(rule, attributes);
  if (rule.nonResourceURLs.length > 0) return !attributes.resourceRequest && rule.nonResourceURLs.some((pattern) => matchesPath(pattern, attributes.path));
  return true;
}

/** Namespace '' stands for what belongs to no namespace. */
function matchesResource({ namespaces, resources }: AuditRule, { namespace, group, resource, subresource, name }: AuthorizeAttributes): boolean {
  if (namespaces.length > 0 && !namespaces.includes(namespace)) return false;
  if (resources.length === 0) return true;
  const whole = subresource === '' ? resource : `${resource}/${subresource}`;
  return resources.some((each) => {
    if (each.group !== group) return false;
    if (each.resources.length === 0) return true;
    if (each.resourceNames.length > 0 && !each.resourceNames.includes(name)) return false;
    return each.resources.some(
      (pattern) => pattern === '*' || pattern === whole || pattern === `${resource}/*` || (subresource !== '' && pattern === `*/${subresource}`),
    );
  });
}

const matchesPath = (pattern: string, path: string): boolean => pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1)));

type Wrong = (field: string, what: string) => Error;

/** Reads a policy as it stands in a file. Throws what `wrong` makes of the first fault. */
export function readAuditPolicy(value: Json, wrong: Wrong): AuditPolicy {
  if (!isObject(value) || value['kind'] !== 'Policy') throw wrong('kind', 'must be Policy');
  if (value['apiVersion'] !== 'audit.k8s.io/v1') throw wrong('apiVersion', 'must be audit.k8s.io/v1');
  const rules = value['rules'];
  if (!Array.isArray(rules) || rules.length === 0) throw wrong('rules', 'at least one rule is required');
  return {
    rules: rules.map((rule, at) => readRule(rule, `rules[${at}]`, wrong)),
    omitStages: readStages(value['omitStages'], 'omitStages', wrong),
    omitManagedFields: value['omitManagedFields'] === true,
  };
}

function readRule(rule: Json, path: string, wrong: Wrong): AuditRule {
  if (!isObject(rule)) throw wrong(path, 'a rule is expected');
  const texts = (field: string): readonly string[] => readTexts(rule[field], `${path}.${field}`, wrong);
  const level = LEVELS.find((known) => known === rule['level']);
  if (level === undefined) throw wrong(`${path}.level`, `one of ${LEVELS.join(', ')} is expected`);
  const nonResourceURLs = texts('nonResourceURLs');
  const resources = rule['resources'] ?? [];
  if (!Array.isArray(resources)) throw wrong(`${path}.resources`, 'a list is expected');
  if (nonResourceURLs.length > 0 && (resources.length > 0 || texts('namespaces').length > 0))
    throw wrong(`${path}.nonResourceURLs`, 'rules cannot apply to both regular resources and non-resource URLs');
  for (const [at, url] of nonResourceURLs.entries()) {
    if (url !== '*' && (!url.startsWith('/') || url.slice(0, -1).includes('*')))
      throw wrong(`${path}.nonResourceURLs[${at}]`, "must begin with '/'; '*' may only be its last character");
  }
  return {
    level,
    users: texts('users'),
    userGroups: texts('userGroups'),
    verbs: texts('verbs'),
    resources: resources.map((each, at) => readResources(each, `${path}.resources[${at}]`, wrong)),
    namespaces: texts('namespaces'),
    nonResourceURLs,
    omitStages: readStages(rule['omitStages'], `${path}.omitStages`, wrong),
    omitManagedFields: typeof rule['omitManagedFields'] === 'boolean' ? rule['omitManagedFields'] : undefined,
  };
}

function readResources(value: Json, path: string, wrong: Wrong): GroupResources {
  const group = isObject(value) ? (value['group'] ?? '') : undefined;
  if (!isObject(value) || typeof group !== 'string' || group.includes('/')) throw wrong(`${path}.group`, 'the name of a group, without version, is expected');
  const resources = readTexts(value['resources'], `${path}.resources`, wrong);
  const resourceNames = readTexts(value['resourceNames'], `${path}.resourceNames`, wrong);
  if (resourceNames.length > 0 && resources.length === 0) throw wrong(`${path}.resourceNames`, 'using resourceNames requires at least one resource');
  return { group, resources, resourceNames };
}

function readStages(value: Json | undefined, path: string, wrong: Wrong): readonly AuditStage[] {
  return readTexts(value, path, wrong).map((text, at) => {
    const stage = STAGES.find((known) => known === text);
    if (stage === undefined) throw wrong(`${path}[${at}]`, `one of ${STAGES.join(', ')} is expected`);
    return stage;
  });
}

function readTexts(value: Json | undefined, path: string, wrong: Wrong): readonly string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every((each) => typeof each === 'string')) throw wrong(path, 'a list of strings is expected');
  return value as readonly string[];
}

const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
