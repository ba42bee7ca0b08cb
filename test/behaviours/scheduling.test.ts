/** What the API server has to do with scheduling: test/e2e/scheduling/limit_range.go, and priority classes in preemption.go. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json, JsonObject } from '../../src/machinery/object.ts';
import { type Cluster, makeNamespace, meta, namesOf, openCluster, specOf } from './cluster.ts';

const CORE = '/api/v1/namespaces/limited';
const CLASSES = '/apis/scheduling.k8s.io/v1/priorityclasses';
const MERGE = { contentType: 'application/merge-patch+json' };
const range = (name: string, limit: JsonObject, labels: JsonObject = {}): JsonObject => ({
  apiVersion: 'v1',
  kind: 'LimitRange',
  metadata: { name, labels },
  spec: { limits: [{ type: 'Container', ...limit }] },
});
const pod = (name: string, resources: Json, more: object = {}): JsonObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i', resources }], ...more },
});
const priority = (name: string, more: object = {}): JsonObject => ({
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name },
  value: 100,
  ...more,
});

describe('limit ranges', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await openCluster();
    await makeNamespace(cluster, 'limited');
    await cluster.ask(
      'POST',
      `${CORE}/limitranges`,
      range('limit-range', {
        min: { cpu: '50m', memory: '100Mi', 'ephemeral-storage': '100Gi' },
        max: { cpu: '500m', memory: '500Mi', 'ephemeral-storage': '500Gi' },
        default: { cpu: '500m', memory: '500Mi', 'ephemeral-storage': '500Gi' },
        defaultRequest: { cpu: '100m', memory: '200Mi', 'ephemeral-storage': '200Gi' },
      }),
    );
  });
  after(() => cluster[Symbol.asyncDispose]());

  const resources = async (name: string, asked: Json): Promise<Json> => {
    const { body } = await cluster.ask('POST', `${CORE}/pods`, pod(name, asked));
    return (specOf(body)['containers'] as readonly JsonObject[])[0]?.['resources'] as Json;
  };

  it('give a pod that asks for nothing the defaults', async () => {
    assert.deepEqual(await resources('pod-no-resources', {}), {
      limits: { cpu: '500m', 'ephemeral-storage': '500Gi', memory: '500Mi' },
      requests: { cpu: '100m', 'ephemeral-storage': '200Gi', memory: '200Mi' },
    });
  });

  it('fill in what a pod does not say: a limit without a request is the request', async () => {
    const asked = { requests: { memory: '150Mi', 'ephemeral-storage': '150Gi' }, limits: { cpu: '300m', 'ephemeral-storage': '300Gi' } };
    assert.deepEqual(await resources('pod-partial-resources', asked), {
      limits: { cpu: '300m', 'ephemeral-storage': '300Gi', memory: '500Mi' },
      requests: { cpu: '300m', 'ephemeral-storage': '150Gi', memory: '150Mi' },
    });
  });

  it('refuse what asks for too little or too much', async () => {
    const few = await cluster.refusal('POST', `${CORE}/pods`, pod('too-few', { requests: { cpu: '10m', memory: '50Mi', 'ephemeral-storage': '50Gi' } }));
    assert.equal(few.code, 403);
    assert.match(few.message, /^pods "too-few" is forbidden: \[.*minimum cpu usage per Container is 50m, but request is 10m/);
    const many = await cluster.refusal('POST', `${CORE}/pods`, pod('too-many', { requests: { cpu: '600m', memory: '600Mi', 'ephemeral-storage': '600Gi' } }));
    assert.deepEqual([many.code, many.reason], [422, 'Invalid'], 'a request above its own (default) limit');
    const above = await cluster.refusal('POST', `${CORE}/pods`, pod('above', { limits: { cpu: '600m' } }));
    assert.match(above.message, /maximum cpu usage per Container is 500m, but limit is 600m/);
  });

  it('can be changed, and hold for what comes after that', async () => {
    await cluster.ask('PATCH', `${CORE}/limitranges/limit-range`, { spec: { limits: [{ type: 'Container', min: { cpu: '9m', memory: '49Mi' } }] } }, MERGE);
    await resources('enough', { requests: { cpu: '10m', memory: '50Mi' }, limits: { cpu: '10m', memory: '50Mi' } });
  });

  it('run through their life: listed everywhere, patched, deleted as a collection', async () => {
    const labels = { 'e2e-test': 'limit-range' };
    for (const name of ['l1', 'l2']) await cluster.ask('POST', `${CORE}/limitranges`, range(name, { max: { cpu: '1' } }, labels));
    await cluster.ask('PATCH', `${CORE}/limitranges/l1`, { metadata: { labels: { l1: 'patched' } } }, MERGE);
    assert.deepEqual(namesOf(await cluster.items('/api/v1/limitranges?labelSelector=l1%3Dpatched')), ['l1']);
    await cluster.ask('DELETE', `${CORE}/limitranges?labelSelector=e2e-test%3Dlimit-range`);
    assert.deepEqual(namesOf(await cluster.items(`${CORE}/limitranges`)), ['limit-range']);
  });

  describe('priority classes', () => {
    it('keep their value and their policy; all else may change', async () => {
      await cluster.ask('POST', CLASSES, priority('p1'));
      for (const [change, field] of [
        [{ value: 200 }, 'value'],
        [{ preemptionPolicy: 'Never' }, 'preemptionPolicy'],
      ] as const) {
        const refused = await cluster.refusal('PATCH', `${CLASSES}/p1`, change as JsonObject, MERGE);
        assert.deepEqual([refused.code, refused.reason], [422, 'Invalid']);
        assert.match(refused.message, new RegExp(`${field}: .*(may not be changed in an update|field is immutable)`));
      }
      const { body } = await cluster.ask('PATCH', `${CLASSES}/p1`, { description: 'updated' }, MERGE);
      assert.deepEqual([body['description'], body['value'], body['preemptionPolicy']], ['updated', 100, 'PreemptLowerPriority']);
    });

    it('of the system are there, and nobody makes more of them', async () => {
      assert.deepEqual(
        namesOf(await cluster.items(CLASSES)).filter((name) => name.startsWith('system-')),
        ['system-cluster-critical', 'system-node-critical'],
      );
      assert.equal((await cluster.refusal('POST', CLASSES, priority('system-mine'))).code, 422);
      assert.equal((await cluster.refusal('POST', CLASSES, priority('high', { value: 2_000_000_000 }))).code, 422);
    });

    it('give pods their number; a pod does not choose its own', async () => {
      const { body } = await cluster.ask('POST', `${CORE}/pods`, pod('ranked', { limits: { cpu: '10m', memory: '50Mi' } }, { priorityClassName: 'p1' }));
      assert.deepEqual([specOf(body)['priority'], specOf(body)['preemptionPolicy']], [100, 'PreemptLowerPriority']);
      const unknown = await cluster.refusal('POST', `${CORE}/pods`, pod('unknown', {}, { priorityClassName: 'nosuch' }));
      assert.equal(unknown.message, 'pods "unknown" is forbidden: no PriorityClass with name nosuch was found');
      const own = await cluster.refusal('POST', `${CORE}/pods`, pod('own', { limits: { cpu: '10m', memory: '50Mi' } }, { priority: 7 }));
      assert.match(
        own.message,
        /the integer value of priority \(7\) must not be provided in pod spec; priority admission controller computed 0 from the given PriorityClass name/,
      );
    });
  });

  it('a node shows an extended resource that is patched into its status', async () => {
    await cluster.ask('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } });
    const patch = [
      { op: 'add', path: '/status/capacity', value: { 'scheduling.k8s.io/foo': '5' } },
      { op: 'add', path: '/status/allocatable', value: { 'scheduling.k8s.io/foo': '5' } },
    ];
    const { body } = await cluster.ask('PATCH', '/api/v1/nodes/n/status', patch, { contentType: 'application/json-patch+json' });
    const status = body['status'] as Record<string, JsonObject>;
    assert.deepEqual(
      [status['capacity'], status['allocatable'], meta(body)['name']],
      [{ 'scheduling.k8s.io/foo': '5' }, { 'scheduling.k8s.io/foo': '5' }, 'n'],
    );
  });

  it('whoever binds a pod may say which one it means; it is bound once', async () => {
    const pods = '/api/v1/namespaces/default/pods';
    await cluster.ask('POST', pods, pod('bound', {}));
    const binding = (metadata: object): JsonObject => ({
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: 'bound', ...metadata },
      target: { kind: 'Node', name: 'n' },
    });
    const other = await cluster.refusal('POST', `${pods}/bound/binding`, binding({ uid: 'other' }));
    assert.equal(other.code, 409);
    assert.match(other.message, /^Operation cannot be fulfilled on pods "bound": StorageError: .*UID in precondition: other/);
    assert.equal((await cluster.ask('POST', `${pods}/bound/binding`, binding({}))).code, 201);
    const { code, message } = await cluster.refusal('POST', `${pods}/bound/binding`, binding({}));
    assert.deepEqual([code, message], [409, 'Operation cannot be fulfilled on pods/binding "bound": pod bound is already assigned to node "n"']);
  });
});
