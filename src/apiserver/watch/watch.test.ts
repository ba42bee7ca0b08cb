import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VirtualClock } from '../../base/virtual-clock.ts';
import type { WatchEvent } from '../../machinery/exchange.ts';
import type { JsonObject, KubeObject } from '../../machinery/object.ts';
import { StatusError } from '../../machinery/status-error.ts';
import { configMap, startTestServer, type TestServer } from '../testing.ts';

const MAPS = '/api/v1/namespaces/ns/configmaps';
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const nameOf = ({ object }: WatchEvent): string => object.metadata?.name ?? '';
const told = (events: readonly WatchEvent[]): readonly string[] => events.map((event) => `${event.type} ${nameOf(event)}`);

async function versionOf(server: TestServer, path = MAPS): Promise<string> {
  const { body } = await server.ask('GET', `${path}?limit=1`);
  return String((body.metadata as JsonObject).resourceVersion);
}

test('a watch without a version begins with what is there; from a version it goes on after it', async () => {
  await using server = startTestServer();
  await server.ask('POST', MAPS, configMap('a'));
  const version = await versionOf(server);
  await server.ask('POST', MAPS, configMap('b'));
  const all = await server.watch(MAPS);
  const rest = await server.watch(`${MAPS}?resourceVersion=${version}`);
  await server.ask('DELETE', `${MAPS}/a`);
  await turn();
  assert.deepEqual(told(all.events), ['ADDED a', 'ADDED b', 'DELETED a']);
  assert.deepEqual(told(rest.events), ['ADDED b', 'DELETED a']);
  assert.equal(rest.events[1]?.object.kind, 'ConfigMap');
  assert.equal(rest.events[1]?.object.metadata?.resourceVersion, await versionOf(server));
});

test('an object that stops matching is deleted, as it was when it matched, and added when it matches again', async () => {
  await using server = startTestServer();
  const watch = await server.watch(`${MAPS}?labelSelector=on=yes`);
  await server.ask('POST', MAPS, configMap('a', { k: '1' }, { labels: { on: 'yes' } }));
  await server.ask('PUT', `${MAPS}/a`, configMap('a', { k: '2' }, { labels: { on: 'no' } }));
  await server.ask('PUT', `${MAPS}/a`, configMap('a', { k: '3' }, { labels: { on: 'no' } }));
  const seen = await server.ask('PUT', `${MAPS}/a`, configMap('a', { k: '4' }, { labels: { on: 'yes' } }));
  await turn();
  assert.deepEqual(told(watch.events), ['ADDED a', 'DELETED a', 'ADDED a']);
  assert.deepEqual((watch.events[1]?.object as { readonly data?: unknown }).data, { k: '1' });
  assert.equal(watch.events[2]?.object.metadata?.resourceVersion, (seen.body.metadata as JsonObject).resourceVersion);
});

test('sendInitialEvents tells the state, then marks its end, then goes on', async () => {
  await using server = startTestServer();
  await server.ask('POST', MAPS, configMap('a'));
  const watch = await server.watch(`${MAPS}?sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan`);
  await turn();
  await server.ask('POST', MAPS, configMap('b'));
  await turn();
  assert.deepEqual(
    watch.events.map(({ type }) => type),
    ['ADDED', 'BOOKMARK', 'ADDED'],
  );
  assert.deepEqual(watch.events[1]?.object.metadata?.annotations, { 'k8s.io/initial-events-end': 'true' });
  assert.equal(watch.events[1]?.object.metadata?.resourceVersion, '1');
});

test('the initial state of many objects comes in slices and loses nothing that happens meanwhile', async () => {
  await using server = startTestServer({ yieldToLoop: turn });
  const names = Array.from({ length: 700 }, (_, i) => `m${String(i).padStart(3, '0')}`);
  await Promise.all(names.map((name) => server.ask('POST', MAPS, configMap(name))));
  const watch = await server.watch(MAPS);
  await server.ask('DELETE', `${MAPS}/m500`);
  for (let i = 0; i < 20; i++) await turn();
  assert.deepEqual(told(watch.events), [...names.map((name) => `ADDED ${name}`), 'DELETED m500']);
});

