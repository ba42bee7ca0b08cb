import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  certificateSigningRequests,
  clusterRoleBindings,
  clusterRoles,
  configMaps,
  deployments,
  ingressClasses,
  ingresses,
  leases,
  limitRanges,
  namespaces,
  nodes,
  persistentVolumeClaims,
  pods,
  resourceQuotas,
  roles,
  runtimeClasses,
  serviceAccounts,
  services,
  storageClasses,
} from '../../api/gen/resources.ts';
import { type Authorizer, unionOf } from '../authz/authorizer.ts';
import { RbacIndex, rbacAuthorizer } from '../authz/rbac.ts';
import { certificateApproval } from './certificate-approval.ts';
import { certificateSubjectRestriction } from './certificate-subject-restriction.ts';
import { defaultIngressClass } from './default-ingress-class.ts';
import { limitRanger } from './limit-ranger.ts';
import { nodeRestriction } from './node-restriction.ts';
import { persistentVolumeClaimResize } from './persistent-volume-claim-resize.ts';
import { podSecurity } from './pod-security.ts';
import { podTopologyLabels } from './pod-topology-labels.ts';
import { rbacEscalation } from './rbac-escalation.ts';
import { resourceQuota } from './resource-quota.ts';
import { runtimeClass } from './runtime-class.ts';
import { type RequestParts, requestOf, run, stored } from './testing.ts';

const pod = (spec: object = {}, metadata: object = {}) => ({
  metadata: { name: 'web', ...metadata },
  spec: { containers: [{ name: 'a', image: 'x' }], ...spec },
});
const refusal = async (plugin: Parameters<typeof run>[0], parts: RequestParts): Promise<string | undefined> => {
  const result = await run(plugin, requestOf(parts));
  return typeof result === 'string' ? result : undefined;
};

describe('LimitRanger', () => {
  const range = (...limits: object[]) => stored(limitRanges, 'range', { spec: { limits } }, 'default');
  const asks = (resources: object) => pod({ containers: [{ name: 'a', image: 'x', resources }] });

  test('fills in defaults and says so', async () => {
    const objects = [range({ type: 'Container', default: { cpu: '500m', memory: '1Gi' }, defaultRequest: { cpu: '100m' } })];
    const out = (await run(limitRanger, requestOf({ resource: pods, object: asks({ limits: { cpu: '1' } }), objects }))) as unknown as {
      metadata: { annotations: Record<string, string> };
      spec: { containers: { resources: unknown }[] };
    };
    assert.deepEqual(out.spec.containers[0]?.resources, { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '100m' } });
    assert.equal(out.metadata.annotations['kubernetes.io/limit-ranger'], 'LimitRanger plugin set: cpu request for container a; memory limit for container a');
  });

  const rows: readonly (readonly [object, object, string | undefined])[] = [
    [{ type: 'Container', min: { cpu: '100m' } }, {}, 'minimum cpu usage per Container is 100m.  No request is specified'],
    [{ type: 'Container', min: { cpu: '100m' } }, { requests: { cpu: '50m' } }, 'minimum cpu usage per Container is 100m, but request is 50m'],
    [{ type: 'Container', max: { memory: '1Gi' } }, { limits: { memory: '2048Mi' } }, 'maximum memory usage per Container is 1Gi, but limit is 2Gi'],
    [{ type: 'Container', max: { memory: '1Gi' } }, { limits: { memory: '1024Mi' } }, undefined],
    [
      { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
      { requests: { cpu: '100m' }, limits: { cpu: '500m' } },
      'cpu max limit to request ratio per Container is 2, but provided ratio is 5.000000',
    ],
    [{ type: 'Pod', max: { cpu: '1' } }, { limits: { cpu: '2' } }, 'maximum cpu usage per Pod is 1, but limit is 2'],
    [
      { type: 'Container', max: { cpu: '1', memory: '1Gi' } },
      { limits: { cpu: '2', memory: '2Gi' } },
      '[maximum cpu usage per Container is 1, but limit is 2, maximum memory usage per Container is 1Gi, but limit is 2Gi]',
    ],
  ];
  for (const [limit, resources, why] of rows) {
    test(`${JSON.stringify(limit)} ${JSON.stringify(resources)}`, async () => {
      assert.equal(
        await refusal(limitRanger, { resource: pods, object: asks(resources), objects: [range(limit)] }),
        why === undefined ? undefined : `pods "web" is forbidden: ${why}`,
      );
    });
  }

  test('claims', async () => {
    const object = { metadata: { name: 'c' }, spec: { resources: { requests: { storage: '3Gi' } } } };
    assert.equal(
      await refusal(limitRanger, { resource: persistentVolumeClaims, object, objects: [range({ type: 'PersistentVolumeClaim', max: { storage: '2Gi' } })] }),
      'persistentvolumeclaims "c" is forbidden: maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi',
    );
  });
});

