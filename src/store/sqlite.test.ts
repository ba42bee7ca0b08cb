import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, it } from 'node:test';
import { silentLog } from '../base/log.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { defaultStoreSettings } from './settings.ts';
import { FORMAT, MarksFile } from './sqlite-marks.ts';
import { RESERVE } from './sqlite-wire.ts';
import { openSqliteStore } from './sqlite.ts';
import type { Operation, Store, StoreError, StoreErrorCode, StoreSettings } from './store.ts';

const root = mkdtempSync(join(tmpdir(), 'berth-sqlite-'));
after(() => rmSync(root, { recursive: true }));
let made = 0;
const fresh = (): string => join(root, String(++made));

const clock = new VirtualClock();
const open = (directory: string, settings: Partial<StoreSettings> = {}): Promise<Store<number>> =>
  openSqliteStore<number>({
    directory,
    clock,
    settings: { ...defaultStoreSettings, ...settings },
    project: (_, value) => value.byteLength,
    log: silentLog,
    ballastBytes: 0,
  });
const put = (key: string, bytes = 3, expiresAtMs?: number): Operation<number> => ({
  do: 'put',
  key,
  value: new Uint8Array(bytes).fill(7),
  projection: bytes,
  expiresAtMs,
});
const refusedWith = (code: StoreErrorCode, message: RegExp) => (thrown: StoreError) => thrown.code === code && message.test(thrown.message);

async function toldAfter(store: Store<number>, after: number): Promise<readonly number[]> {
  const told: number[] = [];
  const watch = store.watch('/', { after }, { events: (batch) => told.push(...batch.map(({ revision }) => revision)), ended: () => {} });
  await new Promise((resolve) => setImmediate(resolve));
  watch.close();
  return told;
}

/** The directory as a kill would leave it: a copy while the store has it open. */
function killed(directory: string): string {
  const copy = fresh();
  cpSync(directory, copy, { recursive: true });
  return copy;
}

describe('sqlite: after a clean stop', () => {
  it('everything is as before: entries, versions, history, tombstones, times to live', async () => {
    const directory = fresh();
    const settings = { tombstoneMs: () => 1e6 };
    let store = await open(directory, settings);
    await store.commit([put('/a', 1), put('/b', 2)]);
    await store.commit([put('/a', 3)]);
    await store.commit([put('/brief', 4, clock.now() + 5000)]);
    await store.commit([{ do: 'delete', key: '/b' }]);
    await store[Symbol.asyncDispose]();

    store = await open(directory, settings);
    assert.deepEqual([store.revision, store.compactedRevision], [4, 0]);
    assert.deepEqual(
      store.list('/').entries.map(({ key, createRevision, modRevision, projection }) => [key, createRevision, modRevision, projection]),
      [
        ['/a', 1, 2, 3],
        ['/brief', 3, 3, 4],
      ],
    );
    assert.deepEqual(
      (await store.listAt('/', 1)).entries.map(({ key, projection }) => [key, projection]),
      [
        ['/a', 1],
        ['/b', 2],
      ],
    );
    assert.deepEqual(
      store.tombstones('/').map(({ entry }) => [entry.key, entry.projection, entry.modRevision]),
      [['/b', 2, 4]],
    );
    const told = Promise.withResolvers<string>();
    store.watch('/', {}, { events: ([event]) => told.resolve(`${event?.type} ${event?.key} ${event?.revision}`), ended: () => {} });
    await clock.advance(5000, async () => {});
    assert.equal(await told.promise, 'delete /brief 5');
    await store[Symbol.asyncDispose]();
  });

  it('compacted stays compacted, and the file shrinks', async () => {
    const directory = fresh();
    let store = await open(directory);
    const keys = Array.from({ length: 4000 }, (_, i) => `/${i}`);
    await Promise.all(keys.map((key) => store.commit([put(key, 8000)])));
    await Promise.all(keys.slice(1).map((key) => store.commit([{ do: 'delete', key }])));
    await store.compact(store.revision);
    const { revision } = store;
    await store[Symbol.asyncDispose]();
    assert.ok(readFileSync(join(directory, 'state.db')).length < 16e6);
    store = await open(directory);
    assert.deepEqual([store.revision, store.compactedRevision, store.count('/')], [revision, revision, 1]);
    await store[Symbol.asyncDispose]();
  });

  it('a database that has less than was promised is an alarm, not a start', async () => {
    const directory = fresh();
    const store = await open(directory);
    await store.commit([put('/a')]);
    await store[Symbol.asyncDispose]();
    const database = new DatabaseSync(join(directory, 'state.db'));
    database.exec('DELETE FROM log');
    database.close();
    await assert.rejects(open(directory), refusedWith('damaged', /row 1 was on disk/));
    rmSync(join(directory, 'state.db'));
    await assert.rejects(open(directory), refusedWith('damaged', /is gone/));
  });
});

