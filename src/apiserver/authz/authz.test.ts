import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { persistentVolumeClaims, persistentVolumes, pods, resourceSlices, volumeAttachments } from '../../api/gen/resources.ts';
import type { ClusterRole, ClusterRoleBinding, RoleBinding } from '../../api/gen/types/rbac.v1.ts';
import type { UserInfo } from '../../machinery/exchange.ts';
import type { Stored } from '../../machinery/object.ts';
import { readerOf, stored } from '../admission/testing.ts';
import { ADMIN, CONTROLLERS, controllerIdentity, nodeIdentity, POOL_NODE, SCHEDULER } from '../bootstrap/identities.ts';
import { defaultBindings, defaultRoles } from '../bootstrap/policy.ts';
import { parseRule } from '../bootstrap/policy-rules.ts';
import { CLUSTER_ROLES } from '../bootstrap/policy-roles.ts';
import { refused } from '../handlers/attributes.ts';
import { ANONYMOUS } from '../authn/authenticate.ts';
import { type Authorizer, pathAttributes, privilegedGroups, resourceAttributes, unionOf } from './authorizer.ts';
import { nodeAuthorizer } from './node.ts';
import { NodeRelations } from './node-relations.ts';
import { RbacIndex, rbacAuthorizer } from './rbac.ts';

const ann: UserInfo = { name: 'ann', groups: ['devs', 'system:authenticated'] };
const robot: UserInfo = { name: 'system:serviceaccount:ci:robot', groups: ['system:serviceaccounts', 'system:serviceaccounts:ci', 'system:authenticated'] };

/** The default policy, and a few bindings of a cluster in use. */
function policy(): RbacIndex {
  const index = new RbacIndex();
  for (const { object } of defaultRoles()) index.setRole(object as unknown as Stored<ClusterRole>);
  for (const { object } of defaultBindings()) index.setBinding(object as unknown as Stored<ClusterRoleBinding>);
  const bind = (namespace: string, name: string, role: string, subjects: RoleBinding['subjects']): void =>
    index.setBinding({
      metadata: { name, namespace, uid: name, resourceVersion: '1' },
      roleRef: { kind: 'ClusterRole', name: role },
      subjects,
    } as Stored<RoleBinding>);
  bind('default', 'devs-view', 'view', [{ kind: 'Group', name: 'devs' }]);
  bind('shop', 'robot-edit', 'edit', [{ kind: 'ServiceAccount', name: 'robot', namespace: 'ci' }]);
  bind('shop', 'broken', 'nowhere', [{ kind: 'User', name: 'bob' }]);
  index.setRole({
    metadata: { name: 'one-secret', uid: '1', resourceVersion: '1' },
    rules: [{ verbs: ['get'], apiGroups: [''], resources: ['secrets'], resourceNames: ['tls'] }],
  });
  bind('default', 'one-secret', 'one-secret', [{ kind: 'User', name: 'ann' }]);
  return index;
}

const authorize = unionOf([privilegedGroups('system:masters'), rbacAuthorizer(policy())]);

/** `verb group/resource[/sub] [namespace] [name]`, or `verb /path`. */
function ask(authorizer: Authorizer, user: UserInfo, question: string) {
  const [verb = '', what = '', namespace = '', name = ''] = question.split(' ');
  if (what.startsWith('/')) return authorizer(pathAttributes({ user, verb, path: what }));
  const [group = '', resource = '', subresource = ''] = what.split('|');
  return authorizer(resourceAttributes({ user, verb, group, resource, subresource, namespace: namespace === '-' ? '' : namespace, name }));
}

