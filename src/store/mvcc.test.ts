import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { VirtualClock } from '../base/virtual-clock.ts';
import type { Journal, ReadRows, Row } from './journal.ts';
import { MvccStore } from './mvcc.ts';
import { defaultStoreSettings } from './settings.ts';
import type { Operation, StoreError, StoreSink } from './store.ts';

const put = (key: string): Operation<null> => ({ do: 'put', key, value: new Uint8Array(1), projection: null });
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A journal whose disk can be slow or full. */
class FaultyJournal implements Journal {
  reservedRevision = 1000;
  readonly lazyMs = 30_000;
  fault: string | undefined;
  readonly batches: string[][] = [];
  readonly rows = new Map<number, Row>();
  /** Reads wait for it. */
  readable: Promise<void> = Promise.resolve();
  readonly removed: number[] = [];
  closedAt: number | undefined | 'not yet' = 'not yet';

  async append(rows: readonly Row[]): Promise<void> {
    if (this.fault !== undefined) throw new Error(this.fault);
    for (const row of rows) this.rows.set(row.id, row);
    this.batches.push(rows.map(({ key, revision }) => `${key}@${revision}`));
  }
  async remove(ids: readonly number[]): Promise<void> {
    if (this.fault !== undefined) throw new Error(this.fault);
    for (const id of ids) this.rows.delete(id);
    this.removed.push(...ids);
  }
  readonly read: ReadRows<null> = async (ids) => {
    await this.readable;
    if (this.fault !== undefined) throw new Error(this.fault);
    return ids.flatMap((id) => this.rows.get(id) ?? []).map((row) => ({ row, projection: null }));
  };
  async probe(): Promise<void> {
    if (this.fault !== undefined) throw new Error(this.fault);
  }
  async close(revision: number | undefined): Promise<void> {
    this.closedAt = revision;
  }
}

async function start() {
  const journal = new FaultyJournal();
  const clock = new VirtualClock();
  const store = new MvccStore<null>({ journal, clock, settings: { ...defaultStoreSettings, watchWindowMs: 1000 } });
  await store.commit([put('/a')]);
  return { journal, clock, store };
}

const unavailable = (thrown: StoreError): boolean => thrown.code === 'unavailable' && /disk is full/.test(thrown.message);

describe('store: when the disk fails', () => {
  it('the batch and all that was ordered after it are refused, nothing of them is left, and no revision is given twice', async () => {
    const { journal, clock, store } = await start();
    const told: number[] = [];
    store.watch('', {}, { events: (_, revision) => told.push(revision), ended: () => {} });
    journal.fault = 'disk is full';
    const first = store.commit([put('/b')]);
    const second = store.commit([put('/b')], [{ key: '/b', modRevision: 2 }]);
    await assert.rejects(first, unavailable);
    await assert.rejects(second, unavailable);
    assert.equal(store.settled('/b'), undefined);
    assert.deepEqual([store.get('/b'), store.revision, told], [undefined, 1, []]);
    assert.deepEqual(store.health, { state: 'read-only', cause: 'disk is full' });
    await assert.rejects(store.commit([put('/c')]), unavailable);

    const healths: string[] = [];
    store.onHealth(({ state }) => healths.push(state));
    await clock.advance(5000, settle);
    assert.equal(store.health.state, 'read-only');
    journal.fault = undefined;
    await clock.advance(1000, settle);
    assert.deepEqual([store.health.state, healths], ['ok', ['ok']]);
    assert.deepEqual(await store.commit([put('/b')], [{ key: '/b', modRevision: 0 }]), { revision: 4 });
    assert.deepEqual(told, [4]);
    await store[Symbol.asyncDispose]();
    assert.equal(journal.closedAt, 4);
  });

  it('heartbeats go on while writes are refused, and reach the disk when it takes them again', async () => {
    const { journal, clock, store } = await start();
    journal.fault = 'disk is full';
    await assert.rejects(store.commit([put('/b')]), unavailable);
    await store.commit([put('/a')], [], { lazy: true });
    assert.equal(store.get('/a')?.modRevision, 3);
    journal.fault = undefined;
    await clock.advance(1000, settle);
    assert.deepEqual(journal.batches, [['/a@1'], ['/a@3']]);
    await store[Symbol.asyncDispose]();
  });

  it('a stop that could not write what was shown is not a clean one', async () => {
    const { journal, store } = await start();
    await store.commit([put('/a')], [], { lazy: true });
    journal.fault = 'disk is full';
    await store[Symbol.asyncDispose]();
    assert.equal(journal.closedAt, undefined);
  });
});