test('bookmarks come once a minute and before the end, only to those who want them, and only when there is news', async () => {
  const clock = new VirtualClock();
  await using server = startTestServer({ clock });
  const version = await versionOf(server);
  const events = (recorded: { readonly events: readonly WatchEvent[] }): readonly unknown[] =>
    recorded.events.map(({ type, object }) => [type, object.metadata?.resourceVersion]);
  const wanted = await server.watch(`${MAPS}?resourceVersion=${version}&allowWatchBookmarks=true&timeoutSeconds=300`);
  const unwanted = await server.watch(`${MAPS}?resourceVersion=${version}`);
  await clock.advance(61_000, turn);
  assert.deepEqual(events(wanted), []);
  await server.ask('POST', '/api/v1/namespaces/other/configmaps', configMap('elsewhere'));
  await clock.advance(61_000, turn);
  assert.deepEqual(events(wanted), [['BOOKMARK', '1']]);
  await clock.advance(200_000, turn);
  assert.deepEqual(wanted.closed, { error: undefined });
  assert.deepEqual(unwanted.events, []);
  assert.equal(server.api.watchCount, 1);
});

test('a version that is too old is answered 410, one that nobody has seen 504', async () => {
  await using server = startTestServer();
  for (let i = 0; i < 5; i++) await server.ask('POST', MAPS, configMap(`m${i}`));
  await server.store.compact(4);
  await assert.rejects(server.watch(`${MAPS}?resourceVersion=1`), (error: unknown) => {
    assert.ok(error instanceof StatusError);
    assert.equal(error.code, 410);
    assert.match(error.message, /^too old resource version: 1 \(4\)$/);
    return true;
  });
  await assert.rejects(server.watch(`${MAPS}?resourceVersion=99`), { code: 504 });
});

test('a list token that is too old comes back with one that goes on', async () => {
  await using server = startTestServer();
  for (let i = 0; i < 6; i++) await server.ask('POST', MAPS, configMap(`m${i}`));
  const { body } = await server.ask('GET', `${MAPS}?limit=2`);
  const token = String((body.metadata as JsonObject).continue);
  await server.ask('POST', MAPS, configMap('m35'));
  await server.store.compact(server.store.revision);
  const refusal = await server.refusal('GET', `${MAPS}?limit=10&continue=${token}`);
  assert.equal(refusal.code, 410);
  assert.equal(refusal.reason, 'Expired');
  const rest = await server.ask('GET', `${MAPS}?limit=10&continue=${refusal.continueToken}`);
  assert.deepEqual(
    (rest.body.items as JsonObject[]).map(({ metadata }) => (metadata as JsonObject).name),
    ['m2', 'm3', 'm35', 'm4', 'm5'],
  );
});

test('watches end when the server does', async () => {
  const server = startTestServer();
  const watch = await server.watch(MAPS);
  await server[Symbol.asyncDispose]();
  await turn();
  assert.deepEqual(watch.closed, { error: undefined });
});

test('informers of one process share one frozen object for each revision', async () => {
  await using server = startTestServer();
  const one = await server.watch(MAPS, { omitManagedFields: true });
  const two = await server.watch(MAPS, { omitManagedFields: true });
  await server.ask('POST', MAPS, configMap('a', { k: 'v' }));
  await turn();
  assert.equal(one.events[0]?.object, two.events[0]?.object);
  assert.ok(Object.isFrozen(one.events[0]?.object) && Object.isFrozen((one.events[0]?.object as { data?: unknown }).data));
  assert.equal(one.events[0]?.object.metadata?.managedFields, undefined);
});

