/**
 * Every known bug of etcd's revisions and watches since 2022 is a test here or in a suite that `test/history/README.md` names. What
 * is told of them: https://github.com/etcd-io/etcd/blob/main/tests/robustness/README.md. The numbers are etcd's issues.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { silentLog } from '../src/base/log.ts';
import { VirtualClock } from '../src/base/virtual-clock.ts';
import { openMemoryStore } from '../src/store/memory.ts';
import { defaultStoreSettings } from '../src/store/settings.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';
import type { Operation, Store, StoreError, StoreErrorCode, StoreSink } from '../src/store/store.ts';

const root = mkdtempSync(join(tmpdir(), 'berth-etcd-bugs-'));
after(() => rmSync(root, { recursive: true }));
let made = 0;

const clock = new VirtualClock();
const settings = defaultStoreSettings;
const openAt = (directory: string): Promise<Store<string>> =>
  openSqliteStore<string>({ directory, clock, settings, project: (_, value) => Buffer.from(value).toString(), log: silentLog, ballastBytes: 0 });

interface Backend {
  readonly name: string;
  open(): Promise<Store<string>>;
  /** The store as the next start finds it: after a kill, or, where nothing outlives the process, itself. */
  next(store: Store<string>, how: 'killed' | 'stopped'): Promise<Store<string>>;
}

const directories = new WeakMap<Store<string>, string>();
async function sqliteAt(directory: string): Promise<Store<string>> {
  const store = await openAt(directory);
  directories.set(store, directory);
  return store;
}

const BACKENDS: readonly Backend[] = [
  { name: 'memory', open: async () => openMemoryStore<string>({ clock, settings }), next: async (store) => store },
  {
    name: 'sqlite',
    open: () => sqliteAt(join(root, String(++made))),
    next: async (store, how) => {
      const directory = directories.get(store) ?? '';
      const copy = join(root, String(++made));
      if (how === 'killed') cpSync(directory, copy, { recursive: true });
      await store[Symbol.asyncDispose]();
      return sqliteAt(how === 'killed' ? copy : directory);
    },
  },
];

const put = (key: string, text: string): Operation<string> => ({ do: 'put', key, value: new Uint8Array(Buffer.from(text)), projection: text });
const remove = (key: string): Operation<string> => ({ do: 'delete', key });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const refusedWith = (code: StoreErrorCode) => (thrown: StoreError) => thrown.code === code;

/** What a watch is told, a line each: `put /a x@1`, `mark 1`. */
function listener(): { readonly lines: string[]; readonly sink: StoreSink<string> } {
  const lines: string[] = [];
  const events: StoreSink<string>['events'] = (batch, revision) => {
    if (batch.length === 0) lines.push(`mark ${revision}`);
    for (const event of batch) lines.push(`${event.type} ${event.key} ${event.entry.projection}@${event.revision}`);
  };
  return { lines, sink: { events, ended: ({ code }) => lines.push(`ended ${code}`) } };
}

/** What a watch from there is told, or `refused`. */
async function toldAfter(store: Store<string>, revision: number): Promise<readonly string[]> {
  const { lines, sink } = listener();
  try {
    const watch = store.watch('/', { after: revision }, sink);
    await turn();
    watch.close();
    return lines;
  } catch (thrown) {
    assert.ok(refusedWith('compacted')(thrown as StoreError), String(thrown));
    return ['refused'];
  }
}

