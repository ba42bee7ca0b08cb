/** Watches and list tokens from versions whose values are on the disk alone: clients see no difference. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { builtinKinds } from '../src/api/registry.ts';
import { createProjector } from '../src/apiserver/codec/projection.ts';
import { createRegistry } from '../src/apiserver/server.ts';
import { configMap, type Recorded, startTestServer, type TestServer } from '../src/apiserver/testing.ts';
import { silentLog } from '../src/base/log.ts';
import { VirtualClock } from '../src/base/virtual-clock.ts';
import type { JsonObject } from '../src/machinery/object.ts';
import { defaultStoreSettings } from '../src/store/settings.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';

const MAPS = '/api/v1/namespaces/ns/configmaps';
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function start(): Promise<TestServer & AsyncDisposable> {
  const directory = await mkdtemp(join(tmpdir(), 'berth-past-'));
  const clock = new VirtualClock();
  const project = createProjector(createRegistry(builtinKinds()));
  const settings = { ...defaultStoreSettings, watchWindowBytes: 0 };
  const store = await openSqliteStore({ directory, clock, project, settings, log: silentLog, ballastBytes: 0 });
  const server = startTestServer({ clock, store, yieldToLoop: turn });
  return {
    ...server,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    },
  };
}

interface Listed {
  readonly items: readonly string[];
  readonly version: string;
  readonly token: string;
}

async function list(server: TestServer, query: string): Promise<Listed> {
  const { body } = await server.ask('GET', `${MAPS}?${query}`);
  const { metadata, items } = body as unknown as {
    readonly metadata: JsonObject;
    readonly items: readonly { readonly metadata: JsonObject; data: JsonObject }[];
  };
  return {
    items: items.map(({ metadata: { name, resourceVersion }, data }) => `${String(name)} ${String(data['k']).slice(0, 10)} @${String(resourceVersion)}`),
    version: String(metadata.resourceVersion),
    token: String(metadata['continue'] ?? ''),
  };
}

async function told(watch: Recorded, count: number): Promise<readonly string[]> {
  while (watch.events.length < count && watch.closed === undefined) await turn();
  return watch.events.map(({ type, object }) => `${type} ${object.metadata?.name} ${JSON.stringify((object as { readonly data?: unknown }).data)}`);
}

const map = (i: number, value: string): JsonObject => configMap(`m${i}`, { k: value }, { labels: { half: i % 2 === 0 ? 'even' : 'odd' } });

test('pages go on, whole or selected, and an exact version is read, while everything changes', async () => {
  await using server = await start();
  for (let i = 0; i < 10; i++) await server.ask('POST', MAPS, map(i, 'old'));
  const queries = ['', 'labelSelector=half%3Dodd&'];
  const wanted = await Promise.all(queries.map((query) => list(server, query)));
  const first = await Promise.all(queries.map((query) => list(server, `${query}limit=2`)));
  for (let i = 0; i < 10; i++) await server.ask('PUT', `${MAPS}/m${i}`, configMap(`m${i}`, { k: 'new' }, { labels: { half: i % 3 === 0 ? 'even' : 'odd' } }));
  for (let i = 0; i < 10; i += 4) await server.ask('DELETE', `${MAPS}/m${i}`);
  for (const [at, query] of queries.entries()) {
    let page = first[at] as Listed;
    const found = [...page.items];
    while (page.token !== '') {
      page = await list(server, `${query}limit=2&continue=${encodeURIComponent(page.token)}`);
      found.push(...page.items);
      assert.equal(page.version, first[at]?.version);
      await server.ask('POST', MAPS, configMap(`another-${at}-${found.length}`));
    }
    assert.deepEqual(found, wanted[at]?.items);
    assert.deepEqual(await list(server, `${query}resourceVersionMatch=Exact&resourceVersion=${wanted[at]?.version}`), wanted[at]);
  }
});

test('a watch goes on from the version, with what no longer matches as it was when it matched', async () => {
  await using server = await start();
  await server.ask('POST', MAPS, map(1, 'old'));
  const { version } = await list(server, '');
  await server.ask('PUT', `${MAPS}/m1`, map(1, 'new'));
  await server.ask('PUT', `${MAPS}/m1`, configMap('m1', { k: 'other' }, { labels: { half: 'none' } }));
  await server.ask('POST', MAPS, map(3, 'another'));
  await server.ask('DELETE', `${MAPS}/m3`);
  const all = await server.watch(`${MAPS}?resourceVersion=${version}`);
  const odd = await server.watch(`${MAPS}?resourceVersion=${version}&labelSelector=half%3Dodd`);
  assert.deepEqual(await told(all, 4), ['MODIFIED m1 {"k":"new"}', 'MODIFIED m1 {"k":"other"}', 'ADDED m3 {"k":"another"}', 'DELETED m3 {"k":"another"}']);
  assert.deepEqual(await told(odd, 4), ['MODIFIED m1 {"k":"new"}', 'DELETED m1 {"k":"new"}', 'ADDED m3 {"k":"another"}', 'DELETED m3 {"k":"another"}']);
  await server.store.compact(server.store.revision);
  const refused = await server.watch(`${MAPS}?resourceVersion=${version}`).catch((thrown: unknown) => thrown);
  await turn();
  assert.equal((refused as Recorded).closed?.error?.code ?? (refused as { readonly code?: number }).code, 410);
});

test('a list without pages that would bring very much back from the disk is refused with 410; with pages it is read', async () => {
  await using server = await start();
  for (let i = 0; i < 20; i++) await server.ask('POST', MAPS, map(i, `${i} ${'x'.repeat(900_000)}`));
  const { version } = await list(server, 'limit=1');
  for (let i = 0; i < 20; i++) await server.ask('PUT', `${MAPS}/m${i}`, map(i, 'new'));
  const exact = `resourceVersionMatch=Exact&resourceVersion=${version}`;
  assert.equal((await server.refusal('GET', `${MAPS}?${exact}`)).code, 410);
  assert.equal((await server.refusal('GET', `${MAPS}?labelSelector=half&${exact}`)).code, 410);
  assert.equal((await list(server, `labelSelector=half%3Dodd&${exact}`)).items.length, 10);
  for (const query of ['', 'labelSelector=half&']) {
    let page = await list(server, `${query}limit=500&${exact}`);
    const found = [...page.items];
    assert.equal(page.token !== '', query === '', 'the page is cut');
    while (page.token !== '') {
      page = await list(server, `${query}limit=500&continue=${encodeURIComponent(page.token)}`);
      found.push(...page.items);
    }
    assert.equal(found.length, 20);
  }
});
