/** What watches tell, and in which order: test/e2e/apimachinery/watch.go. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { WatchEvent } from '../../src/machinery/exchange.ts';
import type { Json, JsonObject } from '../../src/machinery/object.ts';
import { type Cluster, meta, openCluster } from './cluster.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const MERGE = { contentType: 'application/merge-patch+json' };
const LABEL = 'watch-this-configmap';
const map = (name: string, label: string, data: Json = {}): JsonObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, labels: { [LABEL]: label } },
  data,
});
const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a watch', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await openCluster();
  });
  after(() => cluster[Symbol.asyncDispose]());

  const told = (events: readonly WatchEvent[]): readonly string[] =>
    events.map(
      ({ type, object }) =>
        `${type} ${String(meta(object as unknown as Json)['name'])} ${String(((object as unknown as JsonObject)['data'] as JsonObject | undefined)?.['n'] ?? '-')}`,
    );
  const version = async (): Promise<string> => String(meta(await cluster.get(`${MAPS}?limit=1`))['resourceVersion']);
  const set = (name: string, n: string) => cluster.ask('PATCH', `${MAPS}/${name}`, { data: { n } }, MERGE);

  it('of a label tells of what carries it: made, changed, deleted; others hear nothing of it', async () => {
    const rv = await version();
    const watches = await Promise.all(['a', 'b'].map((label) => cluster.watch(`${MAPS}?resourceVersion=${rv}&labelSelector=${LABEL}%3D${label}`)));
    const both = await cluster.watch(`${MAPS}?resourceVersion=${rv}&labelSelector=${LABEL}+in+(a,b)`);
    await cluster.ask('POST', MAPS, map('one', 'a'));
    await set('one', '1');
    await set('one', '2');
    await cluster.ask('DELETE', `${MAPS}/one`);
    await cluster.ask('POST', MAPS, map('two', 'b'));
    await cluster.ask('DELETE', `${MAPS}/two`);
    await drain();
    const ofA = ['ADDED one -', 'MODIFIED one 1', 'MODIFIED one 2', 'DELETED one 2'];
    const ofB = ['ADDED two -', 'DELETED two -'];
    assert.deepEqual(
      [watches.map(({ events }) => told(events)), told(both.events)],
      [
        [ofA, ofB],
        [...ofA, ...ofB],
      ],
    );
    for (const watch of [...watches, both]) watch.close();
  });

  it('that starts at a version tells what came after it', async () => {
    await cluster.ask('POST', MAPS, map('from', 'from'));
    const first = (await set('from', '1')).body;
    await set('from', '2');
    await cluster.ask('DELETE', `${MAPS}/from`);
    const watch = await cluster.watch(`${MAPS}?labelSelector=${LABEL}%3Dfrom&resourceVersion=${String(meta(first)['resourceVersion'])}`);
    await drain();
    assert.deepEqual(told(watch.events), ['MODIFIED from 2', 'DELETED from 2']);
    watch.close();
  });

  it('that is taken up again misses nothing and repeats nothing', async () => {
    const first = await cluster.watch(`${MAPS}?labelSelector=${LABEL}%3Dagain&resourceVersion=${await version()}`);
    await cluster.ask('POST', MAPS, map('again', 'again'));
    await set('again', '1');
    await drain();
    const last = String(meta(first.events.at(-1)?.object as unknown as Json)['resourceVersion']);
    first.close();
    await set('again', '2');
    await cluster.ask('DELETE', `${MAPS}/again`);
    const second = await cluster.watch(`${MAPS}?labelSelector=${LABEL}%3Dagain&resourceVersion=${last}`);
    await drain();
    assert.deepEqual(
      [told(first.events), told(second.events)],
      [
        ['ADDED again -', 'MODIFIED again 1'],
        ['MODIFIED again 2', 'DELETED again 2'],
      ],
    );
    second.close();
  });

  it('of a label loses an object with its label, hears nothing of it meanwhile, and gets it back with it', async () => {
    const watch = await cluster.watch(`${MAPS}?labelSelector=${LABEL}%3Dlost&resourceVersion=${await version()}`);
    const label = (value: string) => cluster.ask('PATCH', `${MAPS}/lost`, { metadata: { labels: { [LABEL]: value } } }, MERGE);
    await cluster.ask('POST', MAPS, map('lost', 'lost'));
    await set('lost', '1');
    const removed = (await label('other')).body;
    await set('lost', '2');
    await label('lost');
    await set('lost', '3');
    await cluster.ask('DELETE', `${MAPS}/lost`);
    await drain();
    assert.deepEqual(told(watch.events), ['ADDED lost -', 'MODIFIED lost 1', 'DELETED lost 1', 'ADDED lost 2', 'MODIFIED lost 3', 'DELETED lost 3']);
    assert.equal(meta(watch.events[2]?.object as unknown as Json)['resourceVersion'], meta(removed)['resourceVersion'], 'at the version of the change');
    watch.close();
  });

  it('tells the same as every other, in one order, whichever version they start at, while others write', async () => {
    const rv = await version();
    const watches = [await cluster.watch(`${MAPS}?resourceVersion=${rv}&labelSelector=${LABEL}%3Dorder`)];
    for (let i = 0; i < 30; i++) {
      const name = `order-${i % 7}`;
      const write = [() => cluster.ask('POST', MAPS, map(name, 'order')), () => set(name, String(i)), () => cluster.ask('DELETE', `${MAPS}/${name}`)][
        Math.floor(i / 7) % 3
      ];
      await Promise.all([write?.(), set('order-none', 'x').catch(() => undefined)]);
      await drain();
      const seen = String(meta(watches[0]?.events.at(-1)?.object as unknown as Json)['resourceVersion'] ?? rv);
      watches.push(await cluster.watch(`${MAPS}?resourceVersion=${seen}&labelSelector=${LABEL}%3Dorder`));
    }
    await drain();
    const line = ({ type, object }: WatchEvent): string => `${type} ${String(meta(object as unknown as Json)['resourceVersion'])}`;
    const all = (watches[0]?.events ?? []).map(line);
    assert.ok(all.length >= 28);
    for (const watch of watches) {
      const own = watch.events.map(line);
      assert.deepEqual(own, all.slice(all.length - own.length));
      watch.close();
    }
  });
});
