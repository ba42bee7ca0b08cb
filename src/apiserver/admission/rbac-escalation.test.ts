import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { clusterRoleBindings, clusterRoles, roles } from '../../api/gen/resources.ts';
import { unionOf } from '../authz/authorizer.ts';
import { RbacIndex, rbacAuthorizer } from '../authz/rbac.ts';
import { rbacEscalation } from './rbac-escalation.ts';
import { type RequestParts, requestOf, run } from './testing.ts';

const refusal = async (plugin: Parameters<typeof run>[0], parts: RequestParts): Promise<string | undefined> => {
  const result = await run(plugin, requestOf(parts));
  return typeof result === 'string' ? result : undefined;
};

describe('nobody hands out more than they have', () => {
  const index = new RbacIndex();
  const meta = (name: string, namespace?: string) => ({ name, uid: name, resourceVersion: '1', ...(namespace === undefined ? {} : { namespace }) });
  index.setRole({
    metadata: meta('reader'),
    rules: [
      { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] },
      { verbs: ['*'], apiGroups: ['rbac.authorization.k8s.io'], resources: ['*'] },
    ],
  });
  index.setRole({ metadata: meta('admin'), rules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }] });
  index.setBinding({ metadata: meta('b'), roleRef: { kind: 'ClusterRole', name: 'reader' }, subjects: [{ kind: 'User', name: 'ann' }] });
  // Without the verbs that allow it all the same.
  const authorize = unionOf([
    (attributes) => (attributes.verb === 'escalate' || attributes.verb === 'bind' ? { allowed: false, reason: '' } : rbacAuthorizer(index)(attributes)),
  ]);
  const plugin = rbacEscalation(authorize, index);

  test('a role within one’s own rights', async () => {
    const object = { metadata: { name: 'r' }, rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['x'] }] };
    assert.equal(await refusal(plugin, { resource: roles, object }), undefined);
  });
  test('a role beyond them', async () => {
    const object = { metadata: { name: 'r' }, rules: [{ verbs: ['get', 'delete'], apiGroups: [''], resources: ['pods', 'secrets'] }] };
    assert.equal(
      await refusal(plugin, { resource: clusterRoles, object }),
      'clusterroles.rbac.authorization.k8s.io "r" is forbidden: user "ann" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}\n{APIGroups:[""], Resources:["secrets"], Verbs:["get" "delete"]}',
    );
  });
  test('a binding to what one has, and to more', async () => {
    const bind = (name: string) =>
      refusal(plugin, { resource: clusterRoleBindings, object: { metadata: { name: 'b2' }, roleRef: { kind: 'ClusterRole', name }, subjects: [] } });
    assert.equal(await bind('reader'), undefined);
    assert.match((await bind('admin')) ?? '', /attempting to grant RBAC permissions not currently held/);
    assert.equal(await bind('gone'), 'clusterroles.rbac.authorization.k8s.io "gone" not found');
  });

  const rules = [{ verbs: ['delete'], apiGroups: [''], resources: ['secrets'] }];
  const held = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }];
  const update = (resource: typeof clusterRoles | typeof clusterRoleBindings, object: object, old: object) =>
    refusal(plugin, { operation: 'UPDATE', resource, name: 'r', object, old });
  const labelled = (more: object = {}) => ({ metadata: { name: 'r', ...more } });

  test('who changes a role at all needs its rights, except to let it go', async () => {
    const beyond = /attempting to grant RBAC permissions not currently held/;
    assert.match((await update(clusterRoles, { ...labelled({ labels: { a: 'b' } }), rules }, { ...labelled(), rules })) ?? '', beyond);
    assert.equal(
      await update(clusterRoles, { ...labelled(), rules }, { ...labelled({ finalizers: ['f'], ownerReferences: [{ uid: 'u' }] }), rules }),
      undefined,
    );
    const binding = { roleRef: { kind: 'ClusterRole', name: 'admin' }, subjects: [] };
    assert.match((await update(clusterRoleBindings, { ...labelled({ labels: { a: 'b' } }), ...binding }, { ...labelled(), ...binding })) ?? '', beyond);
    assert.equal(await update(clusterRoleBindings, { ...labelled(), ...binding }, { ...labelled({ finalizers: ['f'] }), ...binding }), undefined);
  });

  test('a role that sums up others is for those who may do everything', async () => {
    const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] };
    const no = 'clusterroles.rbac.authorization.k8s.io "r" is forbidden: must have cluster-admin privileges to use the aggregationRule';
    assert.equal(await update(clusterRoles, { ...labelled(), rules: held, aggregationRule }, { ...labelled(), rules: [], aggregationRule }), no);
    assert.equal(await update(clusterRoles, { ...labelled(), rules: held }, { ...labelled(), rules: held, aggregationRule }), no);
    // What is granted by itself is told first.
    assert.match((await update(clusterRoles, { ...labelled(), rules, aggregationRule }, labelled())) ?? '', /not currently held/);
    assert.equal(
      await refusal(plugin, { resource: clusterRoles, object: { ...labelled(), rules: held, aggregationRule: { clusterRoleSelectors: [] } } }),
      undefined,
    );
  });
});
