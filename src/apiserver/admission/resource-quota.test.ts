import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  configMaps,
  deployments,
  events,
  persistentVolumeClaims,
  pods,
  resourceClaims,
  resourceClaimsV1beta1,
  resourceQuotas,
  services,
} from '../../api/gen/resources.ts';
import { resourceQuota } from './resource-quota.ts';
import { type RequestParts, requestOf, run, stored } from './testing.ts';

const pod = (spec: object = {}, metadata: object = {}) => ({
  metadata: { name: 'web', ...metadata },
  spec: { containers: [{ name: 'a', image: 'x' }], ...spec },
});

const refusal = async (plugin: Parameters<typeof run>[0], parts: RequestParts): Promise<string | undefined> => {
  const result = await run(plugin, requestOf(parts));
  return typeof result === 'string' ? result : undefined;
};

describe('ResourceQuota', () => {
  const quota = (hard: object, used: object, rest: object = {}) => stored(resourceQuotas, 'q', { spec: { hard, ...rest }, status: { hard, used } }, 'default');
  const sized = pod({ containers: [{ name: 'a', image: 'x', resources: { requests: { cpu: '600m', memory: '1Gi' }, limits: { cpu: '1' } } }] });

  const resized = (wanted: string, held: string) => ({
    ...pod({ containers: [{ name: 'a', image: 'x', resources: { requests: { cpu: wanted } } }] }),
    status: { phase: 'Running', containerStatuses: [{ name: 'a', allocatedResources: { cpu: held }, resources: { requests: { cpu: held } } }] },
  });

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
    ...(['containers', 'initContainers'] as const).map((_, at): readonly [string, RequestParts, string | undefined] => [
      at === 0 ? 'nothing said by two' : 'said by the pod for all',
      {
        resource: pods,
        object: pod({
          containers: ['b', 'a'].map((name) => ({ name, image: 'x' })),
          ...(at === 0 ? {} : { resources: { requests: { memory: '1Mi' } } }),
        }),
        objects: [quota({ 'limits.cpu': '1', 'limits.memory': '1Gi' }, { 'limits.cpu': '0', 'limits.memory': '0' })],
      },
      at === 0 ? 'pods "web" is forbidden: failed quota: q: must specify limits.cpu for: a,b; limits.memory for: a,b' : undefined,
    ]),
    [
      'a pod that is given an end',
      {
        operation: 'UPDATE',
        resource: pods,
        object: pod({ activeDeadlineSeconds: 5 }),
        old: pod(),
        objects: [quota({ pods: '0' }, { pods: '0' }, { scopes: ['Terminating'] })],
      },
      'pods "web" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0',
    ],
    [
      'more devices of a class than there may be',
      {
        resource: resourceClaims,
        object: {
          metadata: { name: 'c' },
          spec: {
            devices: {
              requests: [
                { name: 'a', exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 2 } },
                {
                  name: 'b',
                  firstAvailable: [
                    { name: 'x', deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 3 },
                    { name: 'y', deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1 },
                  ],
                },
              ],
            },
          },
        },
        objects: [quota({ 'gpu.deviceclass.resource.k8s.io/devices': '4' }, { 'gpu.deviceclass.resource.k8s.io/devices': '0' })],
      },
      'resourceclaims.resource.k8s.io "c" is forbidden: exceeded quota: q, requested: gpu.deviceclass.resource.k8s.io/devices=5, used: gpu.deviceclass.resource.k8s.io/devices=0, limited: gpu.deviceclass.resource.k8s.io/devices=4',
    ],
    [
      'all devices of a class, as v1beta1 says it',
      {
        resource: resourceClaimsV1beta1,
        object: { metadata: { name: 'c' }, spec: { devices: { requests: [{ name: 'a', deviceClassName: 'gpu', allocationMode: 'All' }] } } },
        objects: [quota({ 'gpu.deviceclass.resource.k8s.io/devices': '4' }, { 'gpu.deviceclass.resource.k8s.io/devices': '0' })],
      },
      'resourceclaims.resource.k8s.io "c" is forbidden: exceeded quota: q, requested: gpu.deviceclass.resource.k8s.io/devices=32, used: gpu.deviceclass.resource.k8s.io/devices=0, limited: gpu.deviceclass.resource.k8s.io/devices=4',
    ],
    ['an event', { resource: events, object: { metadata: { name: 'e' } }, objects: [quota({ 'count/events': '0' }, { 'count/events': '0' })] }, undefined],
    [
      'a pod that shrinks while its node still holds more',
      {
        operation: 'UPDATE',
        resource: pods,
        subresource: 'resize',
        object: resized('1', '3'),
        old: resized('2', '3'),
        objects: [quota({ 'requests.cpu': '1' }, { 'requests.cpu': '3' })],
      },
      undefined,
    ],
    [
      'a pod that grows past what its node holds',
      {
        operation: 'UPDATE',
        resource: pods,
        subresource: 'resize',
        object: resized('4', '3'),
        old: resized('2', '3'),
        objects: [quota({ 'requests.cpu': '3' }, { 'requests.cpu': '3' })],
      },
      'pods "web" is forbidden: exceeded quota: q, requested: requests.cpu=1, used: requests.cpu=3, limited: requests.cpu=3',
    ],
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
