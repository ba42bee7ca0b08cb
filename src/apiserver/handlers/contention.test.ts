import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Draft, JsonObject, KubeObject } from '../../machinery/object.ts';
import type { StatusError } from '../../machinery/status-error.ts';
import { forbiddenRequest } from '../../machinery/status-error.ts';
import { openStages, type AdmissionPlugin } from '../stages.ts';
import { configMap, startTestServer } from '../testing.ts';

const MAPS = '/api/v1/namespaces/ns/configmaps';
const MANY = 150;

test('many patches of one object at a time: none is lost, none is refused', async () => {
  await using server = startTestServer();
  await server.ask('POST', MAPS, configMap('a'));
  const merge = { contentType: 'application/merge-patch+json' };
  await Promise.all(Array.from({ length: MANY }, (_, i) => server.ask('PATCH', `${MAPS}/a`, { data: { [`k${i}`]: 'v' } }, merge)));
  const { body } = await server.ask('GET', `${MAPS}/a`);
  assert.equal(Object.keys(body.data as object).length, MANY);
});

test('of many updates that name one version, one is taken', async () => {
  await using server = startTestServer();
  const { body } = await server.ask('POST', MAPS, configMap('a'));
  const version = (body.metadata as JsonObject).resourceVersion;
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, (_, i) => server.ask('PUT', `${MAPS}/a`, configMap('a', { k: String(i) }, { resourceVersion: version }))),
  );
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
  for (const result of results) if (result.status === 'rejected') assert.equal((result.reason as StatusError).reason, 'Conflict');
});

/** Counts config maps in the annotation of one of them, and refuses the one too many: what a quota does. */
const counting = (most: number): AdmissionPlugin => ({
  name: 'Counting',
  handles: ({ operation, resource, name }) => operation === 'CREATE' && resource === 'configmaps' && name !== 'count',
  validate: (request) => {
    const read = request.reader.get('', 'configmaps', 'ns', 'count');
    assert.ok(read !== undefined);
    const used = Number((read as { readonly data?: { readonly used?: string } }).data?.used ?? '0');
    if (used >= most) throw forbiddenRequest({ group: '', resource: 'configmaps' }, request.name, 'exceeded');
    request.alsoUpdate({ group: '', resource: 'configmaps', read, object: { ...read, data: { used: String(used + 1) } } as unknown as Draft<KubeObject> });
  },
});

test('what is counted in the same commit is exact, however many come at a time', async () => {
  await using server = startTestServer({ stages: () => ({ ...openStages, admission: [counting(100)] }) });
  await server.ask('POST', MAPS, configMap('count', { used: '0' }));
  const results = await Promise.allSettled(Array.from({ length: MANY }, (_, i) => server.ask('POST', MAPS, configMap(`m${i}`))));
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 100);
  for (const result of results) if (result.status === 'rejected') assert.equal((result.reason as StatusError).reason, 'Forbidden');
  const { body } = await server.ask('GET', `${MAPS}/count`);
  assert.deepEqual(body.data, { used: '100' });
  const { body: list } = await server.ask('GET', MAPS);
  assert.equal((list.items as unknown[]).length, 101);
});

test('no two services get one address or port, however many come at a time', async () => {
  await using server = startTestServer();
  const services = '/api/v1/namespaces/ns/services';
  const service = (i: number): JsonObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `s${i}` },
    spec: { type: 'NodePort', ports: [{ port: 80 }] },
  });
  await Promise.all(Array.from({ length: MANY }, (_, i) => server.ask('POST', services, service(i))));
  const { body } = await server.ask('GET', services);
  const specs = (body.items as { readonly spec: { readonly clusterIP: string; readonly ports: readonly { readonly nodePort: number }[] } }[]).map(
    ({ spec }) => spec,
  );
  assert.equal(new Set(specs.map(({ clusterIP }) => clusterIP)).size, MANY);
  assert.equal(new Set(specs.map(({ ports }) => ports[0]?.nodePort)).size, MANY);
  assert.equal(server.store.count('/registry/networking.k8s.io/ipaddresses/'), MANY);
  await server.ask('DELETE', services);
  assert.equal(server.store.count('/registry/networking.k8s.io/ipaddresses/'), 0);
  assert.equal(server.store.count('/allocations/'), 0);
});
