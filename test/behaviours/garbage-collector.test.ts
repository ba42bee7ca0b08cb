/** Owners and what they own: test/e2e/apimachinery/garbage_collector.go. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json, JsonObject } from '../../src/machinery/object.ts';
import { type Cluster, makeNamespace, meta, namesOf, openCluster, POD_SPEC } from './cluster.ts';

const CORE = '/api/v1/namespaces/gc';
const APPS = '/apis/apps/v1/namespaces/gc';
const TEMPLATE: JsonObject = { metadata: { labels: { app: 'x' } }, spec: POD_SPEC };
const deployment = (name: string): JsonObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: { replicas: 2, selector: { matchLabels: { app: 'x' } }, template: TEMPLATE },
});
const controller = (name: string): JsonObject => ({
  apiVersion: 'v1',
  kind: 'ReplicationController',
  metadata: { name },
  spec: { replicas: 0, selector: { app: 'x' }, template: TEMPLATE },
});
const ownedBy = (...owners: readonly (readonly [object: Json, more?: object])[]): readonly JsonObject[] =>
  owners.map(([object, more = {}]) => {
    const { apiVersion, kind } = object as { readonly apiVersion: string; readonly kind: string };
    return { apiVersion, kind, name: meta(object)['name'] as string, uid: meta(object)['uid'] as string, ...more };
  });
const map = (name: string, ownerReferences: readonly JsonObject[] = []): JsonObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...(ownerReferences.length === 0 ? {} : { ownerReferences }) },
});

describe('the garbage collector', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await openCluster();
    await makeNamespace(cluster, 'gc');
  });
  after(() => cluster[Symbol.asyncDispose]());

  const make = async (path: string, body: JsonObject): Promise<JsonObject> => (await cluster.ask('POST', path, body)).body;
  const left = async (path: string): Promise<readonly string[]> => namesOf(await cluster.items(path));
  const remove = (path: string, propagationPolicy: string) => cluster.ask('DELETE', path, { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy });

  it('deletes the replica set and the pods of a deployment that is deleted in the background', async () => {
    await make(`${APPS}/deployments`, deployment('back'));
    await cluster.settle();
    assert.deepEqual([(await left(`${APPS}/replicasets`)).length, (await left(`${CORE}/pods`)).length], [1, 2]);
    await remove(`${APPS}/deployments/back`, 'Background');
    await cluster.settle(5);
    assert.deepEqual([await left(`${APPS}/replicasets`), await left(`${CORE}/pods`)], [[], []]);
  });

  it('keeps the replica set of a deployment that is deleted so that it is orphaned, without its owner', async () => {
    await make(`${APPS}/deployments`, deployment('orphan'));
    await cluster.settle();
    await remove(`${APPS}/deployments/orphan`, 'Orphan');
    await cluster.settle(5);
    assert.deepEqual(await left(`${APPS}/deployments`), []);
    const [set] = await cluster.items(`${APPS}/replicasets`);
    assert.equal(meta(set)['ownerReferences'], undefined);
    assert.equal((await left(`${CORE}/pods`)).length, 2);
    await remove(`${APPS}/replicasets/${String(meta(set)['name'])}`, 'Background');
    await cluster.settle(5);
    assert.deepEqual(await left(`${CORE}/pods`), []);
  });

  it('keeps the pods of a controller that is deleted without a word: its old habit', async () => {
    const owner = await make(`${CORE}/replicationcontrollers`, controller('habit'));
    await make(`${CORE}/configmaps`, map('of-habit', ownedBy([owner])));
    await cluster.ask('DELETE', `${CORE}/replicationcontrollers/habit`);
    await cluster.settle(5);
    assert.deepEqual(await left(`${CORE}/replicationcontrollers`), []);
    assert.equal(meta(await cluster.get(`${CORE}/configmaps/of-habit`))['ownerReferences'], undefined);
  });

  it('keeps an owner that is deleted in the foreground until all that block it are gone', async () => {
    const owner = await make(`${CORE}/configmaps`, map('front'));
    const held = map('held', ownedBy([owner, { blockOwnerDeletion: true }]));
    await make(`${CORE}/configmaps`, { ...held, metadata: { ...meta(held), finalizers: ['example.com/held'] } });
    await remove(`${CORE}/configmaps/front`, 'Foreground');
    await cluster.settle(5);
    const waiting = meta(await cluster.get(`${CORE}/configmaps/front`));
    assert.deepEqual([waiting['finalizers'], typeof waiting['deletionTimestamp']], [['foregroundDeletion'], 'string']);
    await cluster.ask('PATCH', `${CORE}/configmaps/held`, { metadata: { finalizers: null } }, { contentType: 'application/merge-patch+json' });
    await cluster.settle(5);
    assert.deepEqual(
      (await left(`${CORE}/configmaps`)).filter((name) => name === 'front' || name === 'held'),
      [],
    );
  });

  it('keeps what has another owner that is valid, and takes the reference to the one that is gone', async () => {
    const gone = await make(`${CORE}/configmaps`, map('gone'));
    const stays = await make(`${CORE}/configmaps`, map('stays'));
    await make(`${CORE}/configmaps`, map('shared', ownedBy([gone], [stays])));
    await remove(`${CORE}/configmaps/gone`, 'Background');
    await cluster.settle(5);
    const owners = meta(await cluster.get(`${CORE}/configmaps/shared`))['ownerReferences'] as readonly JsonObject[];
    assert.deepEqual(
      owners.map(({ name }) => name),
      ['stays'],
    );
  });

  it('is not held up by owners in a circle', async () => {
    const made = await Promise.all(['c1', 'c2', 'c3'].map((name) => make(`${CORE}/configmaps`, map(name))));
    for (const [at, name] of ['c1', 'c2', 'c3'].entries()) {
      const ownerReferences = ownedBy([made[(at + 2) % 3] as JsonObject, { blockOwnerDeletion: true, controller: true }]);
      await cluster.ask('PATCH', `${CORE}/configmaps/${name}`, { metadata: { ownerReferences } }, { contentType: 'application/merge-patch+json' });
    }
    await remove(`${CORE}/configmaps/c1`, 'Foreground');
    await cluster.settle(5);
    assert.deepEqual(
      (await left(`${CORE}/configmaps`)).filter((name) => /^c\d$/.test(name)),
      [],
    );
  });

  it('deletes what names an owner that never was, but not what names an owner of another namespace in its own', async () => {
    await make(`${CORE}/configmaps`, map('lost', [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'never', uid: '00000000-0000-0000-0000-000000000000' }]));
    await cluster.settle(5);
    assert.deepEqual(
      (await left(`${CORE}/configmaps`)).filter((name) => name === 'lost'),
      [],
    );
  });
});
