import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { namespaces, resourceClaims, resourceClaimTemplates } from '../../api/gen/resources.ts';
import type { JsonObject } from '../../machinery/object.ts';
import { resourceClaimRights } from './resource-claim-rights.ts';
import { requestOf, run, type StoredObject, stored } from './testing.ts';

const label = (value: string): readonly StoredObject[] => [
  stored(namespaces, 'default', { metadata: { labels: { 'resource.kubernetes.io/admin-access': value } } }),
];

describe('who may write what of a resource claim', () => {
  const on = (node: string) => ({ nodeSelector: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }] } });
  const device = (name: string, more: object = {}) => ({ driver: 'gpu.example', pool: 'p', device: name, ...more });
  const claim = (status: object) => ({ metadata: { name: 'c', namespace: 'default' }, spec: {}, status });

  /** The refusal, and what was asked for. */
  async function write(before: object, after: object, may: readonly string[], options: JsonObject = { kind: 'UpdateOptions' }) {
    const asked: string[] = [];
    const plugin = resourceClaimRights(({ verb, subresource, namespace, name }) => {
      const question = [verb, subresource, namespace, name].join(' ').trim();
      asked.push(question);
      return { allowed: may.includes(question), reason: '' };
    });
    const request = requestOf({
      operation: 'UPDATE',
      resource: resourceClaims,
      subresource: 'status',
      name: 'c',
      object: claim(after),
      old: claim(before),
      options,
    });
    const user = { name: 'system:serviceaccount:kube-system:gpu', groups: [], extra: { 'authentication.kubernetes.io/node-name': ['n1'] } };
    const result = await run(plugin, { ...request, user });
    return { refusal: typeof result === 'string' ? result : undefined, asked };
  }

  test('binding', async () => {
    assert.deepEqual(await write({ allocation: on('n1') }, { allocation: on('n1') }, []), { refusal: undefined, asked: [] });
    const { refusal, asked } = await write({}, { allocation: on('n1') }, []);
    assert.deepEqual(asked, ['update binding']);
    assert.equal(
      refusal,
      'ResourceClaim.resource.k8s.io "c" is invalid: status: Forbidden: changing status.allocation or status.reservedFor requires resource="resourceclaims/binding", verb="update" permission: resourceclaims.resource.k8s.io is forbidden: User "system:serviceaccount:kube-system:gpu" cannot update resource "resourceclaims/binding" in API group "resource.k8s.io" at the cluster scope',
    );
    assert.equal(
      (await write({}, { reservedFor: [{ resource: 'pods', name: 'a', uid: 'u' }] }, ['patch binding'], { kind: 'PatchOptions' })).refusal,
      undefined,
    );
  });

  test("a device's status, by its driver", async () => {
    const bound = { allocation: on('n1'), devices: [device('a'), device('b')] };
    assert.deepEqual(await write(bound, bound, []), { refusal: undefined, asked: [] });
    const { refusal, asked } = await write(bound, { ...bound, devices: [device('a'), device('b', { data: { x: 1 } })] }, []);
    assert.deepEqual(asked, ['associated-node:update driver default gpu.example', 'arbitrary-node:update driver default gpu.example']);
    assert.match(
      refusal ?? '',
      /status\.devices: Forbidden: changing status\.devices requires resource="resourceclaims\/driver", verb="\[associated-node:update arbitrary-node:update\]" permission: .* cannot associated-node:update resource "resourceclaims\/driver" in API group "resource.k8s.io" in the namespace "default"$/,
    );
    for (const verb of ['associated-node', 'arbitrary-node'])
      assert.equal((await write(bound, { ...bound, devices: [device('a')] }, [`${verb}:update driver default gpu.example`])).refusal, undefined);
    const elsewhere = { allocation: on('n2'), devices: [] };
    assert.deepEqual((await write(elsewhere, { ...elsewhere, devices: [device('a', { driver: 'z' }), device('b', { driver: 'y' })] }, [])).asked, [
      'arbitrary-node:update driver default y',
      'arbitrary-node:update driver default z',
    ]);
  });

  test('access as an administrator, in labelled namespaces only', async () => {
    const plugin = resourceClaimRights(() => ({ allowed: true, reason: '' }));
    const spec = { devices: { requests: [{ name: 'r' }, { name: 's', exactly: { adminAccess: true } }] } };
    const refusal = (path: string) =>
      `${path}: Forbidden: admin access to devices requires the \`resource.kubernetes.io/admin-access: true\` label on the containing namespace`;
    for (const [resource, kind, object] of [
      [resourceClaims, 'ResourceClaim', { metadata: { name: 'c' }, spec }],
      [resourceClaimTemplates, 'ResourceClaimTemplate', { metadata: { name: 'c' }, spec: { spec } }],
    ] as const) {
      assert.equal(
        await run(plugin, requestOf({ resource, object, objects: label('TRUE') })),
        `${kind}.resource.k8s.io "c" is invalid: ${refusal('spec.devices.requests[1].adminAccess')}`,
      );
      assert.notEqual(typeof (await run(plugin, requestOf({ resource, object, objects: label('true') }))), 'string');
    }
    const granted = claim({ allocation: { devices: { results: [{ request: 's', driver: 'd', pool: 'p', device: 'x', adminAccess: true }] } } });
    const update = (old: object) =>
      run(plugin, requestOf({ operation: 'UPDATE', resource: resourceClaims, subresource: 'status', name: 'c', object: granted, old }));
    assert.equal(await update(claim({})), `ResourceClaim.resource.k8s.io "c" is invalid: ${refusal('status.allocation.devices.results[0].adminAccess')}`);
    assert.notEqual(typeof (await update(granted)), 'string');
  });
});
