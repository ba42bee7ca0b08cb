/** The SQLite store beside bare SQLite with the same bytes, in the same run. One JSON line a figure. `node bench/store.ts` */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { silentLog } from '../src/base/log.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { defaultStoreSettings } from '../src/store/settings.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';
import type { Store } from '../src/store/store.ts';

const VALUE_BYTES = 2500;
const SECONDS = 3;

interface Figure {
  readonly figure: string;
  readonly value: number;
  readonly unit: string;
  /** The same work done as barely as can be, in this run. */
  readonly floor?: number;
  /** value / floor: 1 is the floor. */
  readonly ratio?: number;
}

const root = mkdtempSync(join(tmpdir(), 'berth-bench-'));
const round = (value: number): number => Number(value.toPrecision(3));
const say = (figure: Figure): void => console.log(JSON.stringify(figure));
const against = (figure: string, value: number, floor: number, unit: string): void =>
  say({ figure, value: round(value), unit, floor: round(floor), ratio: round(value / floor) });
const valueOf = (bytes: number, n: number): Uint8Array => new Uint8Array(bytes).fill(n & 0xff);
const open = (directory: string): Promise<Store<null>> =>
  openSqliteStore<null>({ directory, clock: new SystemClock(), settings: defaultStoreSettings, project: () => null, log: silentLog });

/** Transactions of so many rows, on this thread, without anything around them: rows per second. */
function bareSqlite(name: string, rows: number): number {
  const database = new DatabaseSync(join(root, name));
  database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (id INTEGER PRIMARY KEY, value BLOB)');
  const insert = database.prepare('INSERT INTO t (value) VALUES (?)');
  const start = performance.now();
  let count = 0;
  while (performance.now() - start < SECONDS * 1000) {
    database.exec('BEGIN');
    for (let i = 0; i < rows; i++) insert.run(valueOf(VALUE_BYTES, count++));
    database.exec('COMMIT');
  }
  const perSecond = (count / (performance.now() - start)) * 1000;
  database.close();
  return perSecond;
}

async function commits(store: Store<null>, abreast: number): Promise<{ readonly perSecond: number; readonly p50Ms: number; readonly p99Ms: number }> {
  const start = performance.now();
  const times: number[] = [];
  const writer = async (lane: number): Promise<void> => {
    for (let i = 0; performance.now() - start < SECONDS * 1000; i++) {
      const before = performance.now();
      await store.commit([{ do: 'put', key: `/bench/${lane}/${i % 1000}`, value: valueOf(VALUE_BYTES, i), projection: null }]);
      times.push(performance.now() - before);
    }
  };
  await Promise.all(Array.from({ length: abreast }, (_, lane) => writer(lane)));
  const perSecond = (times.length / (performance.now() - start)) * 1000;
  times.sort((a, b) => a - b);
  return { perSecond, p50Ms: times[Math.floor(times.length * 0.5)] ?? 0, p99Ms: times[Math.floor(times.length * 0.99)] ?? 0 };
}

async function throughput(): Promise<void> {
  const store = await open(join(root, 'throughput'));
  for (const [abreast, floorRows] of [
    [1, 1],
    [64, 64],
  ] as const) {
    const floor = bareSqlite(`floor-${floorRows}`, floorRows);
    const { perSecond, p50Ms, p99Ms } = await commits(store, abreast);
    against(`store: durable commits of 2.5 KB, ${abreast} in flight`, perSecond, floor, 'per s');
    say({ figure: `store: commit, ${abreast} in flight, p50`, value: round(p50Ms), unit: 'ms' });
    say({ figure: `store: commit, ${abreast} in flight, p99`, value: round(p99Ms), unit: 'ms' });
  }
  await store[Symbol.asyncDispose]();
}

async function memoryAndRestart(): Promise<void> {
  const directory = join(root, 'restart');
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  let store = await open(directory);
  const writers = Array.from({ length: 64 }, async (_, lane) => {
    for (let i = lane; i < 10_000; i += 64) await store.commit([{ do: 'put', key: `/pods/${i}`, value: valueOf(5000, i), projection: null }]);
  });
  await Promise.all(writers);
  globalThis.gc?.();
  say({
    figure: 'store: memory added by 10,000 entries of 5 KB',
    value: round((process.memoryUsage().rss - before) / 1e6),
    unit: 'MB',
    floor: 50,
    ratio: round((process.memoryUsage().rss - before) / 50e6),
  });
  const listing = performance.now();
  store.list('/pods/');
  say({ figure: 'store: list of 10,000 entries', value: round(performance.now() - listing), unit: 'ms' });
  await store[Symbol.asyncDispose]();
  const start = performance.now();
  store = await open(directory);
  const restartMs = performance.now() - start;
  await store[Symbol.asyncDispose]();
  const database = new DatabaseSync(join(directory, 'state.db'));
  const reading = performance.now();
  for (const row of database.prepare('SELECT id, key, value FROM log ORDER BY id').iterate()) if (row === undefined) break;
  against('store: start with 10,000 entries of 5 KB', restartMs, performance.now() - reading, 'ms');
  database.close();
}

try {
  await memoryAndRestart();
  await throughput();
  const empty = performance.now();
  const store = await open(join(root, 'empty'));
  say({ figure: 'store: first start, empty', value: round(performance.now() - empty), unit: 'ms' });
  await store[Symbol.asyncDispose]();
} finally {
  rmSync(root, { recursive: true });
}