describe('sqlite: after an unclean end', () => {
  it('revisions go on above all that may have been shown; from what was lost nobody goes on, from what is on disk everybody', async () => {
    const directory = fresh();
    const store = await open(directory);
    await store.commit([put('/a', 1)]);
    await store.commit([put('/a', 2)]);
    await store.commit([put('/a', 3)], [], { lazy: true });
    const copy = killed(directory);
    await store[Symbol.asyncDispose]();

    const after = await open(copy);
    assert.equal(after.get('/a')?.projection, 2, 'the lazy update was shown, and is lost');
    assert.deepEqual([after.revision, after.compactedRevision], [RESERVE, 0]);
    assert.deepEqual(await after.commit([put('/a', 4)], [{ key: '/a', modRevision: 2 }]), { revision: RESERVE + 1 });
    for (const [revision, told] of [
      [1, [2, RESERVE + 1]],
      [2, [RESERVE + 1]],
      [RESERVE, [RESERVE + 1]],
    ] as const)
      assert.deepEqual(await toldAfter(after, revision), told, `after ${revision}`);
    for (const revision of [3, RESERVE - 1]) {
      assert.equal(after.wholeFrom(revision), RESERVE);
      await assert.rejects(toldAfter(after, revision), refusedWith('compacted', /the oldest is 100000/));
      await assert.rejects(after.listAt('/', revision), refusedWith('compacted', /the oldest is 100000/));
    }
    assert.deepEqual(
      (await after.listAt('/', 2)).entries.map(({ projection }) => projection),
      [2],
    );
    await after[Symbol.asyncDispose]();
  });

  it('what each unclean end took away stays away, over more of them and over clean ones; the versions between stay whole', async () => {
    let directory = fresh();
    const crash = async (store: Store<number>): Promise<Store<number>> => {
      directory = killed(directory);
      await store[Symbol.asyncDispose]();
      return open(directory);
    };
    let store = await open(directory);
    await store.commit([put('/a', 1)]);
    store = await crash(store);
    // Nothing was written in this life: its first version is whole all the same.
    store = await crash(store);
    await store.commit([put('/a', 2)]);
    await store[Symbol.asyncDispose]();
    store = await open(directory);
    store = await crash(store);
    assert.equal(store.revision, 3 * RESERVE + 1);
    const whole = [1, RESERVE, 2 * RESERVE, 2 * RESERVE + 1, 3 * RESERVE + 1];
    for (const revision of whole) {
      assert.equal(store.wholeFrom(revision), revision);
      assert.deepEqual(await toldAfter(store, revision), revision <= 2 * RESERVE ? [2 * RESERVE + 1] : []);
    }
    for (const [lost, from] of [
      [2, RESERVE],
      [RESERVE + 1, 2 * RESERVE],
      [2 * RESERVE + 2, 3 * RESERVE + 1],
    ] as const)
      await assert.rejects(toldAfter(store, lost), refusedWith('compacted', new RegExp(`the oldest is ${from}`)));
    await store.compact(2 * RESERVE + 1);
    assert.equal(store.wholeFrom(1), 2 * RESERVE + 1);
    await store[Symbol.asyncDispose]();
  });

  it('of very many unclean ends the oldest become the floor, so that the marks have room', async () => {
    let directory = fresh();
    const first = await open(directory);
    await first.commit([put('/a')]);
    await first[Symbol.asyncDispose]();
    for (let end = 1; end <= 60; end++) {
      const store = await open(directory);
      assert.equal(store.wholeFrom(store.revision), store.revision);
      const copy = killed(directory);
      await store[Symbol.asyncDispose]();
      directory = copy;
    }
    const store = await open(directory);
    assert.equal(store.revision, 60 * RESERVE + 1);
    assert.deepEqual([store.compactedRevision, store.wholeFrom(10 * RESERVE + 2)], [10 * RESERVE + 1, 11 * RESERVE + 1]);
    await store[Symbol.asyncDispose]();
  });

  it('marks that format 1 wrote are read: then nobody goes on from a version before its last unclean end', async () => {
    const directory = fresh();
    const store = await open(directory);
    await store.commit([put('/a')]);
    const copy = killed(directory);
    await store[Symbol.asyncDispose]();
    const marks = MarksFile.open(join(copy, 'marks'));
    marks.write({ format: 1, reserved: 9 * RESERVE, durableRowId: 0, floor: 8 * RESERVE });
    marks[Symbol.dispose]();
    const after = await open(copy);
    assert.deepEqual([after.revision, after.compactedRevision, after.wholeFrom(8 * RESERVE + 1)], [9 * RESERVE, 8 * RESERVE, 9 * RESERVE]);
    await after[Symbol.asyncDispose]();
  });

  it('a WAL with a flipped bit loses its tail without a word: its revisions are still not given again', async () => {
    const directory = fresh();
    const store = await open(directory);
    for (let i = 1; i <= 20; i++) await store.commit([put('/a', i)]);
    const copy = killed(directory);
    await store[Symbol.asyncDispose]();
    const wal = join(copy, 'state.db-wal');
    const bytes = readFileSync(wal);
    bytes[bytes.length - 4120 * 5] = (bytes[bytes.length - 4120 * 5] as number) ^ 1;
    writeFileSync(wal, bytes);
    const after = await open(copy);
    assert.ok((after.get('/a')?.projection ?? 0) < 20);
    assert.equal(after.revision, RESERVE);
    await after[Symbol.asyncDispose]();
  });
});