for (const { name, open, next } of BACKENDS) {
  const test = (sentence: string, body: (store: Store<string>) => Promise<Store<string> | undefined>): void => {
    it(sentence, async () => {
      const first = await open();
      let last: Store<string> | undefined;
      try {
        last = await body(first);
      } finally {
        await (last ?? first)[Symbol.asyncDispose]();
      }
    });
  };

  describe(`the bugs that etcd had: ${name}`, () => {
    test('#15220: a progress mark never overtakes events, those of the past and those just written included', async (store) => {
      for (const text of ['1', '2', '3']) await store.commit([put('/a', text)]);
      const { lines, sink } = listener();
      const watch = store.watch('/', { after: 1 }, sink);
      watch.progress();
      const writing = store.commit([put('/a', '4')]);
      watch.progress();
      await writing;
      watch.progress();
      await turn();
      const revisions = lines.map((line) => Number(line.split(/[@ ]/).at(-1)));
      assert.deepEqual(
        revisions,
        revisions.toSorted((a, b) => a - b),
        lines.join(', '),
      );
      const events = lines.filter((line) => line.startsWith('put'));
      assert.deepEqual(events, ['put /a 2@2', 'put /a 3@3', 'put /a 4@4']);
      return undefined;
    });

    test('#15271: whoever goes on after a cut is never told of a revision that it had passed', async (store) => {
      for (const text of ['1', '2', '3']) await store.commit([put('/a', text)]);
      const again = await next(store, 'killed');
      assert.deepEqual(await toldAfter(again, 2), ['put /a 3@3']);
      assert.deepEqual(await toldAfter(again, 3), []);
      const { revision } = await again.commit([put('/a', '4')]);
      assert.deepEqual(await toldAfter(again, 3), [`put /a 4@${revision}`]);
      return again;
    });

    test('#17247: each operation of a commit is told once, to watches of overlapping prefixes and to one that joins in between', async (store) => {
      const all = listener();
      const some = listener();
      store.watch('/', {}, all.sink);
      store.watch('/a/', {}, some.sink);
      await store.commit([put('/a/1', 'x'), put('/a/2', 'x'), put('/b/1', 'x')]);
      const late = listener();
      const writing = store.commit([remove('/a/1'), put('/a/3', 'y')]);
      store.watch('/', { after: 0 }, late.sink);
      await writing;
      const whole = ['put /a/1 x@1', 'put /a/2 x@1', 'put /b/1 x@1', 'delete /a/1 x@2', 'put /a/3 y@2'];
      assert.deepEqual(all.lines, whole);
      assert.deepEqual(
        some.lines,
        whole.filter((line) => line.includes(' /a/')),
      );
      await turn();
      assert.deepEqual(late.lines, whole);
      return undefined;
    });

    test('#17247, turned round: a watch that is opened while others are told is told of each event once', async (store) => {
      const late: ReturnType<typeof listener>[] = [];
      const open = (prefix: string): void => {
        const one = listener();
        late.push(one);
        store.watch(prefix, { after: 0 }, one.sink);
      };
      const first = listener();
      const watch = store.watch(
        '/a/',
        {},
        {
          ...first.sink,
          events: () => {
            if (late.length > 0) return;
            // The same prefix, one that others have, one that nobody has, and one that nobody has any more.
            for (const prefix of ['/a/', '/', '/a']) open(prefix);
            watch.close();
            open('/a/');
          },
        },
      );
      store.watch('/', {}, listener().sink);
      await store.commit([put('/a/1', 'x')]);
      await store.commit([put('/a/2', 'x')]);
      await turn();
      for (const { lines } of late) assert.deepEqual(lines, ['put /a/1 x@1', 'put /a/2 x@2']);
      return undefined;
    });

    test('#17529: watches that catch up while others write lose nothing, however many there are', async (store) => {
      for (let i = 0; i < 300; i++) await store.commit([put('/a', String(i))]);
      const late: ReturnType<typeof listener>[] = [];
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        for (let i = 0; i < 50; i++) {
          const one = listener();
          late.push(one);
          store.watch('/', { after: 0 }, one.sink);
          await store.commit([put(`/${writer}`, String(i))]);
        }
      });
      await Promise.all(writers);
      await turn();
      for (const { lines } of late)
        assert.deepEqual(
          lines.map((line) => Number(line.split('@')[1])),
          Array.from({ length: 700 }, (_, i) => i + 1),
        );
      // Shown at once, before the past has been told.
      const last = listener();
      store.watch('/', { after: 699 }, last.sink);
      await store.commit([put('/a', 'lazy')], [], { lazy: true });
      await turn();
      assert.deepEqual(
        last.lines.map((line) => Number(line.split('@')[1])),
        [700, 701],
      );
      return undefined;
    });

    for (const how of ['killed', 'stopped'] as const) {
      test(`#17780: the revision is not smaller after everything was deleted, compacted and ${how}`, async (store) => {
        await store.commit([put('/a', '1')]);
        await store.commit([put('/b', '1')]);
        await store.commit([remove('/a'), remove('/b')]);
        await store.compact(3);
        const again = await next(store, how);
        assert.ok(again.revision >= 3, `at ${again.revision}`);
        assert.ok((await again.commit([put('/c', '1')])).revision > 3);
        return again;
      });

      test(`#18089: compacted at a deletion and ${how}: a watch that should be told of it is, or is refused`, async (store) => {
        await store.commit([put('/a', '1')]);
        await store.commit([put('/b', '1')]);
        await store.commit([remove('/a')]);
        await store.compact(3);
        const again = await next(store, how);
        assert.deepEqual(await toldAfter(again, 2), ['refused']);
        assert.deepEqual(await toldAfter(again, 3), []);
        assert.equal(again.get('/a'), undefined);
        assert.deepEqual(
          (await again.listAt('/', 3)).entries.map(({ key }) => key),
          ['/b'],
        );
        return again;
      });

      test(`what was read is not older after it was ${how} (kubernetes/kubernetes#59848)`, async (store) => {
        for (const text of ['1', '2', '3']) await store.commit([put('/a', text)]);
        const { revision } = store;
        const again = await next(store, how);
        assert.ok(again.revision >= revision && (await again.fresh()) >= revision);
        assert.equal(again.get('/a')?.projection, '3');
        assert.equal(again.list('/').entries[0]?.projection, '3');
        return again;
      });
    }

    test('#18667: a read at a revision that is compacted is refused, also beside a commit, which then holds or not as a whole', async (store) => {
      for (const text of ['1', '2', '3']) await store.commit([put('/a', text)]);
      const compacting = store.compact(3);
      await assert.rejects(store.listAt('/', 2), refusedWith('compacted'));
      const failing = store.commit([put('/a', '4'), put('/b', '4')], [{ key: '/a', modRevision: 2 }]);
      await assert.rejects(failing, refusedWith('guard'));
      await compacting;
      assert.deepEqual([store.revision, store.get('/a')?.projection, store.get('/b')], [3, '3', undefined]);
      return undefined;
    });

    test('#19179: a watch from the revision at which is compacted in the same turn is told of the deletion, or is refused', async (store) => {
      await store.commit([put('/a', '1')]);
      await store.commit([remove('/a')]);
      const before = listener();
      store.watch('/', { after: 1 }, before.sink);
      const compacting = store.compact(2);
      const told = toldAfter(store, 1);
      await compacting;
      await turn();
      assert.deepEqual([before.lines, await told], [['delete /a 1@2'], ['refused']]);
      return undefined;
    });

    test('#20221: a watch from the future is refused: it is never told of the past, nor of progress', async (store) => {
      await store.commit([put('/a', '1')]);
      const { lines, sink } = listener();
      assert.throws(() => store.watch('/', { after: 2 }, sink), refusedWith('future'));
      await store.commit([put('/a', '2')]);
      await store.commit([put('/a', '3')]);
      await turn();
      assert.deepEqual(lines, []);
      return undefined;
    });
  });
}
