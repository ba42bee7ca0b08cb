/** The process that is killed: writes to the store of a directory, and says on its output what was acknowledged, and what its watchers heard. */
import { writeSync } from 'node:fs';
import { silentLog } from '../src/base/log.ts';
import { SeededRandom } from '../src/base/random.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { defaultStoreSettings } from '../src/store/settings.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';
import { StoreError, type StoreSink, type StoreWatch } from '../src/store/store.ts';
import { KEPT_EVENTS } from './contract/store-followers.ts';

const [directory = '', seed = '1', synchronous = 'full', deletions = 'delete', points = ''] = process.argv.slice(2);
const random = new SeededRandom(Number(seed));
const draw = (below: number): number => Math.floor(random.float() * below);

/** Written before it returns, so that a kill afterwards does not unsay it. A full pipe is waited for. */
function say(line: string): void {
  for (;;) {
    try {
      writeSync(1, `${line}\n`);
      return;
    } catch (thrown) {
      if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EAGAIN')) throw thrown;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

const store = await openSqliteStore<number>({
  directory,
  clock: new SystemClock(),
  settings: { ...defaultStoreSettings, watchWindowEvents: 400, watchWindowBytes: 16 * 1024 },
  project: (_, value) => Number(Buffer.from(value).toString('latin1', 0, 12)),
  log: silentLog,
  ballastBytes: 1024 * 1024,
  synchronous: synchronous === 'off' ? 'off' : 'full',
});

for (const { key, projection, modRevision } of store.list('').entries) say(`have ${key} ${projection} ${modRevision}`);
say(`open ${store.revision}`);

/** Goes on from where a watcher of an earlier life was; from the list, when that is not to be had any more. */
async function watch(watcher: number, after: number): Promise<void> {
  const caught = Promise.withResolvers<void>();
  const sink: StoreSink<number> = {
    events: (batch, revision) => {
      if (batch.length === 0 && revision === store.revision) caught.resolve();
      else if (batch.length === 0) setImmediate(() => open.progress());
      for (const { type, key, entry, previous, revision } of batch)
        say(`told ${watcher} ${type} ${key} ${entry.projection} ${revision} ${previous?.modRevision ?? 0}`);
    },
    ended: () => {},
  };
  let open: StoreWatch;
  try {
    open = store.watch('', { after }, sink);
  } catch (thrown) {
    if (!(thrown instanceof StoreError) || thrown.code !== 'compacted') throw thrown;
    say(`refused ${watcher} ${after}`);
    open = store.watch('', {}, sink);
  }
  // A part of the past is read from the disk.
  open.progress();
  await caught.promise;
  say(`caught ${watcher}`);
}

await Promise.all(points.split(',').flatMap((after, watcher) => (after === '' ? [] : [watch(watcher, Number(after))])));

const valueOf = (count: number): Uint8Array => {
  const value = Buffer.alloc(12 + draw(6000), 120);
  value.write(String(count).padStart(12, '0'), 'latin1');
  return new Uint8Array(value);
};

/** Counts up under a key of its own, one write after the other. */
async function write(key: string): Promise<never> {
  let count = store.get(key)?.projection ?? 0;
  for (;;) {
    count++;
    const lazy = draw(5) === 0;
    if (deletions === 'delete' && draw(12) === 0 && store.get(key) !== undefined) {
      say(`will-delete ${key}`);
      const { revision } = await store.commit([{ do: 'delete', key }]);
      say(`gone ${key} ${count - 1} ${revision}`);
    }
    const { revision } = await store.commit([{ do: 'put', key, value: valueOf(count), projection: count }], [], { lazy });
    say(`${lazy ? 'seen' : 'done'} ${key} ${count} ${revision}`);
  }
}

/** Never what the watchers of the next life go on from. */
async function compact(): Promise<never> {
  const happened: number[] = [];
  store.watch('', {}, { events: (batch) => happened.push(...batch.map(({ revision }) => revision)), ended: () => {} });
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, draw(40)));
    const oldest = happened.at(-KEPT_EVENTS - draw(200));
    if (oldest !== undefined) await store.compact(oldest);
  }
}

/** Fills many pages, empties and compacts them, so that a kill also meets the giving back of pages. */
async function purge(): Promise<never> {
  const keys = Array.from({ length: 60 }, (_, i) => `/big/${i}`);
  for (let count = Math.max(0, ...keys.map((key) => store.get(key)?.projection ?? 0)); ; ) {
    count++;
    await Promise.all(
      keys.map(async (key) => {
        const value = Buffer.alloc(150_000, 120);
        value.write(String(count).padStart(12, '0'), 'latin1');
        const { revision } = await store.commit([{ do: 'put', key, value: new Uint8Array(value), projection: count }]);
        say(`done ${key} ${count} ${revision}`);
      }),
    );
    await Promise.all(
      keys.map(async (key) => {
        say(`will-delete ${key}`);
        const { revision } = await store.commit([{ do: 'delete', key }]);
        say(`gone ${key} ${count} ${revision}`);
      }),
    );
    say('will-purge');
    await store.compact(store.revision);
  }
}

if (deletions === 'purge') await purge();
await Promise.all([compact(), ...Array.from({ length: 12 }, (_, i) => write(`/key/${i}`))]);
