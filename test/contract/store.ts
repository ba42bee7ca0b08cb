import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { VirtualClock } from '../../src/base/virtual-clock.ts';
import { defaultStoreSettings } from '../../src/store/settings.ts';
import { type Operation, type Store, StoreError, type StoreErrorCode, type StoreEvent, type StoreSettings } from '../../src/store/store.ts';

/** In these suites a value is a text, and its projection is the text again. */
export type TextStore = Store<string>;

export interface StoreBackend {
  readonly name: string;
  /** Whether values that memory has no room for can be had from the disk. */
  readonly hasDisk: boolean;
  /** A new, empty store. The suite disposes it. */
  open(clock: VirtualClock, settings: StoreSettings): Promise<TextStore>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const textOf = (value: Uint8Array): string => decoder.decode(value);
export const put = (key: string, text: string, expiresAtMs?: number): Operation<string> => ({
  do: 'put',
  key,
  value: encoder.encode(text),
  projection: text,
  expiresAtMs,
});
export const remove = (key: string): Operation<string> => ({ do: 'delete', key });

/** What a watch was told, in words: `put /a 1@3`, `delete /a 1@4`, `mark 4`. */
export class Told {
  readonly lines: string[] = [];
  readonly events: StoreEvent<string>[] = [];
  readonly #more: (() => void)[] = [];

