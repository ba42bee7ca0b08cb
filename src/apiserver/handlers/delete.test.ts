/** What watchers and clients see of a deletion. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../machinery/object.ts';
import { type Recorded, startTestServer, type TestServer } from '../testing.ts';

const PODS = '/api/v1/namespaces/default/pods';

async function withPod(
  nodeName: string | undefined,
  run: (server: TestServer, watch: Recorded) => Promise<void>,
  finalizers: readonly string[] = [],
): Promise<void> {
  await using server = startTestServer();
  const spec = { ...(nodeName === undefined ? {} : { nodeName }), containers: [{ name: 'c', image: 'i' }] };
  await server.ask('POST', PODS, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', finalizers }, spec });
  const watch = await server.watch(`${PODS}?resourceVersion=0`);
  await run(server, watch);
  watch.close();
}

/** `TYPE grace generation` of each event after the first. */
async function seen(watch: Recorded, count: number): Promise<readonly string[]> {
  while (watch.events.length < count + 1) await new Promise((resolve) => setImmediate(resolve));
  return watch.events.slice(1).map(({ type, object }) => {
    const { deletionGracePeriodSeconds, generation } = object.metadata as unknown as JsonObject;
    return `${type} ${String(deletionGracePeriodSeconds)} ${String(generation)}`;
  });
}

test('a pod without grace is seen to be ending before it is gone', () =>
  withPod('n', async (server, watch) => {
    const { code, body } = await server.ask('DELETE', `${PODS}/web?gracePeriodSeconds=0`);
    assert.deepEqual([code, body.kind, (body.metadata as JsonObject).deletionGracePeriodSeconds], [200, 'Pod', 0]);
    assert.deepEqual(await seen(watch, 2), ['MODIFIED 0 2', 'DELETED 0 2']);
    const [, modified, deleted] = watch.events.map(({ object }) => Number((object.metadata as unknown as JsonObject).resourceVersion));
    assert.ok((deleted ?? 0) > (modified ?? 0));
  }));

test('so is a pod that no node has', () =>
  withPod(undefined, async (server, watch) => {
    await server.ask('DELETE', `${PODS}/web`);
    assert.deepEqual(await seen(watch, 2), ['MODIFIED 0 2', 'DELETED 0 2']);
  }));

test('a grace period is cut short, once', () =>
  withPod('n', async (server, watch) => {
    await server.ask('DELETE', `${PODS}/web`);
    await server.ask('DELETE', `${PODS}/web?gracePeriodSeconds=60`);
    await server.ask('DELETE', `${PODS}/web?gracePeriodSeconds=0`);
    assert.deepEqual(await seen(watch, 3), ['MODIFIED 30 2', 'MODIFIED 0 2', 'DELETED 0 2']);
  }));

test('a finalizer outlives the grace', () =>
  withPod(
    'n',
    async (server, watch) => {
      await server.ask('DELETE', `${PODS}/web?gracePeriodSeconds=0`);
      await server.ask('PATCH', `${PODS}/web`, { metadata: { finalizers: null } }, { contentType: 'application/merge-patch+json' });
      assert.deepEqual(await seen(watch, 2), ['MODIFIED 0 2', 'DELETED 0 2']);
    },
    ['a.b/c'],
  ));

test('a dry run shows what would be and changes nothing', () =>
  withPod('n', async (server) => {
    const { body } = await server.ask('DELETE', `${PODS}/web?gracePeriodSeconds=0&dryRun=All`);
    assert.equal((body.metadata as JsonObject).deletionGracePeriodSeconds, 0);
    assert.equal(((await server.ask('GET', `${PODS}/web`)).body.metadata as JsonObject).deletionTimestamp, undefined);
  }));