describe('RBAC', () => {
  const rows: readonly (readonly [UserInfo, string, boolean])[] = [
    [ADMIN, 'delete |nodes - n1', true],
    [ann, 'list |pods default', true],
    [ann, 'get |pods|log default web', true],
    [ann, 'create |pods default', false],
    [ann, 'list |pods shop', false],
    [ann, 'list |pods', false],
    [ann, 'list |secrets default', false],
    [ann, 'get |secrets default tls', true],
    [ann, 'get |secrets default other', false],
    [ann, 'list |secrets default', false],
    [ann, 'get /version', true],
    [ann, 'get /apis/apps/v1', true],
    [ann, 'get /metrics', false],
    [ann, 'create authorization.k8s.io|selfsubjectaccessreviews', true],
    [robot, 'create apps|deployments shop', true],
    [robot, 'update apps|deployments|scale shop web', true],
    [robot, 'create |pods|exec shop web', true],
    [robot, 'create rbac.authorization.k8s.io|roles shop', false],
    [robot, 'get /openid/v1/jwks', true],
    [robot, 'list |pods ci', false],
    [ANONYMOUS, 'get /version', true],
    [ANONYMOUS, 'get /readyz', true],
    [ANONYMOUS, 'get /api', false],
    [ANONYMOUS, 'list |pods default', false],
    [CONTROLLERS, 'watch |secrets', true],
    [CONTROLLERS, 'get |pods shop web', false],
    [CONTROLLERS, 'delete apps|replicasets shop web-1', false],
    [controllerIdentity('deployment-controller'), 'delete apps|replicasets shop web-1', true],
    [controllerIdentity('deployment-controller'), 'delete |pods shop web-1', false],
    [controllerIdentity('replicaset-controller'), 'delete |pods shop web-1', true],
    [controllerIdentity('replicaset-controller'), 'get |secrets shop tls', false],
    [controllerIdentity('generic-garbage-collector'), 'delete example.com|things shop a', true],
    [controllerIdentity('generic-garbage-collector'), 'create |pods shop', false],
    [controllerIdentity('clusterrole-aggregation-controller'), 'escalate rbac.authorization.k8s.io|clusterroles - admin', true],
    [controllerIdentity('resourcequota-controller'), 'get |resourcequotas shop small', true],
    [controllerIdentity('persistent-volume-binder'), 'delete |persistentvolumes - pv-1', true],
    [controllerIdentity('berth-classes'), 'create storage.k8s.io|storageclasses', true],
    [controllerIdentity('berth-classes'), 'delete storage.k8s.io|storageclasses - berth', false],
    [SCHEDULER, 'create |pods|binding shop web', true],
    [SCHEDULER, 'delete |nodes - n1', false],
    [POOL_NODE, 'create |persistentvolumes', true],
    [POOL_NODE, 'update storage.k8s.io|volumeattachments|status - va', true],
    [POOL_NODE, 'create |pods shop', false],
    [POOL_NODE, 'get |secrets shop tls', false],
  ];
  for (const [user, question, allowed] of rows) {
    test(`${user.name}: ${question} → ${allowed ? 'yes' : 'no'}`, () => assert.equal(ask(authorize, user, question).allowed, allowed));
  }

  test('says why', () => {
    assert.equal(ask(authorize, ann, 'list |pods default').reason, 'RBAC: allowed by RoleBinding "devs-view/default" of ClusterRole "view" to Group "devs"');
    assert.equal(
      ask(authorize, robot, 'list |pods shop').reason,
      'RBAC: allowed by RoleBinding "robot-edit/shop" of ClusterRole "edit" to ServiceAccount "robot/ci"',
    );
    const bob = { name: 'bob', groups: [] };
    assert.equal(ask(authorize, bob, 'list |pods shop').reason, 'RBAC: clusterrole.rbac.authorization.k8s.io "nowhere" not found');
  });

  test('a binding that is changed or deleted no longer counts', () => {
    const index = policy();
    const own = rbacAuthorizer(index);
    assert.equal(ask(own, ann, 'list |pods default').allowed, true);
    index.deleteBinding('default', 'devs-view');
    assert.equal(ask(own, ann, 'list |pods default').allowed, false);
    assert.equal(ask(own, ann, 'get |secrets default tls').allowed, true);
  });

  test('a refusal in the words that clients know', () => {
    const say = (user: UserInfo, question: string): string => {
      const [verb = '', what = '', namespace = ''] = question.split(' ');
      const [group = '', resource = ''] = what.split('|');
      const attributes = what.startsWith('/') ? pathAttributes({ user, verb, path: what }) : resourceAttributes({ user, verb, group, resource, namespace });
      return refused(attributes, authorize(attributes)).message;
    };
    assert.equal(say(ann, 'create |pods default'), 'pods is forbidden: User "ann" cannot create resource "pods" in API group "" in the namespace "default"');
    assert.equal(
      say(ann, 'list apps|deployments'),
      'deployments.apps is forbidden: User "ann" cannot list resource "deployments" in API group "apps" at the cluster scope',
    );
    assert.equal(say(ANONYMOUS, 'get /api'), 'forbidden: User "system:anonymous" cannot get path "/api"');
  });
});