describe('ResourceQuota', () => {
  const quota = (hard: object, used: object, rest: object = {}) => stored(resourceQuotas, 'q', { spec: { hard, ...rest }, status: { hard, used } }, 'default');
  const sized = pod({ containers: [{ name: 'a', image: 'x', resources: { requests: { cpu: '600m', memory: '1Gi' }, limits: { cpu: '1' } } }] });

  test('what is used is added in the same commit', async () => {
    const request = requestOf({
      resource: pods,
      object: sized,
      objects: [quota({ pods: '2', 'requests.cpu': '1', 'limits.cpu': '4' }, { pods: '1', 'requests.cpu': '100m', 'limits.cpu': '0' })],
    });
    await run(resourceQuota, request);
    assert.deepEqual((request.updates[0] as { status?: { used: object } }).status?.used, { pods: '2', 'requests.cpu': '700m', 'limits.cpu': '1' });
  });

  const rows: readonly (readonly [string, RequestParts, string | undefined])[] = [
    [
      'too many',
      { resource: pods, object: sized, objects: [quota({ pods: '1' }, { pods: '1' })] },
      'pods "web" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1',
    ],
    [
      'too much',
      {
        resource: pods,
        object: sized,
        objects: [quota({ 'requests.cpu': '1', 'requests.memory': '1Gi' }, { 'requests.cpu': '500m', 'requests.memory': '512Mi' })],
      },
      'pods "web" is forbidden: exceeded quota: q, requested: requests.cpu=600m,requests.memory=1Gi, used: requests.cpu=500m,requests.memory=512Mi, limited: requests.cpu=1,requests.memory=1Gi',
    ],
    [
      'nothing said',
      { resource: pods, object: pod(), objects: [quota({ 'limits.memory': '1Gi' }, { 'limits.memory': '0' })] },
      'pods "web" is forbidden: failed quota: q: must specify limits.memory for: a',
    ],
    [
      'not counted yet',
      { resource: pods, object: sized, objects: [stored(resourceQuotas, 'q', { spec: { hard: { pods: '1' } } }, 'default')] },
      'pods "web" is forbidden: status unknown for quota: q, resources: pods',
    ],
    [
      'by count',
      { resource: deployments, object: { metadata: { name: 'd' } }, objects: [quota({ 'count/deployments.apps': '0' }, { 'count/deployments.apps': '0' })] },
      'deployments.apps "d" is forbidden: exceeded quota: q, requested: count/deployments.apps=1, used: count/deployments.apps=0, limited: count/deployments.apps=0',
    ],
    ['of no concern', { resource: configMaps, object: { metadata: { name: 'd' } }, objects: [quota({ pods: '0' }, { pods: '0' })] }, undefined],
    ['another scope', { resource: pods, object: sized, objects: [quota({ pods: '0' }, { pods: '0' }, { scopes: ['BestEffort'] })] }, undefined],
    [
      'its scope',
      { resource: pods, object: pod(), objects: [quota({ pods: '0' }, { pods: '0' }, { scopes: ['BestEffort'] })] },
      'pods "web" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0',
    ],
    [
      'node ports',
      {
        resource: services,
        object: { metadata: { name: 's' }, spec: { type: 'NodePort', ports: [{ port: 1 }, { port: 2 }] } },
        objects: [quota({ 'services.nodeports': '1' }, { 'services.nodeports': '0' })],
      },
      'services "s" is forbidden: exceeded quota: q, requested: services.nodeports=2, used: services.nodeports=0, limited: services.nodeports=1',
    ],
    [
      'a class of storage',
      {
        resource: persistentVolumeClaims,
        object: { metadata: { name: 'c' }, spec: { storageClassName: 'gold', resources: { requests: { storage: '5Gi' } } } },
        objects: [quota({ 'gold.storageclass.storage.k8s.io/requests.storage': '4Gi' }, { 'gold.storageclass.storage.k8s.io/requests.storage': '0' })],
      },
      'persistentvolumeclaims "c" is forbidden: exceeded quota: q, requested: gold.storageclass.storage.k8s.io/requests.storage=5Gi, used: gold.storageclass.storage.k8s.io/requests.storage=0, limited: gold.storageclass.storage.k8s.io/requests.storage=4Gi',
    ],
  ];
  for (const [what, parts, why] of rows) test(what, async () => assert.equal(await refusal(resourceQuota, parts), why));
});