describe('sqlite: what is not opened', () => {
  it('a directory that is in use', async () => {
    const directory = fresh();
    const store = await open(directory);
    await assert.rejects(open(directory), refusedWith('locked', new RegExp(`in use by process ${process.pid}`)));
    await store[Symbol.asyncDispose]();
    await (await open(directory))[Symbol.asyncDispose]();
  });

  it('a newer format', async () => {
    const directory = fresh();
    await (await open(directory))[Symbol.asyncDispose]();
    const marks = MarksFile.open(join(directory, 'marks'));
    marks.write({ format: FORMAT + 1, reserved: 0, durableRowId: 0, floor: 0 });
    marks[Symbol.dispose]();
    await assert.rejects(open(directory), refusedWith('newer-format', /format 3; this version reads formats up to 2/));
  });

  it('marks that are gone, a file that is no database', async () => {
    const directory = fresh();
    await (await open(directory))[Symbol.asyncDispose]();
    const copy = killed(directory);
    truncateSync(join(directory, 'marks'), 0);
    await assert.rejects(open(directory), refusedWith('damaged', /marks file is missing or broken/));
    writeFileSync(join(copy, 'state.db'), 'not a database at all, but some text that is long enough to be looked at by SQLite as a header of a hundred bytes');
    await assert.rejects(open(copy), refusedWith('damaged', /is damaged: file is not a database/));
  });

  it('an entry that can not be understood', async () => {
    const directory = fresh();
    const store = await open(directory);
    await store.commit([put('/a')]);
    await store[Symbol.asyncDispose]();
    const project = (): number => {
      throw new Error('no such kind');
    };
    const opening = openSqliteStore<number>({ directory, clock, settings: defaultStoreSettings, project, log: silentLog, ballastBytes: 0 });
    await assert.rejects(opening, refusedWith('damaged', /an entry could not be read/));
    await (await open(directory))[Symbol.asyncDispose]();
  });

  it('a torn write of the marks leaves the other slot', () => {
    const path = join(fresh());
    const marks = MarksFile.open(path);
    marks.write({ format: FORMAT, reserved: 1, durableRowId: 0, floor: 0 });
    marks.write({ format: FORMAT, reserved: 2, durableRowId: 0, floor: 0 });
    marks[Symbol.dispose]();
    const bytes = readFileSync(path);
    bytes.fill(0xff, 10, 40);
    writeFileSync(path, bytes);
    const again = MarksFile.open(path);
    assert.equal(again.marks?.reserved, 1);
    again[Symbol.dispose]();
  });
});
