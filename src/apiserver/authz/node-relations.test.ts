import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../../machinery/object.ts';
import type { StoredReader } from '../stages.ts';
import { startTestServer } from '../testing.ts';
import { NodeRelations } from './node-relations.ts';

const PODS = '/api/v1/namespaces/default/pods';
const pod = (name: string, secret: string): Json => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i' }], volumes: [{ name: 'v', secret: { secretName: secret } }] },
});

/** A server, and how many pods the relations have looked at. */
function watched() {
  const server = startTestServer();
  let parsed = 0;
  const { reader } = server.api;
  const counting: StoredReader = {
    get: (group, resource, namespace, name) => (parsed++, reader.get(group, resource, namespace, name)),
    list: () => assert.fail('nothing is listed'),
    fieldValues: (group, resource, field) => reader.fieldValues(group, resource, field),
    watch: (group, resource, listener) => reader.watch(group, resource, listener),
  };
  const put = async (name: string, secret: string, node: string): Promise<void> => {
    await server.ask('POST', PODS, pod(name, secret));
    if (node !== '') await bind(name, node);
  };
  const bind = async (name: string, node: string): Promise<void> =>
    void (await server.ask('POST', `${PODS}/${name}/binding`, { apiVersion: 'v1', kind: 'Binding', metadata: { name }, target: { kind: 'Node', name: node } }));
  return { server, relations: new NodeRelations(counting), put, bind, parsed: () => parsed };
}

test('a question about a node parses its own pods only, and once', async () => {
  const { server, relations, put, parsed } = watched();
  await using _ = server;
  for (let n = 0; n < 20; n++) await put(`p${n}`, `s${n}`, n < 3 ? 'mine' : 'other');
  assert.equal(relations.refers('mine', 'secrets', 'default', 's2'), true);
  assert.equal(relations.refers('mine', 'secrets', 'default', 's7'), false);
  assert.equal(parsed(), 3);
  assert.equal(relations.refers('other', 'secrets', 'default', 's7'), true);
  assert.equal(relations.refers('nobody', 'secrets', 'default', 's7'), false);
  assert.equal(parsed(), 20);
});

test('what pods do afterwards counts: bound, given another container, deleted', async () => {
  const { server, relations, put, bind } = watched();
  await using _ = server;
  await put('early', 'a', '');
  const refers = (name: string): boolean => relations.refers('mine', 'secrets', 'default', name);
  assert.equal(refers('a'), false);
  await bind('early', 'mine');
  assert.equal(refers('a'), true);
  await put('late', 'b', 'mine');
  assert.equal(refers('b'), true);
  const debug = { spec: { ephemeralContainers: [{ name: 'debug', image: 'i', env: [{ name: 'E', valueFrom: { secretKeyRef: { name: 'c', key: 'k' } } }] }] } };
  await server.ask('PATCH', `${PODS}/late/ephemeralcontainers`, debug, { contentType: 'application/strategic-merge-patch+json' });
  assert.equal(refers('c'), true);
  await server.ask('DELETE', `${PODS}/early?gracePeriodSeconds=0`);
  await server.ask('DELETE', `${PODS}/late?gracePeriodSeconds=0`);
  assert.deepEqual(['a', 'b', 'c'].map(refers), [false, false, false]);
});
