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
export function resourceAttributes(
  given: Pick<AuthorizeAttributes, 'user' | 'verb' | 'group' | 'resource'> & Partial<AuthorizeAttributes>,
): AuthorizeAttributes {
  return { resourceRequest: true, version: '', subresource: '', namespace: '', name: '', path: '', ...given };
}

/** Attributes of a request to a path that is no resource. */
export function pathAttributes(given: Pick<AuthorizeAttributes, 'user' | 'verb' | 'path'>): AuthorizeAttributes {
  return { resourceRequest: false, group: '', version: '', resource: '', subresource: '', namespace: '', name: '', ...given };
}
