import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  certificateSigningRequests,
  csiDrivers,
  leases,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  resourceSlices,
  serviceAccounts,
} from '../../api/gen/resources.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import { nodeRestriction } from './node-restriction.ts';
import { type RequestParts, requestOf, run, stored } from './testing.ts';

const pod = (spec: object = {}, metadata: object = {}) => ({
  metadata: { name: 'web', ...metadata },
  spec: { containers: [{ name: 'a', image: 'x' }], ...spec },
});

const refusal = async (plugin: Parameters<typeof run>[0], parts: RequestParts): Promise<string | undefined> => {
  const result = await run(plugin, requestOf(parts));
  return typeof result === 'string' ? result : undefined;
};

describe('NodeRestriction', () => {
  const authorize: Authorizer = ({ verb, resource, namespace, name }) => ({
    allowed: [verb, resource, namespace, name].join(' ') === 'request-serviceaccounts-token-audience registry default web',
    reason: '',
  });
  const node: Partial<RequestParts> = { user: 'system:node:n1', groups: ['system:nodes'] };
  const taint = { key: 'k', effect: 'NoSchedule' };
  const requestFor = (name: string): string => {
    const value = Buffer.concat([Buffer.from([0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, name.length]), Buffer.from(name)]);
    return Buffer.from(`-----BEGIN CERTIFICATE REQUEST-----\n${value.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`).toString('base64');
  };
  const owner = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'uid-n1', controller: true };
  const projected = (source: object) => ({ volumes: [{ name: 'v', projected: { sources: [{ downwardAPI: {} }, source] } }] });
  const mirrors = (
    [
      [{}, undefined],
      [{ volumes: [{ name: 'v', emptyDir: {} }], serviceAccountName: 'a' }, 'serviceaccounts'],
      [{ volumes: [{ name: 'v', configMap: { name: 'c' } }], imagePullSecrets: [{ name: 's' }] }, 'secrets'],
      [{ volumes: [{ name: 'v', configMap: { name: 'c' } }] }, 'configmaps'],
      [{ resourceClaims: [{ name: 'r', resourceClaimTemplateName: 't' }] }, 'resourceclaims'],
      [{ volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] }, 'persistentvolumeclaims'],
      [{ volumes: [{ name: 'v', ephemeral: {} }] }, 'persistentvolumeclaims (via ephemeral volumes)'],
      [{ volumes: [{ name: 'v', csi: { driver: 'd' } }] }, 'csidrivers (via CSI volumes)'],
      [projected({ serviceAccountToken: { path: 'p' } }), 'serviceaccounts (via projected volumes)'],
      [projected({ clusterTrustBundle: { name: 'b', path: 'p' } }), 'clustertrustbundles'],
    ] as const
  ).map(([spec, why]): readonly [string, RequestParts, string | undefined] => [
    `a mirror pod with ${JSON.stringify(spec)}`,
    {
      ...node,
      resource: pods,
      object: pod({ nodeName: 'n1', ...spec }, { annotations: { 'kubernetes.io/config.mirror': 'x' }, ownerReferences: [owner] }),
      objects: [stored(nodes, 'n1')],
    },
    why === undefined ? undefined : `pods "web" is forbidden: node "n1" can not create pods that reference ${why}`,
  ]);
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
      'its owner',
      {
        ...node,
        operation: 'UPDATE',
        resource: nodes,
        object: { metadata: { name: 'n1', ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'gone', uid: 'u' }] } },
        old: { metadata: { name: 'n1' } },
      },
      'nodes "n1" is forbidden: node "n1" is not allowed to modify ownerReferences',
    ],
    ['its devices', { ...node, resource: resourceSlices, object: { metadata: { name: 's' }, spec: { nodeName: 'n1' } } }, undefined],
    [
      'another’s devices',
      { ...node, operation: 'DELETE', resource: resourceSlices, name: 's', old: { metadata: { name: 's' }, spec: { nodeName: 'n2' } } },
      'resourceslices.resource.k8s.io "s" is forbidden: can only delete ResourceSlice with the same NodeName as the requesting node',
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
    ...(
      [
        ['', undefined],
        ['vault', undefined],
        ['driver', undefined],
        [
          'bank',
          'serviceaccounts "web" is forbidden: audience "bank" not found in pod spec volume, system:node:n1 is not authorized to request tokens for this audience',
        ],
        ['registry', undefined],
      ] as const
    ).map(([audience, why]): readonly [string, RequestParts, string | undefined] => [
      `a token for its pod, to show to ${audience === '' ? 'the API server' : audience}`,
      {
        ...node,
        resource: serviceAccounts,
        subresource: 'token',
        name: 'web',
        object: { spec: { audiences: audience === '' ? [] : [audience], boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'web', uid: 'uid-web' } } },
        objects: [
          stored(
            pods,
            'web',
            {
              spec: {
                nodeName: 'n1',
                volumes: [
                  { projected: { sources: [{ serviceAccountToken: { path: 'a' } }, { serviceAccountToken: { path: 'b', audience: 'vault' } }] } },
                  { persistentVolumeClaim: { claimName: 'data' } },
                ],
              },
            },
            'default',
          ),
          stored(persistentVolumeClaims, 'data', { spec: { volumeName: 'pv' } }, 'default'),
          stored(persistentVolumes, 'pv', { spec: { csi: { driver: 'd' } } }),
          stored(csiDrivers, 'd', { spec: { tokenRequests: [{ audience: 'driver' }] } }),
        ],
      },
      why,
    ]),
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
      'persistentvolumeclaims "c" is forbidden: node "n1" is not allowed to update fields other than status.quantity and status.conditions',
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
    ...mirrors,
    [
      'a pod of itself that is gone',
      { ...node, resource: pods, subresource: 'eviction', name: 'gone', object: { metadata: { name: 'gone' } } },
      'pods "gone" not found',
    ],
    [
      'another claim for its pod’s devices',
      {
        ...node,
        operation: 'UPDATE',
        subresource: 'status',
        resource: pods,
        object: { ...pod({ nodeName: 'n1' }), status: { extendedResourceClaimStatus: { resourceClaimName: 'theirs' } } },
        old: pod({ nodeName: 'n1' }),
      },
      'pods "web" is forbidden: node "n1" cannot update extended resource claim status',
    ],
    ...(
      [
        ['kubernetes.io/kubelet-serving', 'system:node:n1', undefined],
        ['kubernetes.io/kube-apiserver-client-kubelet', 'system:node:n2', 'can only create a node CSR with CN=system:node:n1'],
        ['kubernetes.io/kubelet-serving', 'kubernetes-admin', 'can only create a node CSR with CN=system:node:n1'],
        ['example.com/other', 'ann', undefined],
      ] as const
    ).map(([signerName, name, why]): readonly [string, RequestParts, string | undefined] => [
      `a certificate as ${name} of ${signerName}`,
      { ...node, resource: certificateSigningRequests, object: { metadata: { name: 'r' }, spec: { signerName, request: requestFor(name) } } },
      why === undefined ? undefined : `certificatesigningrequests.certificates.k8s.io "r" is forbidden: ${why}`,
    ]),
    ['somebody else', { resource: pods, object: pod() }, undefined],
  ];
  for (const [what, parts, why] of rows) test(what, async () => assert.equal(await refusal(nodeRestriction(authorize), parts), why));
});
