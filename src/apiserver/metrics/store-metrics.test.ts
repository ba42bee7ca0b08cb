import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StoreError } from '../../store/store.ts';
import { openStages } from '../stages.ts';
import { configMap, startTestServer } from '../testing.ts';
import { StoreMetrics } from './store-metrics.ts';

const MAPS = '/api/v1/namespaces/ns/configmaps';

test('what is written, by kind and by what is done to it', async () => {
  const metrics = new StoreMetrics();
  const server = startTestServer({ stages: () => ({ ...openStages, storeTimes: metrics }) });
  await server.ask('POST', MAPS, configMap('a'));
  await server.ask('PUT', `${MAPS}/a`, configMap('a', { k: 'v' }));
  await server.refusal('POST', MAPS, configMap('a'));
  await server.ask('DELETE', `${MAPS}/a`);
  await server.ask('POST', '/apis/coordination.k8s.io/v1/namespaces/ns/leases', { metadata: { name: 'l' }, spec: {} });
  const shown = (name: string): readonly string[] =>
    (metrics.gauges.find((each) => each.name === name)?.values() ?? [])
      .filter(({ suffix = '_count' }) => suffix === '_count')
      .map(({ value, labels = {} }) => `${[labels['operation'], labels['group'], labels['resource']].join()} ${value}`);
  const expected = ['create,,configmaps 2', 'update,,configmaps 1', 'delete,,configmaps 1', 'create,coordination.k8s.io,leases 1'];
  for (const name of ['etcd_requests_total', 'etcd_request_duration_seconds']) assert.deepEqual(shown(name).toSorted(), expected.toSorted(), name);
  assert.deepEqual(shown('etcd_request_errors_total'), []);
  server.store.commit = () => Promise.reject(new StoreError('unavailable', 'the disk is full'));
  await server.refusal('POST', MAPS, configMap('b'));
  assert.deepEqual(shown('etcd_request_errors_total'), ['create,,configmaps 1']);
  await server[Symbol.asyncDispose]();
});
