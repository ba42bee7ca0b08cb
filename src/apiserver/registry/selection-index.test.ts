import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { JsonObject } from '../../machinery/object.ts';
import { configMap, startTestServer, type TestServer } from '../testing.ts';
import { SelectionIndexes } from './selection-index.ts';

const PREFIX = '/registry/core/configmaps/';
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('lists by a label that is asked for again and again', () => {
  let server: TestServer;
  let indexes: SelectionIndexes;

  before(async () => {
    server = startTestServer();
    indexes = new SelectionIndexes({ store: server.store, yieldToLoop: turn, leastObjects: 10 });
    for (let at = 0; at < 60; at++) await make(at, `app-${at % 5}`);
  });
  after(async () => {
    indexes[Symbol.dispose]();
    await server[Symbol.asyncDispose]();
  });

  const make = (at: number, app: string) =>
    server.ask('POST', `/api/v1/namespaces/n-${at % 2}/configmaps`, configMap(`m-${at}`, {}, { labels: { app, number: `${at}` } }));
  const find = (name: string, value: string, by: 'label' | 'field' = 'label') => indexes.find(PREFIX, [{ by, name, value }]);
  const names = async (app: string): Promise<readonly string[] | undefined> => {
    const found = await find('app', app);
    return found === undefined ? undefined : found.entries.map(({ projection }) => projection.name).sort();
  };
  const scanned = (app: string): readonly string[] =>
    server.store
      .list(PREFIX)
      .entries.filter(({ projection }) => projection.labels?.['app'] === app)
      .map(({ projection }) => projection.name)
      .sort();

  test('is looked for at first, and looked up when it has been asked for twice', async () => {
    assert.equal(await names('app-1'), undefined);
    await names('app-1');
    await turn();
    assert.deepEqual(await names('app-1'), scanned('app-1'));
    assert.equal(scanned('app-1').length, 12);
    assert.deepEqual(await names('app-9'), []);
  });

  test('follows what is made, changed and deleted', async () => {
    await make(100, 'app-1');
    await server.ask('DELETE', '/api/v1/namespaces/n-1/configmaps/m-1');
    const moved = (await server.ask('GET', '/api/v1/namespaces/n-0/configmaps/m-6')).body as JsonObject;
    await server.ask('PUT', '/api/v1/namespaces/n-0/configmaps/m-6', {
      ...moved,
      metadata: { ...(moved['metadata'] as JsonObject), labels: { app: 'app-2' } },
    });
    for (const app of ['app-1', 'app-2']) assert.deepEqual(await names(app), scanned(app));
    assert.ok((await names('app-1'))?.includes('m-100'));
    assert.ok((await names('app-2'))?.includes('m-6'));
  });

  test('what is found is of the version that it names, whenever others write', async () => {
    assert.ok((await names('app-3')) !== undefined);
    const [entry] = server.store.list(PREFIX).entries.filter(({ projection }) => projection.labels?.['app'] === 'app-3');
    assert.ok(entry !== undefined);
    const { key, value, projection } = entry;
    for (let ahead = 0; ahead < 30; ahead++) {
      const written = server.store.commit([{ do: 'put', key, value, projection: { ...projection } }]);
      for (let at = 0; at < ahead; at++) await Promise.resolve();
      const found = await find('app', 'app-3');
      const newest = Math.max(...(found?.entries ?? []).map(({ modRevision }) => modRevision));
      assert.ok(newest <= (found?.revision ?? 0), `${newest} in a list of ${found?.revision}, ${ahead} turns after a write began`);
      await written;
    }
  });

  test('what changes while it is begun is not lost and not doubled', async () => {
    using fresh = new SelectionIndexes({ store: server.store, yieldToLoop: turn, leastObjects: 10 });
    const ask = () => fresh.find(PREFIX, [{ by: 'label', name: 'app', value: 'app-3' }]);
    await ask();
    const beginning = ask();
    const made = make(203, 'app-3');
    const gone = server.ask('DELETE', '/api/v1/namespaces/n-1/configmaps/m-3');
    await Promise.all([beginning, made, gone]);
    await turn();
    assert.deepEqual([...((await ask())?.entries ?? [])].map(({ projection }) => projection.name).sort(), scanned('app-3'));
  });

  test('a label that every object has another value of is not worth an index; a small collection neither', async () => {
    for (let at = 0; at < 4; at++) {
      assert.equal(await find('number', '7'), undefined);
      await turn();
    }
    for (let at = 0; at < 3; at++) assert.equal(await indexes.find('/registry/core/secrets/', [{ by: 'label', name: 'app', value: 'app-1' }]), undefined);
  });
});

test('lists say the same with an index as without', async () => {
  const server = startTestServer({ yieldToLoop: turn });
  for (let from = 0; from < 2100; from += 100)
    await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        server.ask('POST', `/api/v1/namespaces/n-${i % 3}/configmaps`, configMap(`m-${from + i}`, {}, { labels: { app: `app-${(from + i) % 50}` } })),
      ),
    );
  const list = async (path: string): Promise<unknown> => {
    const { body } = await server.ask('GET', path);
    const { items, metadata } = body as { readonly items: readonly { readonly metadata: { readonly name: string } }[]; readonly metadata: object };
    return { names: items.map((item) => item.metadata.name), metadata };
  };
  const paths = [
    '/api/v1/configmaps?labelSelector=app=app-7',
    '/api/v1/namespaces/n-1/configmaps?labelSelector=app=app-7,app',
    '/api/v1/configmaps?labelSelector=app=app-7&limit=5',
  ];
  const scanned = await Promise.all(paths.map(list));
  await turn();
  for (let at = 0; at < 3; at++) {
    assert.deepEqual(await Promise.all(paths.map(list)), scanned);
    await turn();
  }
  await server[Symbol.asyncDispose]();
});
