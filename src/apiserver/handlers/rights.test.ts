import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../machinery/object.ts';
import { namespaceLifecycle } from '../admission/namespace-lifecycle.ts';
import { openStages, type AdmissionPlugin } from '../stages.ts';
import { configMap, startTestServer, type TestServer } from '../testing.ts';

const MAPS = '/api/v1/namespaces/ns/configmaps';
const PODS = '/api/v1/namespaces/ns/pods';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/ns/leases';
const APPLY = { contentType: 'application/apply-patch+yaml' };

/** Everybody may do everything but create, until it is taken back. */
function withoutCreate(): { readonly server: TestServer; allow(): void } {
  let refused = 'create';
  const server = startTestServer({ stages: () => ({ ...openStages, authorize: ({ verb }) => ({ allowed: verb !== refused, reason: '' }) }) });
  return { server, allow: () => (refused = '') };
}

test('the right to change is no right to create', async () => {
  const { server, allow } = withoutCreate();
  await using _ = server;
  const lease: JsonObject = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'a' } };
  const refusals = [await server.refusal('PATCH', `${MAPS}/a?fieldManager=m`, configMap('a'), APPLY), await server.refusal('PUT', `${LEASES}/a`, lease)];
  assert.deepEqual(
    refusals.map(({ code, message }) => [code, message]),
    [
      [403, 'configmaps "a" is forbidden: User "admin" cannot create resource "configmaps" in API group "" in the namespace "ns"'],
      [
        403,
        'leases.coordination.k8s.io "a" is forbidden: User "admin" cannot create resource "leases" in API group "coordination.k8s.io" in the namespace "ns"',
      ],
    ],
  );
  allow();
  assert.equal((await server.ask('PATCH', `${MAPS}/a?fieldManager=m`, configMap('a'), APPLY)).code, 201);
  assert.equal((await server.ask('PUT', `${LEASES}/a`, lease)).code, 201);
});

test('services and limits are created by an update, as leases are', async () => {
  await using server = startTestServer();
  const service: JsonObject = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec: { ports: [{ port: 80 }] } };
  const limits: JsonObject = { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'a' }, spec: { limits: [] } };
  const { code, body } = await server.ask('PUT', '/api/v1/namespaces/ns/services/a', service);
  assert.deepEqual([code, String((body['spec'] as JsonObject)['clusterIP']).startsWith('10.96.0.')], [201, true]);
  assert.equal((await server.ask('PUT', '/api/v1/namespaces/ns/limitranges/a', limits)).code, 201);
});

test('limits that come without a name are given one', async () => {
  await using server = startTestServer();
  const limits: JsonObject = { apiVersion: 'v1', kind: 'LimitRange', metadata: {}, spec: { limits: [] } };
  const { code, body } = await server.ask('POST', '/api/v1/namespaces/ns/limitranges', limits);
  assert.equal(code, 201, JSON.stringify(body));
  const { name, uid } = body['metadata'] as { readonly name: string; readonly uid: string };
  assert.match(name, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  assert.notEqual(name, uid);
  assert.equal((await server.ask('GET', `/api/v1/namespaces/ns/limitranges/${name}`)).code, 200);
  assert.equal((await server.refusal('POST', '/api/v1/namespaces/ns/configmaps', { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} })).code, 422);
});

const pod = (): JsonObject => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [{ name: 'a', image: 'x' }] } });
const bindingOf = (uid: string): JsonObject => ({ apiVersion: 'v1', kind: 'Binding', metadata: { name: 'p', uid }, target: { kind: 'Node', name: 'n1' } });

test('a binding is for the pod that it names, not for the next of its name', async () => {
  await using server = startTestServer();
  const first = (await server.ask('POST', PODS, pod())).body.metadata as JsonObject;
  await server.ask('DELETE', `${PODS}/p?gracePeriodSeconds=0`);
  const second = (await server.ask('POST', PODS, pod())).body.metadata as JsonObject;
  const { code, message } = await server.refusal('POST', `${PODS}/p/binding`, bindingOf(String(first.uid)));
  assert.equal(code, 409);
  assert.match(message, /Precondition failed: UID in precondition: /);
  assert.equal((await server.ask('POST', `${PODS}/p/binding`, bindingOf(String(second.uid)))).code, 201);
});

test('an eviction that means another pod, or only tries, changes nothing', async () => {
  await using server = startTestServer();
  await server.ask('POST', PODS, pod());
  const status = { status: { phase: 'Running' } };
  const { body } = await server.ask('PATCH', `${PODS}/p/status`, status, { contentType: 'application/merge-patch+json' });
  const { uid, resourceVersion } = body.metadata as { readonly uid: string; readonly resourceVersion: string };
  const evict = (deleteOptions: JsonObject): JsonObject => ({ apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' }, deleteOptions });
  const now = async (): Promise<unknown> => ((await server.ask('GET', `${PODS}/p`)).body.metadata as JsonObject).resourceVersion;
  assert.equal((await server.refusal('POST', `${PODS}/p/eviction`, evict({ preconditions: { uid: 'other' } }))).code, 409);
  assert.equal((await server.refusal('POST', `${PODS}/p/eviction`, evict({ preconditions: { resourceVersion: '1' } }))).code, 409);
  assert.equal((await server.ask('POST', `${PODS}/p/eviction`, evict({ dryRun: ['All'] }))).code, 201);
  assert.equal(await now(), resourceVersion);
  // The mark that it sets itself is no change by somebody else.
  assert.equal((await server.ask('POST', `${PODS}/p/eviction`, evict({ gracePeriodSeconds: 0, preconditions: { uid, resourceVersion } }))).code, 201);
  assert.equal((await server.refusal('GET', `${PODS}/p`)).code, 404);
});

test('nothing comes into a namespace that began to end while it was admitted', async () => {
  let admitted: (() => Promise<unknown>) | undefined;
  const slow: AdmissionPlugin = {
    name: 'Slow',
    validate: async ({ resource, operation }) => {
      const then = resource === 'configmaps' && operation === 'CREATE' ? admitted : undefined;
      if (then === undefined) return;
      admitted = undefined;
      await then();
    },
  };
  await using server = startTestServer({ stages: () => ({ ...openStages, admission: [namespaceLifecycle, slow] }) });
  await server.ask('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'ns' } });
  await server.ask('POST', MAPS, configMap('before'));
  admitted = () => server.ask('DELETE', '/api/v1/namespaces/ns');
  const { code, message } = await server.refusal('POST', MAPS, configMap('late'));
  assert.equal(code, 403);
  assert.match(message, /because it is being terminated$/);
  assert.equal((await server.refusal('GET', `${MAPS}/late`)).code, 404);
});
