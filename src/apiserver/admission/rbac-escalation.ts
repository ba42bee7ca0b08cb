import type { ClusterRole, PolicyRule, RoleBinding } from '../../api/gen/types/rbac.v1.ts';
import { semanticEqual } from '../../api/equal.ts';
import type { UserInfo } from '../../machinery/exchange.ts';
import type { KubeObject } from '../../machinery/object.ts';
import { forbiddenRequest, objectNotFound, type StatusError } from '../../machinery/status-error.ts';
import { type Authorizer, resourceAttributes } from '../authz/authorizer.ts';
import type { RbacIndex } from '../authz/rbac.ts';
import { compactRules, formatRule, missingRules } from '../authz/rules.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../stages.ts';

const GROUP = 'rbac.authorization.k8s.io';

/**
 * Not a plugin of Kubernetes' (there it is part of storing roles and bindings): nobody hands out more rights than they have
 * themselves, unless they may `escalate` the role or `bind` it.
 */
export const rbacEscalation = (authorize: Authorizer, index: RbacIndex): AdmissionPlugin => ({
  name: 'RBACEscalation',
  handles: ({ kind, subresource, operation, user }) =>
    kind.group === GROUP && subresource === '' && (operation === 'CREATE' || operation === 'UPDATE') && !user.groups.includes('system:masters'),
  validate(request) {
    if (request.resource === 'roles' || request.resource === 'clusterroles') checkRole(authorize, index, request);
    else checkBinding(authorize, index, request);
  },
});

function checkRole(authorize: Authorizer, index: RbacIndex, request: AdmissionRequest): void {
  // The name of a new one is not known to whoever authorizes the request.
  if (mayDo(authorize, request, 'escalate', request.resource, request.operation === 'CREATE' ? '' : request.name)) return;
  if (onlyLetsGo(request)) return;
  const role = request.object as unknown as ClusterRole;
  const old = request.old as unknown as ClusterRole | undefined;
  grant(index, request, role.rules ?? []);
  // Whatever may come to be summed up here would be granted.
  if (sumsUp(role) || sumsUp(old)) {
    const everything: PolicyRule[] = [
      { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
      { verbs: ['*'], nonResourceURLs: ['*'] },
    ];
    if (lacking(index, request, everything).length > 0) {
      throw forbiddenRequest({ group: GROUP, resource: request.resource }, nameOf(request), 'must have cluster-admin privileges to use the aggregationRule');
    }
  }
}

const sumsUp = (role: ClusterRole | undefined): boolean => (role?.aggregationRule?.clusterRoleSelectors ?? []).length > 0;

/** An update of what the garbage collector needs, and of nothing else. */
function onlyLetsGo({ object, old }: AdmissionRequest): boolean {
  const bare = ({ metadata, apiVersion: _, kind: _kind, ...rest }: KubeObject): object => {
    const { ownerReferences: _owners, finalizers: _finalizers, managedFields: _fields, ...others } = metadata ?? {};
    return { ...rest, metadata: others };
  };
  return old !== undefined && semanticEqual(bare(old), bare(object as unknown as KubeObject));
}

function checkBinding(authorize: Authorizer, index: RbacIndex, request: AdmissionRequest): void {
  const { roleRef } = request.object as unknown as RoleBinding;
  if (onlyLetsGo(request) || mayDo(authorize, request, 'bind', roleRef.kind === 'ClusterRole' ? 'clusterroles' : 'roles', roleRef.name)) return;
  const role = index.role(roleRef, request.namespace);
  if (role === undefined) throw objectNotFound({ group: GROUP, resource: roleRef.kind === 'ClusterRole' ? 'clusterroles' : 'roles' }, roleRef.name);
  grant(index, request, role.rules ?? []);
}

function mayDo(authorize: Authorizer, { user, namespace }: AdmissionRequest, verb: string, resource: string, name: string): boolean {
  return authorize(resourceAttributes({ user, verb, group: GROUP, version: '*', resource, namespace, name })).allowed;
}

function lacking(index: RbacIndex, { user, namespace }: AdmissionRequest, rules: readonly PolicyRule[]): readonly PolicyRule[] {
  return compactRules(missingRules(index.rulesOf(user, namespace).rules, rules));
}

function grant(index: RbacIndex, request: AdmissionRequest, rules: readonly PolicyRule[]): void {
  const missing = lacking(index, request, rules);
  if (missing.length > 0) throw escalation(request, missing, index.rulesOf(request.user, request.namespace).errors);
}

function escalation(request: AdmissionRequest, missing: readonly PolicyRule[], errors: readonly string[]): StatusError {
  const unresolved = errors.length === 0 ? '' : `; resolution errors: [${errors.join(', ')}]`;
  const why = `user ${formatUser(request.user)} is attempting to grant RBAC permissions not currently held:\n${missing.map(formatRule).sort().join('\n')}${unresolved}`;
  return forbiddenRequest({ group: GROUP, resource: request.resource }, nameOf(request), why);
}

function nameOf(request: AdmissionRequest): string {
  return request.name || ((request.object as unknown as { readonly metadata?: { readonly name?: string } }).metadata?.name ?? '');
}

function formatUser({ name, groups }: UserInfo): string {
  return `${JSON.stringify(name)} (groups=[${groups.map((group) => JSON.stringify(group)).join(' ')}])`;
}