describe('store: lazy updates', () => {
  it("wait for company, at most for the journal's time", async () => {
    const { journal, clock, store } = await start();
    await store.commit([put('/a')], [], { lazy: true });
    await store.commit([put('/a')], [], { lazy: true });
    assert.equal(journal.batches.length, 1);
    await store.commit([put('/b')]);
    assert.deepEqual(journal.batches[1], ['/a@2', '/a@3', '/b@4']);
    await store.commit([put('/a')], [], { lazy: true });
    await clock.advance(30_000, settle);
    assert.deepEqual(journal.batches[2], ['/a@5']);
    await store[Symbol.asyncDispose]();
  });

  it('are not lazy when their revision is not reserved, or when they create', async () => {
    const { journal, store } = await start();
    journal.reservedRevision = 1;
    await store.commit([put('/a')], [], { lazy: true });
    journal.reservedRevision = 1000;
    await store.commit([put('/new')], [], { lazy: true });
    assert.deepEqual(journal.batches, [['/a@1'], ['/a@2'], ['/new@3']]);
    await store[Symbol.asyncDispose]();
  });
});

describe('store: forgetting', () => {
  it('rows go when no version in the window needs them, the newest row stays, a failed removal is repeated', async () => {
    const { journal, clock, store } = await start();
    await store.commit([put('/b')]);
    await store.commit([put('/a')]);
    await store.commit([{ do: 'delete', key: '/b' }]);
    journal.fault = 'disk is full';
    await clock.advance(1500, settle);
    assert.deepEqual(journal.removed, []);
    journal.fault = undefined;
    await store.compact(store.revision);
    assert.deepEqual(journal.removed, [1, 2]);
    await store.commit([put('/c')]);
    await store.compact(store.revision);
    assert.deepEqual(journal.removed, [1, 2, 4]);
    await clock.advance(1000, settle);
    assert.equal(clock.nextInMs(), undefined, 'a quiet store sets no timer');
    await store[Symbol.asyncDispose]();
  });
});

describe('store: values that are on the disk alone', () => {
  /** Three values of one key, the first two of which are in no memory. */
  async function startWithout() {
    const journal = new FaultyJournal();
    const clock = new VirtualClock();
    const settings = { ...defaultStoreSettings, watchWindowMs: 1000, watchWindowBytes: 0 };
    const store = new MvccStore<null>({ journal, clock, settings, readRows: journal.read });
    for (let i = 0; i < 3; i++) await store.commit([put('/a')]);
    const told: (number | string)[] = [];
    const sink: StoreSink<null> = { events: (batch) => told.push(...batch.map(({ revision }) => revision)), ended: ({ code }) => told.push(code) };
    return { journal, clock, store, told, sink };
  }

  it('a disk that can not be read ends the watch, and refuses the list, with its cause; the next ones are answered', async () => {
    const { journal, store, told, sink } = await startWithout();
    journal.fault = 'the disk is broken';
    let cause = '';
    store.watch('/', { after: 0 }, { ...sink, ended: ({ code, message }) => (cause = `${code}: ${message}`) });
    await assert.rejects(store.listAt('/', 1), (thrown: StoreError) => thrown.code === 'unavailable' && /the disk is broken/.test(thrown.message));
    assert.deepEqual([told, cause], [[], 'unavailable: the store could not read: the disk is broken']);
    journal.fault = undefined;
    store.watch('/', { after: 0 }, sink);
    assert.equal((await store.listAt('/', 1)).entries[0]?.modRevision, 1);
    assert.deepEqual(told, [1, 2, 3]);
    await store[Symbol.asyncDispose]();
  });

  it('what is removed before it was read is compacted; nothing of a stretch is told without the rest', async () => {
    const { journal, store, told, sink } = await startWithout();
    const readable = Promise.withResolvers<void>();
    journal.readable = readable.promise;
    store.watch('/', { after: 0 }, sink);
    const listing = assert.rejects(store.listAt('/', 1), (thrown: StoreError) => thrown.code === 'compacted');
    await settle();
    await store.compact(3);
    readable.resolve();
    await listing;
    assert.deepEqual([told, journal.removed], [['compacted'], [1, 2]]);
    await store[Symbol.asyncDispose]();
  });

  it('a watch that is closed, and a store that is closed, while it is read', async () => {
    const { journal, store, told, sink } = await startWithout();
    const readable = Promise.withResolvers<void>();
    journal.readable = readable.promise;
    const watch = store.watch('/', { after: 0 }, { ...sink, events: () => told.push('told after its close') });
    store.watch('/', { after: 0 }, sink);
    await settle();
    watch.close();
    await store[Symbol.asyncDispose]();
    readable.resolve();
    await settle();
    assert.deepEqual(told, ['closed']);
  });

  it('heartbeats stay in memory until they are on the disk', async () => {
    const { journal, clock, store, told, sink } = await startWithout();
    await store.commit([put('/a')], [], { lazy: true });
    await store.commit([put('/a')], [], { lazy: true });
    store.watch('/', { after: 2 }, sink);
    await settle();
    assert.deepEqual([told, journal.batches.length], [[3, 4, 5], 3]);
    journal.rows.clear();
    store.watch('/', { after: 3 }, sink);
    await settle();
    assert.deepEqual(told, [3, 4, 5, 4, 5]);
    // Forgotten by time alone, in which they would have been written long ago.
    await clock.advance(2000, settle);
    assert.equal(store.compactedRevision, 5);
    await store[Symbol.asyncDispose]();
  });
});
