import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Query } from '../handlers/query.ts';
import { builtinKinds } from '../../api/registry.ts';
import { createRegistry } from '../server.ts';
import type { AuthorizeAttributes } from '../stages.ts';
import { configMap, startTestServer, type TestServer } from '../testing.ts';
import { Level, type LevelSettings, type Place } from './level.ts';
import { levelSettings } from './share.ts';
import { defaultPriorityLevels } from './defaults.ts';
import { listSeats, seatsOf } from './width.ts';

test('a list takes a seat for each 100 kB, one to ten', () => {
  for (const [count, averageBytes, limit, single, seats] of [
    [0, 0, 0, false, 1],
    [10, 500, 0, false, 1],
    [1000, 500, 0, false, 5],
    [1000, 501, 0, false, 6],
    [1000, 500, 200, false, 1],
    [1000, 500, 5000, false, 5],
    [100_000, 500, 0, false, 10],
    [100_000, 500, 0, true, 1],
    [3, 1_000_000, 0, true, 10],
  ] as const)
    assert.equal(listSeats({ count, averageBytes }, limit, single), seats, `${count} of ${averageBytes} bytes, limit ${limit}`);
});

describe('what a request is worth', () => {
  let server: TestServer;
  const registry = createRegistry(builtinKinds());

  before(async () => {
    server = startTestServer();
    const value = 'x'.repeat(9800);
    for (let at = 0; at < 60; at++) await server.ask('POST', `/api/v1/namespaces/n-${at % 2}/configmaps`, configMap(`m-${at}`, { value }));
  });
  after(() => server[Symbol.asyncDispose]());

  const rows: readonly (readonly [
    verb: string,
    resource: string,
    more: Partial<AuthorizeAttributes>,
    query: Readonly<Record<string, string>>,
    seats: number,
  ])[] = [
    ['list', 'configmaps', {}, {}, 7],
    ['list', 'configmaps', { namespace: 'n-1' }, {}, 7],
    ['list', 'configmaps', {}, { limit: '20' }, 3],
    ['list', 'configmaps', {}, { limit: 'many' }, 7],
    ['list', 'configmaps', { fieldSelector: 'metadata.name=m-1' }, {}, 1],
    ['list', 'configmaps', { fieldSelector: 'metadata.name!=m-1' }, {}, 7],
    ['list', 'secrets', {}, {}, 1],
    ['list', 'unknown', {}, {}, 1],
    ['get', 'configmaps', {}, {}, 1],
    ['watch', 'configmaps', {}, {}, 1],
    ['watch', 'configmaps', {}, { sendInitialEvents: 'true' }, 7],
  ];
  for (const [verb, resource, more, query, seats] of rows)
    test(`${verb} ${resource} ${JSON.stringify({ ...more, ...query })}: ${seats}`, () => {
      const user = { name: 'jane', groups: [] };
      const attributes = { user, verb, resourceRequest: true, group: '', version: 'v1', resource, subresource: '', namespace: '', name: '', path: '', ...more };
      assert.equal(seatsOf({ store: server.store, registry }, attributes, new Query(Object.entries(query))), seats);
    });
});

describe('seats of a level', () => {
  const settings: LevelSettings = {
    exempt: false,
    nominalSeats: 10,
    lendableSeats: 0,
    borrowableSeats: 4,
    queuing: { queues: 1, handSize: 1, queueLengthLimit: 10 },
    seatsOfOne: 6,
  };
  const place = (seats: number) => {
    const seen: unknown[] = [];
    const each: Place = { flow: 'f', seats, queue: undefined, decided: (rejection) => seen.push(rejection) };
    return { each, seen };
  };
  const none = (): boolean => false;

  test('a wide request takes its width, at most what one may have, and gives it back', () => {
    const level = new Level('l', settings);
    const { each } = place(9);
    assert.ok(level.take(each, none));
    assert.deepEqual([level.seated, level.executing], [6, 1]);
    assert.ok(!level.take(place(5).each, none));
    assert.ok(level.take(place(4).each, none));
    assert.deepEqual([level.seated, level.executing], [10, 2]);
    level.change({ ...settings, seatsOfOne: 1 });
    level.leave(each, 5);
    assert.deepEqual([level.seated, level.executing], [4, 1]);
  });

  test('borrows what is missing, not more than it may', () => {
    const asked: number[] = [];
    const free = (seats: number): boolean => asked.push(seats) > 0;
    const level = new Level('l', settings);
    level.take(place(6).each, none);
    assert.ok(level.take(place(6).each, free));
    assert.ok(!level.take(place(3).each, free));
    assert.ok(level.take(place(2).each, free));
    assert.deepEqual(asked, [2, 2]);
  });

  test('a wide request at the head is waited for', () => {
    const level = new Level('l', settings);
    const [one, two] = [place(6), place(3)];
    level.take(one.each, none);
    level.take(two.each, none);
    const wide = place(6);
    const narrow = place(1);
    assert.equal(level.wait(wide.each), undefined);
    assert.equal(level.wait(narrow.each), undefined);
    level.leave(two.each, 1);
    level.seatNext(none);
    assert.deepEqual([wide.seen.length, narrow.seen.length], [0, 0]);
    level.leave(one.each, 1);
    level.seatNext(none);
    assert.deepEqual([wide.seen, narrow.seen, level.seated], [[undefined], [undefined], 7]);
  });

  test('where nobody sits there is room for whoever comes', () => {
    assert.ok(new Level('l', { ...settings, nominalSeats: 1, borrowableSeats: 0 }).take(place(6).each, none));
  });
});

test("one request's most, with upstream's 600 seats", () => {
  const all = levelSettings(defaultPriorityLevels, 600);
  assert.deepEqual(
    ['workload-low', 'global-default', 'node-high', 'leader-election', 'catch-all'].map((name) => all.get(name)?.seatsOfOne),
    [37, 8, 15, 4, Number.POSITIVE_INFINITY],
  );
});