describe('NodeRestriction', () => {
  const node: Partial<RequestParts> = { user: 'system:node:n1', groups: ['system:nodes'] };
  const taint = { key: 'k', effect: 'NoSchedule' };
  const rows: readonly (readonly [string, RequestParts, string | undefined])[] = [
    [
      'its own node',
      { ...node, resource: nodes, object: { metadata: { name: 'n1', labels: { 'kubernetes.io/os': 'linux', 'nvidia.com/gpu.present': 'true' } } } },
      undefined,
    ],
    [
      'another node',
      { ...node, resource: nodes, object: { metadata: { name: 'n2' } } },
      'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"',
    ],
    [
      'a role of its own choice',
      { ...node, resource: nodes, object: { metadata: { name: 'n1', labels: { 'node-role.kubernetes.io/control-plane': '' } } } },
      'nodes "n1" is forbidden: node "n1" is not allowed to set the following labels: node-role.kubernetes.io/control-plane',
    ],
    [
      'its taints',
      {
        ...node,
        operation: 'UPDATE',
        resource: nodes,
        object: { metadata: { name: 'n1' }, spec: {} },
        old: { metadata: { name: 'n1' }, spec: { taints: [taint] } },
      },
      'nodes "n1" is forbidden: node "n1" is not allowed to modify taints',
    ],
    [
      'a pod',
      { ...node, resource: pods, object: pod() },
      'pods "web" is forbidden: pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods',
    ],
    [
      'status of its pod',
      { ...node, operation: 'UPDATE', subresource: 'status', resource: pods, object: pod({ nodeName: 'n1' }), old: pod({ nodeName: 'n1' }) },
      undefined,
    ],
    [
      'status of another’s',
      { ...node, operation: 'UPDATE', subresource: 'status', resource: pods, object: pod({ nodeName: 'n2' }), old: pod({ nodeName: 'n2' }) },
      'pods "web" is forbidden: node "n1" can only update pod status for pods with spec.nodeName set to itself',
    ],
    ['deleting its pod', { ...node, operation: 'DELETE', resource: pods, old: pod({ nodeName: 'n1' }) }, undefined],
    ['its lease', { ...node, resource: leases, namespace: 'kube-node-lease', object: { metadata: { name: 'n1' } } }, undefined],
    [
      'another’s lease',
      { ...node, resource: leases, namespace: 'kube-node-lease', object: { metadata: { name: 'n2' } } },
      'leases.coordination.k8s.io "n2" is forbidden: can only access node lease with the same name as the requesting node',
    ],
    [
      'a token for nobody',
      { ...node, resource: serviceAccounts, subresource: 'token', name: 'web', object: { spec: {} } },
      'serviceaccounts "web" is forbidden: node requested token not bound to a pod',
    ],
    [
      'a token for its pod',
      {
        ...node,
        resource: serviceAccounts,
        subresource: 'token',
        name: 'web',
        object: { spec: { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'web', uid: 'uid-web' } } },
        objects: [stored(pods, 'web', { spec: { nodeName: 'n1' } }, 'default')],
      },
      undefined,
    ],
    [
      'more of a claim than its size',
      {
        ...node,
        operation: 'UPDATE',
        subresource: 'status',
        resource: persistentVolumeClaims,
        name: 'c',
        object: { metadata: { name: 'c' }, status: { phase: 'Lost' } },
        old: { metadata: { name: 'c' }, status: { phase: 'Bound' } },
      },
      'persistentvolumeclaims "c" is forbidden: node "n1" is not allowed to update fields other than status.capacity and status.conditions',
    ],
    [
      'the size of a claim',
      {
        ...node,
        operation: 'UPDATE',
        subresource: 'status',
        resource: persistentVolumeClaims,
        name: 'c',
        object: { metadata: { name: 'c' }, status: { phase: 'Bound', capacity: { storage: '2Gi' } } },
        old: { metadata: { name: 'c' }, status: { phase: 'Bound' } },
      },
      undefined,
    ],
    ['somebody else', { resource: pods, object: pod() }, undefined],
  ];
  for (const [what, parts, why] of rows) test(what, async () => assert.equal(await refusal(nodeRestriction, parts), why));
});

