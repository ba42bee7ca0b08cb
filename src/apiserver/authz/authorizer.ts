import { forbiddenRequest, StatusError } from '../../machinery/status-error.ts';
import type { Authorize, AuthorizeAttributes, AuthorizeDecision } from '../stages.ts';

/** One way of deciding. Synchronous: all that it looks at is in memory. */
export type Authorizer = (attributes: AuthorizeAttributes) => AuthorizeDecision;

/** Not allowed as far as this authorizer knows; the next one is asked. */
export const NO_OPINION: AuthorizeDecision = { allowed: false, reason: '' };

/** Asks in order; the first that allows or denies decides. Reasons and errors of the others are joined. */
export function unionOf(authorizers: readonly Authorizer[]): Authorizer & Authorize {
  return (attributes) => {
    const reasons: string[] = [];
    const errors: string[] = [];
    for (const authorize of authorizers) {
      const decision = authorize(attributes);
      if (decision.allowed || decision.denied === true) return decision;
      if (decision.reason !== '') reasons.push(decision.reason);
      if (decision.evaluationError !== undefined) errors.push(decision.evaluationError);
    }
    return { allowed: false, reason: reasons.join('\n'), ...(errors.length === 0 ? {} : { evaluationError: errors.join(', ') }) };
  };
}

/** Members of these groups may do everything, whatever the policy says: `system:masters`. */
export function privilegedGroups(...groups: readonly string[]): Authorizer {
  return ({ user }) => (user.groups.some((group) => groups.includes(group)) ? { allowed: true, reason: '' } : NO_OPINION);
}

/** Attributes of a resource request, with empty strings for what is not given. */
export function resourceAttributes(given: Pick<AuthorizeAttributes, 'user' | 'verb' | 'group' | 'resource'> & Partial<AuthorizeAttributes>): AuthorizeAttributes {
  return { resourceRequest: true, version: '', subresource: '', namespace: '', name: '', path: '', ...given };
}

/** Attributes of a request to a path that is no resource. */
export function pathAttributes(given: Pick<AuthorizeAttributes, 'user' | 'verb' | 'path'>): AuthorizeAttributes {
  return { resourceRequest: false, group: '', version: '', resource: '', subresource: '', namespace: '', name: '', ...given };
}

/** `User "x" cannot list resource "pods" in API group "" in the namespace "default"`: the words that clients know. */
export function formatRefusal(attributes: AuthorizeAttributes, reason: string): string {
  const user = JSON.stringify(attributes.user.name);
  const because = reason === '' ? '' : `: ${reason}`;
  const { verb, group, resource, subresource, namespace, path } = attributes;
  if (!attributes.resourceRequest) return `User ${user} cannot ${verb} path ${JSON.stringify(path)}${because}`;
  const what = JSON.stringify(subresource === '' ? resource : `${resource}/${subresource}`);
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
  return `User ${user} cannot ${verb} resource ${what} in API group ${JSON.stringify(group)} ${where}${because}`;
}

/** The 403 for a request that no authorizer allowed. */
export function refusal(attributes: AuthorizeAttributes, reason: string): StatusError {
  const why = formatRefusal(attributes, reason);
  if (!attributes.resourceRequest) return new StatusError('Forbidden', `forbidden: ${why}`, { details: {} });
  return forbiddenRequest({ group: attributes.group, resource: attributes.resource }, attributes.name, why);
}
