import type { FlowSchema, PolicyRulesWithSubjects, ResourcePolicyRule, Subject } from '../../api/gen/types/flowcontrol.v1.ts';
import type { UserInfo } from '../../machinery/exchange.ts';
import type { AuthorizeAttributes } from '../stages.ts';

/** Whether requests of this kind belong to a flow schema. Made once for each version of the object. */
export type SchemaMatch = (user: UserInfo, attributes: AuthorizeAttributes) => boolean;

/** Lower precedence first, then by name: the order in which Kubernetes tries them. */
export function inMatchingOrder(schemas: readonly FlowSchema[]): readonly FlowSchema[] {
  const precedence = ({ spec }: FlowSchema): number => spec?.matchingPrecedence ?? 1000;
  const name = ({ metadata }: FlowSchema): string => metadata?.name ?? '';
  return [...schemas].sort((a, b) => precedence(a) - precedence(b) || (name(a) < name(b) ? -1 : 1));
}

export function schemaMatch({ spec }: FlowSchema): SchemaMatch {
  const rules = (spec?.rules ?? []).map(ruleMatch);
  const [only] = rules;
  if (rules.length === 1 && only !== undefined) return only;
  return (user, attributes) => rules.some((matches) => matches(user, attributes));
}

function ruleMatch({ subjects, resourceRules = [], nonResourceRules = [] }: PolicyRulesWithSubjects): SchemaMatch {
  const isSubject = subjectMatch(subjects);
  const resources = resourceRules.map(resourceMatch);
  const paths = nonResourceRules.map(({ verbs, nonResourceURLs }) => {
    const isVerb = oneOf(verbs);
    return ({ verb, path }: AuthorizeAttributes): boolean => isVerb(verb) && nonResourceURLs.some((pattern) => matchesPath(pattern, path));
  });
  return (user, attributes) => {
    const about = attributes.resourceRequest ? resources : paths;
    return about.length > 0 && isSubject(user) && about.some((matches) => matches(attributes));
  };
}

function subjectMatch(subjects: readonly Subject[]): (user: UserInfo) => boolean {
  const names = new Set<string>();
  const groups = new Set<string>();
  const prefixes: string[] = [];
  for (const { user, group, serviceAccount } of subjects) {
    if (user !== undefined) names.add(user.name);
    if (group !== undefined) groups.add(group.name);
    if (serviceAccount === undefined) continue;
    const prefix = `system:serviceaccount:${serviceAccount.namespace}:`;
    if (serviceAccount.name === '*') prefixes.push(prefix);
    else names.add(prefix + serviceAccount.name);
  }
  if (names.has('*') || groups.has('*')) return () => true;
  return (user) =>
    names.has(user.name) || (groups.size > 0 && user.groups.some((group) => groups.has(group))) || prefixes.some((prefix) => user.name.startsWith(prefix));
}

function resourceMatch({
  verbs,
  apiGroups,
  resources,
  namespaces = [],
  clusterScope = false,
}: ResourcePolicyRule): (attributes: AuthorizeAttributes) => boolean {
  const isVerb = oneOf(verbs);
  const isGroup = oneOf(apiGroups);
  const isResource = oneOf(resources);
  const isNamespace = oneOf(namespaces);
  return ({ verb, group, resource, subresource, namespace }) =>
    isVerb(verb) &&
    isGroup(group) &&
    isResource(subresource === '' ? resource : `${resource}/${subresource}`) &&
    (namespace === '' ? clusterScope : isNamespace(namespace));
}

function oneOf(values: readonly string[]): (value: string) => boolean {
  if (values.includes('*')) return () => true;
  const known = new Set(values);
  return (value) => known.has(value);
}

const matchesPath = (pattern: string, path: string): boolean =>
  pattern === '*' || pattern === path || (pattern.endsWith('/*') && path.startsWith(pattern.slice(0, -1)));

/** What tells apart the flows of one schema. */
export function distinguisherOf({ spec }: FlowSchema): (user: UserInfo, attributes: AuthorizeAttributes) => string {
  switch (spec?.distinguisherMethod?.type) {
    case 'ByUser':
      return (user) => user.name;
    case 'ByNamespace':
      return (_, { namespace }) => namespace;
    default:
      return () => '';
  }
}