  readonly sink = {
    events: (batch: readonly StoreEvent<string>[], revision: number): void => {
      for (const event of batch) this.lines.push(`${event.type} ${event.key} ${textOf(event.entry.value)}@${event.revision}`);
      if (batch.length === 0) this.lines.push(`mark ${revision}`);
      this.events.push(...batch);
      for (const wake of this.#more.splice(0)) wake();
    },
    ended: (error: StoreError): void => {
      this.lines.push(`ended ${error.code}`);
      for (const wake of this.#more.splice(0)) wake();
    },
  };

  /** Resolves when at least so many lines were told. */
  async count(lines: number): Promise<string[]> {
    while (this.lines.length < lines) await new Promise<void>((resolve) => this.#more.push(resolve));
    return this.lines;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const failsWith = (code: StoreErrorCode) => (thrown: unknown) => thrown instanceof StoreError && thrown.code === code;

const keysOf = (page: { readonly entries: readonly { readonly key: string }[] }): string[] => page.entries.map(({ key }) => key);
const statesOf = (page: { readonly entries: readonly { readonly key: string; readonly projection: string; readonly modRevision: number }[] }): string[] =>
  page.entries.map(({ key, projection, modRevision }) => `${key} ${projection}@${modRevision}`);

/** What every backend promises (`src/store/store.ts`). */
export function storeContract(backend: StoreBackend): void {
  const test = (sentence: string, body: (store: TextStore, clock: VirtualClock) => Promise<void>, settings: Partial<StoreSettings> = {}): void => {
    it(sentence, async () => {
      const clock = new VirtualClock();
      const store = await backend.open(clock, { ...defaultStoreSettings, ...settings });
      try {
        await body(store, clock);
      } finally {
        await store[Symbol.asyncDispose]();
      }
    });
  };

  describe(`store: ${backend.name}: commits`, () => {
    test('an entry keeps its createRevision and takes each new modRevision', async (store) => {
      assert.equal(store.revision, 0);
      assert.deepEqual(await store.commit([put('/a', 'one')]), { revision: 1 });
      assert.deepEqual(await store.commit([put('/a', 'two')]), { revision: 2 });
      const entry = store.get('/a');
      assert.deepEqual([entry?.createRevision, entry?.modRevision, entry?.projection], [1, 2, 'two']);
      await store.commit([remove('/a')]);
      assert.equal(store.get('/a'), undefined);
      await store.commit([put('/a', 'again')]);
      assert.equal(store.get('/a')?.createRevision, 4);
    });

    test('what is accepted is pending: not seen, but guards see it', async (store) => {
      const first = store.commit([put('/a', 'one')], [{ key: '/a', modRevision: 0 }]);
      assert.equal(store.get('/a'), undefined);
      assert.equal(store.revision, 0);
      assert.equal(store.list('/').entries.length, 0);
      const refused = assert.rejects(store.commit([put('/a', 'other')], [{ key: '/a', modRevision: 0 }]), failsWith('guard'));
      const second = store.commit([put('/a', 'two')], [{ key: '/a', modRevision: 1 }]);
      const settled = store.settled('/a');
      assert.ok(settled);
      await settled;
      await refused;
      assert.equal(store.get('/a')?.projection, 'two');
      assert.equal(store.settled('/a'), undefined);
      assert.deepEqual(await Promise.all([first, second]), [{ revision: 1 }, { revision: 2 }]);
    });

    test('a failed guard says which one and what was found, and changes nothing', async (store) => {
      await store.commit([put('/a', 'one')]);
      const guards = [
        { key: '/a', modRevision: 1 },
        { key: '/b', modRevision: 7 },
      ];
      await assert.rejects(store.commit([put('/a', 'two'), put('/b', 'two')], guards), (thrown: StoreError) => {
        assert.deepEqual(thrown.guard, { index: 1, found: 0 });
        return thrown.code === 'guard';
      });
      assert.deepEqual(statesOf(store.list('/')), ['/a one@1']);
      assert.equal(store.revision, 1);
    });

    test('operations of one commit share a revision and become visible together', async (store) => {
      const told = new Told();
      store.watch('/', {}, told.sink);
      await store.commit([put('/b', 'x'), put('/a', 'y')]);
      await store.commit([remove('/b'), put('/c', 'z')]);
      assert.deepEqual(told.lines, ['put /b x@1', 'put /a y@1', 'delete /b x@2', 'put /c z@2']);
    });

    test('deleting what is not there does nothing', async (store) => {
      await store.commit([put('/a', 'x')]);
      assert.deepEqual(await store.commit([remove('/none')]), { revision: 1 });
      const deleted = store.commit([remove('/a')]);
      assert.deepEqual(await store.commit([remove('/a')]), { revision: 2 }, 'answered only when the pending deletion is durable');
      assert.deepEqual(await deleted, { revision: 2 });
    });

    test(
      'values over the bound, and commits beyond the queue, are refused',
      async (store) => {
        await assert.rejects(store.commit([put('/a', 'x'.repeat(11))]), failsWith('too-large'));
        const taken = [store.commit([put('/1', 'x')]), store.commit([put('/2', 'x')])];
        await assert.rejects(store.commit([put('/3', 'x')]), failsWith('busy'));
        await Promise.all(taken);
        await store.commit([put('/3', 'x')]);
      },
      { maxValueBytes: 10, maxPending: 2 },
    );

    test('a lazy update of an idle store is visible at once; behind a pending change it keeps its place', async (store) => {
      await store.commit([put('/lease', '1')]);
      const told = new Told();
      store.watch('/', { after: 1 }, told.sink);
      told.sink.events([], 0);
      const lazy = store.commit([put('/lease', '2')], [{ key: '/lease', modRevision: 1 }], { lazy: true });
      assert.equal(store.get('/lease')?.projection, '2');
      assert.deepEqual(await lazy, { revision: 2 });
      const durable = store.commit([put('/a', 'x')]);
      const behind = store.commit([put('/lease', '3')], [], { lazy: true });
      assert.equal(store.get('/lease')?.projection, '2');
      assert.deepEqual(await Promise.all([durable, behind]), [{ revision: 3 }, { revision: 4 }]);
      assert.deepEqual(told.lines.slice(1), ['put /lease 2@2', 'put /a x@3', 'put /lease 3@4']);
    });

    test('after disposal everything is refused, and what was accepted before is done', async (store) => {
      const told = new Told();
      store.watch('/', {}, told.sink);
      const accepted = store.commit([put('/a', 'x')]);
      const disposed = store[Symbol.asyncDispose]();
      await assert.rejects(store.commit([put('/b', 'x')]), failsWith('closed'));
      assert.deepEqual(await accepted, { revision: 1 });
      await disposed;
      assert.deepEqual(told.lines, ['put /a x@1', 'ended closed']);
    });
  });

  describe(`store: ${backend.name}: lists`, () => {
    test('by prefix, in key order, in pages', async (store) => {
      for (const key of ['/pods/b', '/pods/a', '/pods/c/d', '/podsx', '/pod', '/pods/__proto__', '/q']) await store.commit([put(key, key)]);
      assert.deepEqual(keysOf(store.list('/pods/')), ['/pods/__proto__', '/pods/a', '/pods/b', '/pods/c/d']);
      assert.equal(store.count('/pods/'), 4);
      assert.equal(store.count(''), 7);
      const first = store.list('/pods/', { limit: 3 });
      assert.deepEqual([keysOf(first), first.more, first.remaining, first.revision], [['/pods/__proto__', '/pods/a', '/pods/b'], true, 1, 7]);
      const rest = store.list('/pods/', { limit: 3, after: '/pods/b' });
      assert.deepEqual([keysOf(rest), rest.more, rest.remaining], [['/pods/c/d'], false, undefined]);
    });

    test('the filter counts towards the limit, and hides how many remain', async (store) => {
      for (const key of ['/1', '/2', '/3', '/4']) await store.commit([put(key, key)]);
      const page = store.list('/', { limit: 1, filter: ({ key }) => key > '/1' });
      assert.deepEqual([keysOf(page), page.more, page.remaining], [['/2'], true, undefined]);
    });

    test('exactly as of an older revision, page by page', async (store) => {
      await store.commit([put('/a', '1'), put('/b', '1'), put('/d', '1')]);
      await store.commit([put('/b', '2')]);
      await store.commit([remove('/a'), put('/c', '3')]);
      await store.commit([remove('/d'), put('/a', '4')]);
      assert.deepEqual(statesOf(await store.listAt('/', 1)), ['/a 1@1', '/b 1@1', '/d 1@1']);
      assert.deepEqual(statesOf(await store.listAt('/', 2)), ['/a 1@1', '/b 2@2', '/d 1@1']);
      assert.deepEqual(statesOf(await store.listAt('/', 3)), ['/b 2@2', '/c 3@3', '/d 1@1']);
      assert.deepEqual(statesOf(store.list('/')), ['/a 4@4', '/b 2@2', '/c 3@3']);
      const page = await store.listAt('/', 2, { limit: 1 });
      assert.deepEqual([statesOf(page), page.remaining, page.revision], [['/a 1@1'], 2, 2]);
      assert.deepEqual(statesOf(await store.listAt('/', 2, { after: '/a' })), ['/b 2@2', '/d 1@1']);
    });

    test('what is compacted or not reached yet is refused by name', async (store) => {
      for (const text of ['1', '2', '3', '4']) await store.commit([put('/a', text)]);
      await assert.rejects(store.listAt('/', 5), failsWith('future'));
      await store.compact(3);
      assert.equal(store.compactedRevision, 3);
      await assert.rejects(store.listAt('/', 2), failsWith('compacted'));
      assert.deepEqual(statesOf(await store.listAt('/', 3)), ['/a 3@3']);
      await store.compact(1);
      assert.equal(store.compactedRevision, 3);
    });

    test(
      'the watch window bounds history by time and by number',
      async (store, clock) => {
        for (const text of ['1', '2', '3']) await store.commit([put('/a', text)]);
        assert.equal(store.compactedRevision, 1);
        assert.equal((await store.listAt('/', 1)).entries.length, 1);
        await clock.advance(2000, async () => {});
        await assert.rejects(store.listAt('/', 2), failsWith('compacted'));
        assert.equal((await store.listAt('/', 3)).entries.length, 1);
      },
      { watchWindowMs: 1000, watchWindowEvents: 2 },
    );

    // With a disk they only leave memory: see below.
    (backend.hasDisk ? () => {} : test)(
      'and by the bytes of what is no longer current; the current state stays whole',
      async (store) => {
        const long = 'x'.repeat(10_000);
        for (let i = 0; i < 20; i++) await store.commit([put(`/many/${i}`, long)]);
        assert.equal(store.compactedRevision, 0, 'what is current counts for nothing');
        for (let i = 0; i < 20; i++) await store.commit([put('/a', `${long}${i}`)]);
        assert.ok(store.compactedRevision > 20 && store.compactedRevision < 40, `${store.compactedRevision}`);
        assert.throws(() => store.watch('/', { after: 20 }, new Told().sink), failsWith('compacted'));
        assert.equal((await store.listAt('/', store.compactedRevision)).entries.length, 21);
        assert.deepEqual(
          store.list('/many/').entries.map(({ value }) => textOf(value)),
          Array.from({ length: 20 }, () => long),
        );
        const before = store.compactedRevision;
        await store.commit([remove('/a')]);
        assert.ok(store.compactedRevision >= before + 2, 'a deletion keeps the last state beside the one before it');
      },
      { watchWindowBytes: 64 * 1024 },
    );
  });

  describe(`store: ${backend.name}: watches`, () => {
    test('from the past without loss or repetition, whatever is compacted in the same turn', async (store) => {
      for (const text of ['1', '2', '3']) await store.commit([put('/a', text)]);
      const told = new Told();
      store.watch('/', { after: 1 }, told.sink);
      const compacted = store.compact(3);
      await store.commit([put('/a', '4')]);
      await compacted;
      assert.deepEqual(told.lines, ['put /a 2@2', 'put /a 3@3', 'put /a 4@4']);
    });

    test('an event carries the entry before it; a deletion the last state at its own revision', async (store) => {
      const told = new Told();
      store.watch('/a', {}, told.sink);
      await store.commit([put('/a', '1')]);
      await store.commit([put('/a', '2'), put('/b', '2')]);
      await store.commit([{ do: 'delete', key: '/a', value: encoder.encode('gone'), projection: 'gone' }]);
      assert.deepEqual(told.lines, ['put /a 1@1', 'put /a 2@2', 'delete /a gone@3']);
      assert.deepEqual(
        told.events.map(({ previous }) => previous?.projection),
        [undefined, '1', '2'],
      );
      const last = told.events.at(-1)?.entry;
      assert.deepEqual([last?.projection, last?.modRevision, last?.createRevision], ['gone', 3, 1]);
    });

    test('visible and told before the promise resolves', async (store) => {
      const seen: string[] = [];
      store.watch('/', {}, { events: (_, revision) => seen.push(`told ${revision}, get ${store.get('/a')?.projection}`), ended: () => {} });
      await store.commit([put('/a', '1')]).then(({ revision }) => seen.push(`answered ${revision}`));
      assert.deepEqual(seen, ['told 1, get 1', 'answered 1']);
    });

    test('progress marks, close, and versions that can not be watched', async (store) => {
      await store.commit([put('/a', '1')]);
      await store.commit([put('/b', '2')]);
      const told = new Told();
      const watch = store.watch('/a', {}, told.sink);
      watch.progress();
      await told.count(1);
      assert.deepEqual(told.lines, ['mark 2']);
      watch.close();
      await store.commit([put('/a', '3')]);
      watch.progress();
      await store.commit([put('/a', '4')]);
      assert.deepEqual(told.lines, ['mark 2']);
      assert.throws(() => store.watch('/', { after: 9 }, told.sink), failsWith('future'));
      await store.compact(4);
      assert.throws(() => store.watch('/', { after: 3 }, told.sink), failsWith('compacted'));
    });

    test('a watcher that throws loses its watch and nothing else', async (store) => {
      const told = new Told();
      let ended = '';
      store.watch(
        '/',
        {},
        {
          events: () => {
            throw new Error('mine');
          },
          ended: ({ code }) => {
            ended = code;
          },
        },
      );
      store.watch('/', {}, told.sink);
      await store.commit([put('/a', '1')]);
      await store.commit([put('/a', '2')]);
      assert.equal(ended, 'closed');
      assert.deepEqual(told.lines, ['put /a 1@1', 'put /a 2@2']);
    });
  });

  const outOfMemory = { watchWindowBytes: 16 * 1024 };
  /** Twice as much as memory holds; a third of the keys come and go. */
  const fill = async (store: TextStore): Promise<void> => {
    for (let i = 0; i < 60; i++) {
      const key = `/${i % 2 === 0 ? 'even' : 'odd'}/${i % 6}`;
      if (i % 6 === 3 && i % 4 === 1) await store.commit([remove(key), put('/other', `${i}`)]);
      else await store.commit([put(key, `${i} ${'x'.repeat(500)}`)]);
    }
  };
  const full = ({ type, key, entry, previous, revision }: StoreEvent<string>): string =>
    `${type} ${key} ${entry.projection.slice(0, 8)} ${entry.value.byteLength} ${entry.createRevision} ${entry.modRevision}@${revision}, before ${previous?.projection.slice(0, 8)} ${previous?.value.byteLength} ${previous?.modRevision}`;

  describe(`store: ${backend.name}: what has left memory`, { skip: !backend.hasDisk }, () => {
    test(
      'is told to whoever goes on from it, while writes go on',
      async (store) => {
        const live = new Told();
        store.watch('/', {}, live.sink);
        await fill(store);
        const late: { readonly after: number; readonly prefix: string; readonly told: Told }[] = [];
        const writing: Promise<unknown>[] = [];
        for (let after = 0; after <= store.revision; after += 7) {
          for (const prefix of ['/', '/even/', '/odd/3', '/none']) {
            const told = new Told();
            late.push({ after, prefix, told });
            store.watch(prefix, { after }, told.sink);
          }
          writing.push(store.commit([put('/even/live', `${after}`), put('/odd/3', `${after}`)]));
          if (after % 2 === 1) await writing.at(-1);
        }
        await Promise.all(writing);
        assert.equal(store.compactedRevision, 0);
        for (const { after, prefix, told } of late) {
          const wanted = live.events.filter(({ key, revision }) => key.startsWith(prefix) && revision > after);
          await told.count(wanted.length);
          assert.deepEqual(told.events.map(full), wanted.map(full), `${prefix} after ${after}`);
        }
      },
      outOfMemory,
    );

    test(
      'is listed as it was, page by page, while writes go on',
      async (store) => {
        const states = [new Map<string, string>()];
        const follow = (batch: readonly StoreEvent<string>[]): void => {
          for (const { type, key, entry, revision } of batch) {
            const state = (states[revision] ??= new Map(states.at(-1)));
            if (type === 'put') state.set(key, `${key} ${textOf(entry.value)} ${entry.createRevision} ${entry.modRevision}`);
            else state.delete(key);
          }
        };
        store.watch('/', {}, { events: follow, ended: () => {} });
        await fill(store);
        for (let revision = 0; revision <= 60; revision += 4) {
          const found: string[] = [];
          const wanted = [...(states[revision] ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
          for (let after = '', more = true; more; ) {
            const page = await store.listAt('/', revision, { limit: 2, after });
            found.push(...page.entries.map(({ key, value, createRevision, modRevision }) => `${key} ${textOf(value)} ${createRevision} ${modRevision}`));
            ({ more } = page);
            assert.equal(page.remaining ?? 0, wanted.length - found.length);
            after = page.entries.at(-1)?.key ?? '';
            await store.commit([put('/even/2', `${revision} ${after}`), put(`/new${after}`, 'x')]);
          }
          assert.deepEqual(found, wanted, `at ${revision}`);
        }
      },
      outOfMemory,
    );

    test(
      'is there for five minutes, and is compacted when it is asked for',
      async (store, clock) => {
        await fill(store);
        await clock.advance(299_000, async () => {});
        const told = new Told();
        store.watch('/', { after: 0 }, told.sink);
        assert.equal((await told.count(60)).at(-1)?.slice(0, 9), 'put /odd/');
        await store.compact(20);
        assert.throws(() => store.watch('/', { after: 19 }, told.sink), failsWith('compacted'));
        await assert.rejects(store.listAt('/', 19), failsWith('compacted'));
        assert.ok((await store.listAt('/', 20)).entries.length > 0);
        await clock.advance(2000, async () => {});
        assert.throws(() => store.watch('/', { after: 40 }, told.sink), failsWith('compacted'));
        assert.equal(store.compactedRevision, 60);
      },
      outOfMemory,
    );

    test(
      'waits until the watcher has room; what happens meanwhile is told after it',
      async (store) => {
        await fill(store);
        const text = 'x'.repeat(200_000);
        for (let i = 0; i < 8; i++) await store.commit([put('/even/0', `${i} ${text}`)]);
        const told = new Told();
        let given = Promise.withResolvers<void>();
        let asked = Promise.withResolvers<void>();
        const room = (): Promise<void> => {
          asked.resolve();
          return given.promise;
        };
        const watch = store.watch('/even/0', { after: 60 }, { ...told.sink, room });
        await asked.promise;
        const first = told.events.length;
        assert.ok(first > 0 && first < 8, `${first} at once`);
        await store.commit([put('/even/0', 'live')]);
        watch.progress();
        await turn();
        assert.deepEqual(told.lines.slice(first), [`mark ${60 + first}`], 'nothing is told out of order, and a mark says how far it is');
        asked = Promise.withResolvers();
        given.resolve();
        given = Promise.withResolvers();
        given.resolve();
        assert.equal((await told.count(10)).length, 10);
        assert.deepEqual(
          told.events.map(({ revision }) => revision),
          [61, 62, 63, 64, 65, 66, 67, 68, 69],
        );
        await store.commit([put('/even/0', 'live again')]);
        assert.equal(told.events.at(-1)?.revision, 70);
      },
      outOfMemory,
    );

    test(
      'who is too slow for it is told that it is compacted; who has closed is told nothing; the store may close before all is told',
      async (store) => {
        await fill(store);
        const text = 'x'.repeat(200_000);
        for (let i = 0; i < 8; i++) await store.commit([put('/even/0', `${i} ${text}`)]);
        const [slow, closed, waiting] = [new Told(), new Told(), new Told()];
        const given = Promise.withResolvers<void>();
        const room = (): Promise<void> => given.promise;
        store.watch('/even/0', { after: 60 }, { ...slow.sink, room });
        const watch = store.watch('/even/0', { after: 60 }, { ...closed.sink, room });
        await Promise.all([slow.count(1), closed.count(1)]);
        watch.close();
        const toldBefore = closed.lines.length;
        await store.compact(68);
        given.resolve();
        while (!slow.lines.includes('ended compacted')) await slow.count(slow.lines.length + 1);
        assert.equal(closed.lines.length, toldBefore);
        await store.commit([put('/even/0', text)]);
        store.watch('/', { after: 68 }, waiting.sink);
        const ending = store[Symbol.asyncDispose]();
        await assert.rejects(store.commit([put('/a', 'x')]), failsWith('closed'));
        await ending;
        assert.equal(waiting.lines.at(-1), 'ended closed');
      },
      outOfMemory,
    );
  });

  describe(`store: ${backend.name}: time`, () => {
    test('what expires is deleted by the store itself; what was renewed stays', async (store, clock) => {
      const told = new Told();
      const inMs = (ms: number): number => clock.now() + ms;
      await store.commit([put('/short', 'x', inMs(1000)), put('/renewed', 'x', inMs(1000)), put('/forever', 'x')]);
      await store.commit([put('/renewed', 'y', inMs(60_000))]);
      store.watch('/', {}, told.sink);
      await clock.advance(5000, async () => {});
      assert.deepEqual(await told.count(1), ['delete /short x@3']);
      assert.deepEqual(keysOf(store.list('/')), ['/forever', '/renewed']);
    });

    test(
      'the last value of chosen keys outlives the history',
      async (store, clock) => {
        await store.commit([put('/keep/a', 'x'), put('/drop/a', 'x')]);
        await store.commit([remove('/keep/a'), remove('/drop/a')]);
        await store.commit([put('/other', 'x')]);
        await clock.advance(5000, async () => {});
        await store.compact(store.revision);
        assert.deepEqual(
          store.tombstones('/').map(({ entry }) => `${entry.key} ${entry.projection}@${entry.modRevision}`),
          ['/keep/a x@2'],
        );
        await clock.advance(60_000, async () => {});
        assert.deepEqual(store.tombstones('/'), []);
      },
      { watchWindowMs: 1000, tombstoneMs: (key) => (key.startsWith('/keep/') ? 30_000 : 0) },
    );

    test('a fresh read is not older than what was acknowledged; a healthy store says so', async (store) => {
      await store.commit([put('/a', '1')]);
      assert.ok((await store.fresh()) >= 1);
      assert.deepEqual(store.health, { state: 'ok' });
    });
  });
}