/** What a watcher knows: the state that its events add up to. */
function follow(state: Map<string, KubeObject>, events: readonly WatchEvent[]): void {
  let last = 0;
  for (const event of events) {
    const version = Number(event.object.metadata?.resourceVersion);
    assert.ok(version >= last, 'versions never go back');
    last = version;
    const key = `${event.object.metadata?.namespace}/${nameOf(event)}`;
    if (event.type === 'ADDED') assert.ok(!state.has(key), `${key} is added twice`);
    if (event.type === 'MODIFIED') assert.ok(state.has(key), `${key} is changed without being there`);
    if (event.type === 'DELETED') assert.ok(state.delete(key), `${key} is deleted without being there`);
    else if (event.type !== 'BOOKMARK') state.set(key, event.object);
  }
}

type Step = { readonly name: string; readonly namespace: string; readonly on: string; readonly value: string; readonly verb: 'put' | 'delete' };

const step: fc.Arbitrary<Step> = fc.record({
  name: fc.constantFrom('a', 'b', 'c', 'd'),
  namespace: fc.constantFrom('x', 'y'),
  on: fc.constantFrom('yes', 'no'),
  value: fc.constantFrom('1', '2', '3'),
  verb: fc.constantFrom('put', 'put', 'delete'),
});

async function perform(server: TestServer, { name, namespace, on, value, verb }: Step): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  const body = configMap(name, { value }, { labels: { on } });
  try {
    if (verb === 'delete') await server.ask('DELETE', `${path}/${name}`);
    else await server.ask('PATCH', `${path}/${name}?fieldManager=t`, body, { contentType: 'application/apply-patch+yaml' });
  } catch (thrown) {
    if (!(thrown instanceof StatusError) || thrown.reason !== 'NotFound') throw thrown;
  }
}

const SELECTIONS = [
  '/api/v1/configmaps',
  '/api/v1/namespaces/x/configmaps',
  '/api/v1/configmaps?labelSelector=on=yes',
  '/api/v1/configmaps?fieldSelector=metadata.name=a',
  '/api/v1/namespaces/y/configmaps?labelSelector=on!=yes',
];

test('what a watch tells is the difference of two lists, whatever it selects and wherever it starts', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.array(step, { maxLength: 25 }), fc.boolean(), async (before, after, abreast) => {
      await using server = startTestServer();
      for (const each of before) await perform(server, each);
      const watches = await Promise.all(
        SELECTIONS.map(async (path) => {
          const { body } = await server.ask('GET', path);
          const state = new Map((body.items as readonly KubeObject[]).map((object) => [`${object.metadata?.namespace}/${object.metadata?.name}`, object]));
          const version = String((body.metadata as JsonObject).resourceVersion);
          return { path, state, watch: await server.watch(`${path}${path.includes('?') ? '&' : '?'}resourceVersion=${version}`, {}) };
        }),
      );
      // Version 0 means "begin with the state": an empty store has no other version.
      if (abreast) await Promise.all(after.map((each) => perform(server, each)));
      else for (const each of after) await perform(server, each);
      await turn();
      for (const { path, state, watch } of watches) {
        follow(state, watch.events);
        const { body } = await server.ask('GET', path);
        const now = new Map((body.items as readonly KubeObject[]).map((object) => [`${object.metadata?.namespace}/${object.metadata?.name}`, object]));
        assert.deepEqual([...state].sort(byKey), [...now].sort(byKey), path);
      }
    }),
    { numRuns: 60 },
  );
});

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);

test('a receiver in this process that throws is told the end of its watch; the others go on', async () => {
  await using server = startTestServer();
  const closed: (StatusError | undefined)[] = [];
  const query = [['watch', 'true']] as const;
  await server.api.handler.watch(
    { method: 'GET', path: MAPS, query, user: { name: 'a', groups: [] } },
    {
      events: () => {
        throw new RangeError('wrong');
      },
      closed: (error) => closed.push(error),
    },
  );
  const other = await server.watch(MAPS);
  await server.ask('POST', MAPS, configMap('a'));
  await server.ask('POST', MAPS, configMap('b'));
  await turn();
  assert.deepEqual(told(other.events), ['ADDED a', 'ADDED b']);
  assert.deepEqual(
    closed.map((error) => error?.reason),
    ['InternalError'],
  );
  assert.equal(server.api.watchCount, 1);
});