describe('Node', () => {
  const spec = {
    nodeName: 'n1',
    serviceAccountName: 'web',
    volumes: [
      { name: 'a', secret: { secretName: 's' } },
      { name: 'b', persistentVolumeClaim: { claimName: 'data' } },
      { name: 'e', ephemeral: {} },
      { name: 'g', persistentVolumeClaim: { claimName: 'greedy' } },
    ],
    containers: [{ name: 'c', envFrom: [{ configMapRef: { name: 'cm' } }] }],
  };
  const reader = readerOf([
    stored(pods, 'web', { spec }, 'shop'),
    stored(pods, 'elsewhere', { spec: { nodeName: 'n2', containers: [], imagePullSecrets: [{ name: 'pull' }] } }, 'shop'),
    stored(
      pods,
      'devices',
      {
        spec: { nodeName: 'n1', containers: [], resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 't' }] },
        status: {
          resourceClaimStatuses: [{ name: 'gpu', resourceClaimName: 'from-template' }],
          extendedResourceClaimStatus: { resourceClaimName: 'extended' },
        },
      },
      'shop',
    ),
    stored(
      pods,
      'mirror',
      {
        metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } },
        spec: { nodeName: 'n1', containers: [], imagePullSecrets: [{ name: 'mirrored' }] },
      },
      'shop',
    ),
    stored(resourceSlices, 'mine', { spec: { nodeName: 'n1' } }),
    stored(resourceSlices, 'theirs', { spec: { nodeName: 'n2' } }),
    stored(persistentVolumeClaims, 'data', { spec: { volumeName: 'pv1' } }, 'shop'),
    stored(persistentVolumes, 'pv1', {
      spec: { claimRef: { namespace: 'shop', name: 'data' }, csi: { driver: 'd', nodeStageSecretRef: { namespace: 'sys', name: 'stage' } } },
    }),
    stored(persistentVolumes, 'pv2', { spec: {} }),
    stored(persistentVolumeClaims, 'greedy', { spec: { volumeName: 'pv3' } }, 'shop'),
    stored(persistentVolumes, 'pv3', {
      spec: { claimRef: { namespace: 'bank', name: 'data' }, csi: { driver: 'd', nodeStageSecretRef: { namespace: 'sys', name: 'theirs' } } },
    }),
    stored(volumeAttachments, 'va1', { spec: { nodeName: 'n1' } }),
    stored(volumeAttachments, 'va2', { spec: { nodeName: 'n2' } }),
  ]);
  const node = nodeAuthorizer(new NodeRelations(reader), (CLUSTER_ROLES['system:node'] ?? []).map(parseRule));
  const rows: readonly (readonly [string, boolean])[] = [
    ['get |secrets shop s', true],
    ['get |secrets sys stage', true],
    ['get |secrets sys theirs', false],
    ['get |persistentvolumes - pv3', false],
    ['get |secrets shop pull', false],
    ['list |secrets shop', false],
    ['get |configmaps shop cm', true],
    ['get |persistentvolumeclaims shop data', true],
    ['get |persistentvolumeclaims shop web-e', true],
    ['get |persistentvolumeclaims shop other', false],
    ['patch |persistentvolumeclaims|status shop data', true],
    ['get |persistentvolumes - pv1', true],
    ['get |persistentvolumes - pv2', false],
    ['get storage.k8s.io|volumeattachments - va1', true],
    ['get storage.k8s.io|volumeattachments - va2', false],
    ['create |serviceaccounts|token shop web', true],
    ['create |serviceaccounts|token shop other', false],
    ['get |pods shop web', true],
    ['get |pods shop elsewhere', false],
    ['list |pods', false],
    ['patch |pods|status shop web', true],
    ['update |nodes|status - n1', true],
    // NodeRestriction sees whose it is, and says so.
    ['update |nodes|status - n2', true],
    ['patch |nodes - n2', true],
    ['get |nodes - n1', true],
    ['get |nodes - n2', false],
    ['update coordination.k8s.io|leases kube-node-lease n1', true],
    ['update coordination.k8s.io|leases kube-node-lease n2', false],
    ['update coordination.k8s.io|leases kube-system n1', false],
    ['patch storage.k8s.io|csinodes - n1', true],
    ['create resource.k8s.io|resourceslices -', true],
    ['get resource.k8s.io|resourceslices - mine', true],
    ['delete resource.k8s.io|resourceslices - mine', true],
    ['get resource.k8s.io|resourceslices - theirs', false],
    ['delete resource.k8s.io|resourceslices - theirs', false],
    ['list resource.k8s.io|resourceslices -', false],
    ['deletecollection resource.k8s.io|resourceslices -', false],
    ['get resource.k8s.io|resourceclaims shop from-template', true],
    ['get resource.k8s.io|resourceclaims shop extended', true],
    ['get |secrets shop mirrored', false],
    ['get |pods shop mirror', true],
    ['watch |pods shop web', true],
    ['watch |pods shop elsewhere', false],
    ['get |persistentvolumeclaims|status shop data', false],
    ['list |services', true],
    ['create |events shop', true],
    ['delete |nodes - n1', false],
    ['create apps|deployments shop', false],
  ];
  for (const [question, allowed] of rows)
    test(`${question} → ${allowed ? 'yes' : 'no'}`, () => assert.equal(ask(node, nodeIdentity('n1'), question).allowed, allowed));

  test('its own pods by selector', () => {
    const list = (fieldSelector: string): boolean =>
      node(resourceAttributes({ user: nodeIdentity('n1'), verb: 'watch', group: '', resource: 'pods', fieldSelector })).allowed;
    assert.equal(list('spec.nodeName=n1'), true);
    assert.equal(list('spec.nodeName=n2'), false);
    assert.equal(list('spec.nodeName!=n1'), false);
  });

  test('its own slices by selector', () => {
    const deletes = (fieldSelector: string): boolean =>
      node(resourceAttributes({ user: nodeIdentity('n1'), verb: 'deletecollection', group: 'resource.k8s.io', resource: 'resourceslices', fieldSelector }))
        .allowed;
    assert.deepEqual(['spec.nodeName=n1', 'spec.nodeName=n1,spec.driver=d', 'spec.nodeName=n2', 'spec.driver=d'].map(deletes), [true, true, false, false]);
  });

  test('what it may not is told with the reason', () => {
    const reasons: readonly (readonly [string, string])[] = [
      ['delete |secrets shop s', 'can only read resources of this type'],
      ['list |configmaps -', 'can only read namespaced object of this type'],
      ['list |configmaps shop', 'No Object name found'],
      ['list |persistentvolumeclaims shop', 'can only get individual resources of this type'],
      ['get |persistentvolumeclaims|status shop data', 'can only get/update/patch this type'],
      ['get |persistentvolumes|status - pv1', 'cannot get subresource'],
      ['create |serviceaccounts|token shop', 'can only create tokens for individual service accounts'],
      ['create |serviceaccounts|token shop other', "no relationship found between node 'n1' and this object"],
      ['list |nodes -', "node 'n1' cannot read all nodes, only its own Node object"],
      ['get |nodes - n2', "node 'n1' cannot read 'n2', only its own Node object"],
      ['list |pods', 'can only list/watch pods with spec.nodeName field selector'],
      ['list resource.k8s.io|resourceslices -', 'can only list/watch/deletecollection resourceslices with nodeName field selector'],
      ['delete resource.k8s.io|resourceslices - theirs', "no relationship found between node 'n1' and this object"],
    ];
    for (const [question, reason] of reasons) {
      const decision = ask(node, nodeIdentity('n1'), question);
      assert.deepEqual([question, decision.allowed, decision.reason], [question, false, reason]);
    }
  });

  test('the name alone makes no node', () => assert.equal(ask(node, { name: 'system:node:n1', groups: [] }, 'get |nodes - n1').allowed, false));
});
