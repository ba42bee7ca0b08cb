import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject } from '../../api/gen/types/rbac.v1.ts';
import type { UserInfo } from '../../machinery/exchange.ts';
import type { Stored } from '../../machinery/object.ts';
import type { AuthorizeDecision } from '../stages.ts';
import { type Authorizer, NO_OPINION } from './authorizer.ts';
import { ruleAllows } from './rules.ts';

const GROUP = 'rbac.authorization.k8s.io';

type AnyRole = Stored<Role> | Stored<ClusterRole>;
type AnyBinding = Stored<RoleBinding> | Stored<ClusterRoleBinding>;

/** What a binding gives to one of its subjects. */
export interface Grant {
  readonly binding: AnyBinding;
  readonly subject: Subject;
}

export interface GrantedRules {
  readonly rules: readonly PolicyRule[];
  /** Roles that bindings name and that are not there. */
  readonly errors: readonly string[];
}

/**
 * Roles and bindings, found by subject, so that a request costs what its user's own bindings cost and not what all of them do.
 * Kept up to date object by object; every write is O(subjects of the binding).
 */
export class RbacIndex {
  /** Roles by `namespace/name`; cluster roles have an empty namespace. */
  readonly #roles = new Map<string, AnyRole>();
  readonly #bindings = new Map<string, AnyBinding>();
  /** namespace (empty: cluster role bindings) → subject → its grants by binding name. */
  readonly #grants = new Map<string, Map<string, Map<string, Grant>>>();

  setRole(role: AnyRole): void {
    this.#roles.set(keyOf(role), role);
  }

  deleteRole(namespace: string, name: string): void {
    this.#roles.delete(`${namespace}/${name}`);
  }

  setBinding(binding: AnyBinding): void {
    const namespace = binding.metadata.namespace ?? '';
    this.deleteBinding(namespace, binding.metadata.name);
    this.#bindings.set(keyOf(binding), binding);
    const bySubject = inner(this.#grants, namespace);
    for (const subject of binding.subjects ?? []) {
      const who = subjectKey(subject, namespace);
      if (who !== undefined) inner(bySubject, who).set(binding.metadata.name, { binding, subject });
    }
  }

  deleteBinding(namespace: string, name: string): void {
    const old = this.#bindings.get(`${namespace}/${name}`);
    if (old === undefined) return;
    this.#bindings.delete(`${namespace}/${name}`);
    const bySubject = this.#grants.get(namespace);
    for (const subject of old.subjects ?? []) {
      const who = subjectKey(subject, namespace);
      if (who === undefined) continue;
      const grants = bySubject?.get(who);
      grants?.delete(name);
      if (grants?.size === 0) bySubject?.delete(who);
    }
    if (bySubject?.size === 0) this.#grants.delete(namespace);
  }

  role(ref: RoleRef, namespace: string): AnyRole | undefined {
    return this.#roles.get(ref.kind === 'ClusterRole' ? `/${ref.name}` : `${namespace}/${ref.name}`);
  }

  /** Cluster-wide grants first, then those of the namespace (none for an empty one). Ends early when the visitor says so. */
  visit(user: UserInfo, namespace: string, visitor: (grant: Grant) => 'stop' | undefined): void {
    if (this.#visitIn('', user, visitor) !== 'stop' && namespace !== '') this.#visitIn(namespace, user, visitor);
  }

  #visitIn(namespace: string, user: UserInfo, visitor: (grant: Grant) => 'stop' | undefined): 'stop' | undefined {
    const bySubject = this.#grants.get(namespace);
    if (bySubject === undefined) return undefined;
    const ofUser = bySubject.get(`u:${user.name}`);
    if (ofUser !== undefined) for (const grant of ofUser.values()) if (visitor(grant) === 'stop') return 'stop';
    for (const group of user.groups) {
      const ofGroup = bySubject.get(`g:${group}`);
      if (ofGroup !== undefined) for (const grant of ofGroup.values()) if (visitor(grant) === 'stop') return 'stop';
    }
    return undefined;
  }

  /** Every rule that the user has in the namespace (empty: cluster-wide ones only). */
  rulesOf(user: UserInfo, namespace: string): GrantedRules {
    const rules: PolicyRule[] = [];
    const errors: string[] = [];
    this.visit(user, namespace, ({ binding }) => {
      const role = this.role(binding.roleRef, binding.metadata.namespace ?? '');
      if (role === undefined) errors.push(missing(binding.roleRef));
      else rules.push(...(role.rules ?? []));
      return undefined;
    });
    return { rules, errors };
  }
}

/** Role-based access control over the index. */
export function rbacAuthorizer(index: RbacIndex): Authorizer {
  return (attributes): AuthorizeDecision => {
    const errors = new Set<string>();
    let found: Grant | undefined;
    index.visit(attributes.user, attributes.namespace, (grant) => {
      const { roleRef, metadata } = grant.binding;
      const role = index.role(roleRef, metadata.namespace ?? '');
      if (role === undefined) errors.add(missing(roleRef));
      else if ((role.rules ?? []).some((rule) => ruleAllows(rule, attributes))) {
        found = grant;
        return 'stop';
      }
      return undefined;
    });
    if (found !== undefined) return grantedBy(found);
    if (errors.size === 0) return NO_OPINION;
    const text = errors.size === 1 ? [...errors].join('') : `[${[...errors].join(', ')}]`;
    return { allowed: false, reason: `RBAC: ${text}`, evaluationError: text };
  };
}

/** The words are only needed by those who ask why; most requests do not. */
function grantedBy({ binding, subject }: Grant): AuthorizeDecision {
  return {
    allowed: true,
    get reason() {
      return `RBAC: allowed by ${formatGrant(binding, subject)}`;
    },
  };
}

function formatGrant({ metadata, roleRef }: AnyBinding, subject: Subject): string {
  const { name, namespace } = metadata;
  const binding =
    namespace === undefined || namespace === '' ? `ClusterRoleBinding ${JSON.stringify(name)}` : `RoleBinding ${JSON.stringify(`${name}/${namespace}`)}`;
  const who = subject.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace ?? namespace ?? ''}` : subject.name;
  return `${binding} of ${roleRef.kind} ${JSON.stringify(roleRef.name)} to ${subject.kind} ${JSON.stringify(who)}`;
}

function missing(ref: RoleRef): string {
  return `${ref.kind.toLowerCase()}.${GROUP} ${JSON.stringify(ref.name)} not found`;
}

function keyOf({ metadata }: AnyRole | AnyBinding): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

/** Undefined for a kind that is no subject: it grants nothing. */
function subjectKey(subject: Subject, namespace: string): string | undefined {
  switch (subject.kind) {
    case 'User':
      return `u:${subject.name}`;
    case 'Group':
      return `g:${subject.name}`;
    case 'ServiceAccount': {
      const of = subject.namespace ?? namespace;
      return of === '' ? undefined : `u:system:serviceaccount:${of}:${subject.name}`;
    }
    default:
      return undefined;
  }
}

function inner<K, V extends Map<string, unknown>>(outer: Map<K, V>, key: K): V {
  let found = outer.get(key);
  if (found === undefined) {
    found = new Map() as V;
    outer.set(key, found);
  }
  return found;
}
