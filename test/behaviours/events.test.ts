/** Events through both groups: test/e2e/instrumentation/core_events.go and events.go. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '../../src/machinery/object.ts';
import { type Cluster, makeNamespace, meta, namesOf, openCluster } from './cluster.ts';

const OLD = '/api/v1/namespaces/told/events';
const NEW = '/apis/events.k8s.io/v1/namespaces/told/events';
const STRATEGIC = { contentType: 'application/strategic-merge-patch+json' };
const INVOLVED = { kind: 'Pod', name: 'p', namespace: 'told' };
const oldEvent = (name: string, labels: JsonObject = {}): JsonObject => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name, labels },
  message: 'This is a test event',
  reason: 'Test',
  type: 'Normal',
  count: 1,
  involvedObject: INVOLVED,
});
const newEvent = (name: string, labels: JsonObject = {}): JsonObject => ({
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  metadata: { name, labels },
  regarding: INVOLVED,
  related: { ...INVOLVED, name: 'q' },
  eventTime: '2017-09-19T13:49:16.000000Z',
  note: 'This is a test event',
  type: 'Normal',
  action: 'Do',
  reason: 'Test',
  reportingController: 'test-controller',
  reportingInstance: 'test-node',
});

describe('events', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await openCluster();
    await makeNamespace(cluster, 'told');
  });
  after(() => cluster[Symbol.asyncDispose]());

  it('of the core group run through their life: made, listed, patched, updated, deleted', async () => {
    await cluster.ask('POST', OLD, oldEvent('life', { testevent: 'constant' }));
    assert.deepEqual(namesOf(await cluster.items('/api/v1/events?labelSelector=testevent%3Dconstant')), ['life']);
    await cluster.ask('PATCH', `${OLD}/life`, { message: 'This is a test event - patched' }, STRATEGIC);
    const patched = await cluster.get(`${OLD}/life`);
    assert.deepEqual([patched['message'], patched['count']], ['This is a test event - patched', 1]);
    const series = { count: 100, lastObservedTime: '2014-09-19T13:49:16.000000Z' };
    await cluster.ask('PUT', `${OLD}/life`, { ...patched, series });
    assert.deepEqual((await cluster.get(`${OLD}/life`))['series'], series);
    await cluster.ask('DELETE', `${OLD}/life`);
    assert.deepEqual(await cluster.items(`${OLD}?labelSelector=testevent%3Dconstant`), []);
  });

  it('of the core group are deleted as a collection', async () => {
    for (const name of ['c1', 'c2', 'c3']) await cluster.ask('POST', OLD, oldEvent(name, { set: 'old' }));
    await cluster.ask('DELETE', `${OLD}?labelSelector=set%3Dold`);
    assert.deepEqual(await cluster.items(`${OLD}?labelSelector=set%3Dold`), []);
  });

  it('of the new group run through their life, and their series is changed by a patch and an update', async () => {
    const { body: made } = await cluster.ask('POST', NEW, newEvent('fresh', { set: 'new' }));
    assert.deepEqual([made['note'], made['regarding']], ['This is a test event', INVOLVED]);
    const first = { count: 2, lastObservedTime: '2014-09-19T13:49:16.000000Z' };
    await cluster.ask('PATCH', `${NEW}/fresh`, { series: first }, STRATEGIC);
    const patched = await cluster.get(`${NEW}/fresh`);
    assert.deepEqual([patched['series'], patched['note']], [first, made['note']]);
    const second = { count: 100, lastObservedTime: '2024-09-19T13:49:16.000000Z' };
    await cluster.ask('PUT', `${NEW}/fresh`, { ...patched, series: second });
    assert.deepEqual((await cluster.get(`${NEW}/fresh`))['series'], second);
    await cluster.ask('DELETE', `${NEW}?labelSelector=set%3Dnew`);
    assert.deepEqual(await cluster.items('/apis/events.k8s.io/v1/events?labelSelector=set%3Dnew'), []);
  });

  it('are the same through both groups, each in its own words', async () => {
    const { body: made } = await cluster.ask('POST', NEW, newEvent('both'));
    const old = await cluster.get(`${OLD}/both`);
    assert.deepEqual(
      [old['message'], old['involvedObject'], old['reportingComponent'], old['source'], meta(old)['uid']],
      [made['note'], made['regarding'], 'test-controller', {}, meta(made)['uid']],
    );
    await cluster.ask('POST', OLD, { ...oldEvent('back'), source: { component: 'kubelet', host: 'n' } });
    const fresh = await cluster.get(`${NEW}/back`);
    assert.deepEqual(
      [fresh['note'], fresh['regarding'], fresh['deprecatedSource'], fresh['deprecatedCount']],
      ['This is a test event', INVOLVED, { component: 'kubelet', host: 'n' }, 1],
    );
  });

  it('are found by their fields, in the words of each group', async () => {
    await cluster.ask('POST', NEW, { ...newEvent('found'), reason: 'Found' });
    const wanted = 'reason%3DFound';
    assert.deepEqual(namesOf(await cluster.items(`${OLD}?fieldSelector=${wanted},involvedObject.name%3Dp`)), ['found']);
    assert.deepEqual(namesOf(await cluster.items(`${NEW}?fieldSelector=${wanted},regarding.name%3Dp,reportingController%3Dtest-controller`)), ['found']);
    assert.deepEqual(namesOf(await cluster.items(`${OLD}?fieldSelector=${wanted},involvedObject.name%3Dother`)), []);
  });

  it('of the new group say everything that they must say', async () => {
    const { reportingController: _, ...silent } = newEvent('silent');
    const refused = await cluster.refusal('POST', NEW, silent);
    assert.equal(refused.code, 422);
    assert.match(refused.message, /reportingController: Required value/);
  });

  it('are gone after an hour', async () => {
    await cluster.ask('POST', OLD, oldEvent('old'));
    await cluster.clock.advance(3_700_000, () => new Promise((resolve) => setImmediate(resolve)));
    assert.equal((await cluster.refusal('GET', `${OLD}/old`)).reason, 'NotFound');
  });
});