describe('PodSecurity', () => {
  const space = (labels: object) => stored(namespaces, 'default', { metadata: { labels } });
  const enforce = (level: string, more: object = {}) => [space({ 'pod-security.kubernetes.io/enforce': level, ...more })];
  const tight = {
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [{ name: 'a', image: 'x', securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } }],
  };
  const rows: readonly (readonly [string, object, object[], string | undefined])[] = [
    ['no labels', { hostNetwork: true }, [space({})], undefined],
    ['baseline, harmless', {}, enforce('baseline'), undefined],
    [
      'baseline, host network and a path',
      { hostNetwork: true, volumes: [{ name: 'v', hostPath: { path: '/' } }] },
      enforce('baseline'),
      'host namespaces (hostNetwork=true), hostPath volumes (volume "v")',
    ],
    [
      'baseline, privileged with ports',
      {
        containers: [
          { name: 'a', image: 'x', securityContext: { privileged: true }, ports: [{ containerPort: 1, hostPort: 80 }] },
          { name: 'b', image: 'x', securityContext: { capabilities: { add: ['NET_ADMIN', 'CHOWN'] } } },
        ],
      },
      enforce('baseline'),
      'non-default capabilities (container "b" must not include "NET_ADMIN" in securityContext.capabilities.add), hostPort (container "a" uses hostPort 80), privileged (container "a" must not set securityContext.privileged=true)',
    ],
    [
      'baseline, sysctls',
      { securityContext: { sysctls: [{ name: 'kernel.msgmax' }, { name: 'net.ipv4.tcp_rmem' }] } },
      enforce('baseline'),
      'forbidden sysctl (kernel.msgmax)',
    ],
    [
      'baseline of an older version',
      { securityContext: { sysctls: [{ name: 'net.ipv4.tcp_rmem' }] } },
      enforce('baseline', { 'pod-security.kubernetes.io/enforce-version': 'v1.30' }),
      'forbidden sysctl (net.ipv4.tcp_rmem)',
    ],
    ['restricted, tight', tight, enforce('restricted'), undefined],
    [
      'restricted, as people write pods',
      {},
      enforce('restricted'),
      'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    ],
    [
      'restricted, root and a path',
      { ...tight, securityContext: { ...tight.securityContext, runAsUser: 0 }, volumes: [{ name: 'v', hostPath: { path: '/' } }] },
      enforce('restricted'),
      'restricted volume types (volume "v" uses restricted volume type "hostPath"), runAsUser=0 (pod must not set runAsUser=0)',
    ],
  ];
  for (const [what, spec, objects, why] of rows) {
    test(what, async () => {
      const version = what.includes('older') ? 'v1.30' : 'latest';
      const level = what.split(/[, ]/)[0];
      assert.equal(
        await refusal(podSecurity(), { resource: pods, object: pod(spec), objects: objects as [] }),
        why === undefined ? undefined : `pods "web" is forbidden: violates PodSecurity "${level}:${version}": ${why}`,
      );
    });
  }

  test('a template is only warned about', async () => {
    const request = requestOf({
      resource: deployments,
      object: { metadata: { name: 'd' }, spec: { template: pod({ hostPID: true }) } },
      objects: [space({ 'pod-security.kubernetes.io/warn': 'baseline', 'pod-security.kubernetes.io/enforce': 'baseline' })],
    });
    assert.notEqual(typeof (await run(podSecurity(), request)), 'string');
    assert.deepEqual(request.warnings, ['would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)']);
  });

  test('labels that mean nothing', async () => {
    assert.equal(
      await refusal(podSecurity(), {
        resource: namespaces,
        object: { metadata: { name: 'x', labels: { 'pod-security.kubernetes.io/enforce': 'strict', 'pod-security.kubernetes.io/warn-version': '1.2' } } },
      }),
      'Namespace "x" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted, metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.2": must be "latest" or "v1.x"]',
    );
  });

  test('tightening a namespace tells what stands in it', async () => {
    const object = { metadata: { name: 'shop', labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } } };
    const objects = ['web-1', 'web-2', 'db'].map((name) =>
      stored(pods, name, { spec: { containers: [], ...(name === 'db' ? { hostIPC: true, hostPID: true } : { hostNetwork: true }) } }, 'shop'),
    );
    const request = requestOf({ operation: 'UPDATE', resource: namespaces, name: 'shop', object, old: { metadata: { name: 'shop' } }, objects });
    await run(podSecurity(), request);
    assert.deepEqual(request.warnings, [
      'existing pods in namespace "shop" violate the new PodSecurity enforce level "baseline:latest"',
      'db (and 2 other pods): host namespaces',
    ]);
  });
});

