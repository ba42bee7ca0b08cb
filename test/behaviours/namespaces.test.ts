/** Namespaces as a whole: test/e2e/apimachinery/namespace.go. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '../../src/machinery/object.ts';
import { type Cluster, makeNamespace, meta, namesOf, openCluster, POD_SPEC, statusOf } from './cluster.ts';

const ALL = '/api/v1/namespaces';
const MERGE = { contentType: 'application/merge-patch+json' };

describe('a namespace', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await openCluster();
  });
  after(() => cluster[Symbol.asyncDispose]());

  it('has a service account and the certificate authority soon after it is made, and a label with its name', async () => {
    await makeNamespace(cluster, 'fresh');
    assert.deepEqual(namesOf(await cluster.items(`${ALL}/fresh/serviceaccounts`)), ['default']);
    assert.deepEqual(namesOf(await cluster.items(`${ALL}/fresh/configmaps`)), ['kube-root-ca.crt']);
    const made = await cluster.get(`${ALL}/fresh`);
    assert.deepEqual([meta(made)['labels'], statusOf(made)['phase']], [{ 'kubernetes.io/metadata.name': 'fresh' }, 'Active']);
  });

  it('takes everything in it along: pods first, then all else', async () => {
    await makeNamespace(cluster, 'full');
    await cluster.ask('POST', `${ALL}/full/pods`, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', finalizers: ['example.com/held'] }, spec: POD_SPEC });
    await cluster.ask('POST', `${ALL}/full/configmaps`, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' } });
    await cluster.ask('POST', `${ALL}/full/services`, { apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec: { ports: [{ port: 80 }] } });
    const deleted = (await cluster.ask('DELETE', `${ALL}/full`)).body;
    assert.deepEqual([deleted['kind'], statusOf(deleted)['phase']], ['Namespace', 'Terminating']);
    await cluster.settle(5);
    const [pod] = await cluster.items(`${ALL}/full/pods`);
    assert.equal(typeof meta(pod)['deletionTimestamp'], 'string');
    assert.ok(namesOf(await cluster.items(`${ALL}/full/configmaps`)).includes('m'), 'while a pod is there, all else stays');
    const conditions = statusOf(await cluster.get(`${ALL}/full`))['conditions'] as readonly JsonObject[];
    const remaining = conditions.filter(({ status }) => status === 'True').map(({ type }) => String(type));
    assert.deepEqual(remaining.toSorted(), ['NamespaceContentRemaining', 'NamespaceFinalizersRemaining']);
    await cluster.ask('PATCH', `${ALL}/full/pods/p`, { metadata: { finalizers: null } }, MERGE);
    await cluster.settle(20);
    assert.equal((await cluster.refusal('GET', `${ALL}/full`)).reason, 'NotFound');
  });

  it('that is ending takes nothing in', async () => {
    await makeNamespace(cluster, 'ending');
    await cluster.ask('POST', `${ALL}/ending/configmaps`, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'held', finalizers: ['example.com/held'] },
    });
    await cluster.ask('DELETE', `${ALL}/ending`);
    const refused = await cluster.refusal('POST', `${ALL}/ending/configmaps`, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'late' } });
    assert.deepEqual([refused.code, refused.reason], [403, 'Forbidden']);
    assert.equal(refused.message, 'configmaps "late" is forbidden: unable to create new content in namespace ending because it is being terminated');
    assert.deepEqual(refused.details?.causes, [
      { reason: 'NamespaceTerminating', message: 'namespace ending is being terminated', field: 'metadata.namespace' },
    ]);
  });

  it('that is not there is named', async () => {
    const refused = await cluster.refusal('POST', `${ALL}/nosuch/configmaps`, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' } });
    assert.deepEqual([refused.code, refused.message], [404, 'namespaces "nosuch" not found']);
  });

  it('is patched, and its status changed and patched, without touching each other', async () => {
    await makeNamespace(cluster, 'patched');
    await cluster.ask('PATCH', `${ALL}/patched`, { metadata: { labels: { team: 'a' } }, status: { phase: 'Terminating' } }, MERGE);
    const condition = { type: 'StatusPatch', status: 'True', reason: 'E2E', message: 'set' };
    await cluster.ask('PATCH', `${ALL}/patched/status`, { metadata: { annotations: { by: 'status' } }, status: { conditions: [condition] } }, MERGE);
    const after = await cluster.get(`${ALL}/patched`);
    const [kept] = statusOf(after)['conditions'] as readonly JsonObject[];
    assert.deepEqual([statusOf(after)['phase'], kept?.['type'], meta(after)['annotations']], ['Active', 'StatusPatch', { by: 'status' }]);
    assert.equal((meta(after)['labels'] as JsonObject)['team'], 'a');
  });

  it('is held by a finalizer of its spec, which only `finalize` takes away', async () => {
    const name = 'finalized';
    await makeNamespace(cluster, name);
    const made = await cluster.get(`${ALL}/${name}`);
    const finalizers = ['kubernetes', 'e2e.example.com/finalizer'];
    const answered = (await cluster.ask('PUT', `${ALL}/${name}/finalize`, { ...made, spec: { finalizers } })).body;
    assert.deepEqual((answered['spec'] as JsonObject)['finalizers'], finalizers);
    await cluster.ask('DELETE', `${ALL}/${name}`);
    await cluster.settle(20);
    const held = await cluster.get(`${ALL}/${name}`);
    assert.deepEqual((held['spec'] as JsonObject)['finalizers'], ['e2e.example.com/finalizer']);
    await cluster.ask('PUT', `${ALL}/${name}/finalize`, { ...held, spec: { finalizers: [] } });
    assert.equal((await cluster.refusal('GET', `${ALL}/${name}`)).reason, 'NotFound');
  });

  it('is one of those that no one may delete, or is empty again in the end: many at a time', async () => {
    const many = Array.from({ length: 10 }, (_, i) => `nslifetest-${i}`);
    for (const name of many) await cluster.ask('POST', ALL, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    await cluster.settle(2);
    for (const name of many) await cluster.ask('DELETE', `${ALL}/${name}`);
    await cluster.settle(20);
    assert.deepEqual(
      namesOf(await cluster.items(ALL)).filter((name) => name.startsWith('nslifetest-')),
      [],
    );
    const refused = await cluster.refusal('DELETE', `${ALL}/default`);
    assert.deepEqual([refused.code, refused.message], [403, 'namespaces "default" is forbidden: this namespace may not be deleted']);
  });
});
