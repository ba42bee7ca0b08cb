import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { VirtualClock } from '../base/virtual-clock.ts';
import type { Journal, Row } from './journal.ts';
import { MvccStore } from './mvcc.ts';
import { defaultStoreSettings } from './settings.ts';
import type { Operation, StoreError } from './store.ts';

const put = (key: string): Operation<null> => ({ do: 'put', key, value: new Uint8Array(1), projection: null });
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A journal whose disk can be slow or full. */
class FaultyJournal implements Journal {
  reservedRevision = 1000;
  readonly lazyMs = 30_000;
  fault: string | undefined;
  readonly batches: string[][] = [];
  readonly removed: number[] = [];
  closedAt: number | undefined | 'not yet' = 'not yet';

  async append(rows: readonly Row[]): Promise<void> {
    if (this.fault !== undefined) throw new Error(this.fault);
    this.batches.push(rows.map(({ key, revision }) => `${key}@${revision}`));
  }
  async remove(ids: readonly number[]): Promise<void> {
    if (this.fault !== undefined) throw new Error(this.fault);
    this.removed.push(...ids);
  }
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