describe('the smaller ones', () => {
  test('RuntimeClass', async () => {
    const objects = [
      stored(runtimeClasses, 'kata', {
        handler: 'kata',
        overhead: { podFixed: { cpu: '250m' } },
        scheduling: { nodeSelector: { kata: 'yes' }, tolerations: [{ key: 'kata' }] },
      }),
    ];
    const out = (await run(
      runtimeClass,
      requestOf({ resource: pods, object: pod({ runtimeClassName: 'kata', nodeSelector: { disk: 'ssd' } }), objects }),
    )) as unknown as { spec: Record<string, unknown> };
    assert.deepEqual(
      [out.spec['overhead'], out.spec['nodeSelector'], out.spec['tolerations']],
      [{ cpu: '250m' }, { disk: 'ssd', kata: 'yes' }, [{ key: 'kata' }]],
    );
    assert.equal(
      await refusal(runtimeClass, { resource: pods, object: pod({ runtimeClassName: 'nope' }), objects }),
      'pods "web" is forbidden: pod rejected: RuntimeClass "nope" not found',
    );
    assert.equal(
      await refusal(runtimeClass, { resource: pods, object: pod({ overhead: { cpu: '1' } }), objects }),
      'pods "web" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
    );
  });

  test('PersistentVolumeClaimResize', async () => {
    const claim = (size: string, phase = 'Bound', storageClassName = 'grows') => ({
      metadata: { name: 'c' },
      spec: { storageClassName, resources: { requests: { storage: size } } },
      status: { phase },
    });
    const objects = [stored(storageClasses, 'grows', { allowVolumeExpansion: true }), stored(storageClasses, 'stays', {})];
    const grow = (object: object, old: object) =>
      refusal(persistentVolumeClaimResize, { operation: 'UPDATE', resource: persistentVolumeClaims, object, old, objects });
    assert.equal(await grow(claim('2Gi'), claim('1Gi')), undefined);
    assert.equal(
      await grow(claim('2Gi'), claim('1Gi', 'Pending')),
      'persistentvolumeclaims "c" is forbidden: Only bound persistent volume claims can be expanded',
    );
    assert.match((await grow(claim('2Gi', 'Bound', 'stays'), claim('1Gi', 'Bound', 'stays'))) ?? '', /must support resize$/);
    assert.equal(await grow(claim('1Gi', 'Bound', 'stays'), claim('1024Mi', 'Bound', 'stays')), undefined);
  });

  test('DefaultIngressClass', async () => {
    const objects = [stored(ingressClasses, 'nginx', { metadata: { annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } } })];
    const out = (await run(defaultIngressClass, requestOf({ resource: ingresses, object: { metadata: { name: 'i' }, spec: {} }, objects }))) as unknown as {
      spec: { ingressClassName: string };
    };
    assert.equal(out.spec.ingressClassName, 'nginx');
  });

  test('PodTopologyLabels', async () => {
    const objects = [stored(nodes, 'n1', { metadata: { labels: { 'topology.kubernetes.io/zone': 'a', other: 'x' } } })];
    const out = (await run(
      podTopologyLabels,
      requestOf({ resource: pods, subresource: 'binding', name: 'web', object: { metadata: { name: 'web' }, target: { kind: 'Node', name: 'n1' } }, objects }),
    )) as unknown as { metadata: { labels: object } };
    assert.deepEqual(out.metadata.labels, { 'topology.kubernetes.io/zone': 'a' });
  });

  test('certificates', async () => {
    const only =
      (name: string): Authorizer =>
      (attributes) => ({ allowed: attributes.name === name && attributes.resource === 'signers', reason: '' });
    const parts = (signerName: string): RequestParts => ({
      operation: 'UPDATE',
      resource: certificateSigningRequests,
      subresource: 'approval',
      name: 'r',
      object: { metadata: { name: 'r' }, spec: { signerName } },
      old: { metadata: { name: 'r' }, spec: { signerName } },
    });
    assert.equal(await refusal(certificateApproval(only('example.com/*')), parts('example.com/x')), undefined);
    assert.match(
      (await refusal(certificateApproval(only('example.com/*')), parts('other.com/x'))) ?? '',
      /user not permitted to approve requests with signerName "other.com\/x"$/,
    );
    const organization = (name: string): string => {
      const value = Buffer.concat([Buffer.from([0x06, 0x03, 0x55, 0x04, 0x0a, 0x0c, name.length]), Buffer.from(name)]);
      return Buffer.from(`-----BEGIN CERTIFICATE REQUEST-----\n${value.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`).toString('base64');
    };
    const asks = (name: string) =>
      refusal(certificateSubjectRestriction, {
        resource: certificateSigningRequests,
        object: { metadata: { name: 'r' }, spec: { signerName: 'kubernetes.io/kube-apiserver-client', request: organization(name) } },
      });
    assert.match((await asks('system:masters')) ?? '', /system:masters group is not allowed$/);
    assert.equal(await asks('system:masters2'), undefined);
  });
});

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
});
