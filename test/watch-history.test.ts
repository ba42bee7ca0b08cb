/** Watch, proven: see test/history/run.ts, which also runs for longer by itself. `BERTH_HISTORY_WRITES` and `BERTH_HISTORY_SEED` change size and seed here. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { WatchEvent } from '../src/machinery/exchange.ts';
import { watchHistory } from './history/run.ts';

const seed = Number(process.env.BERTH_HISTORY_SEED ?? Math.floor(Math.random() * 1e6));
const writes = Number(process.env.BERTH_HISTORY_WRITES ?? 5000);

describe('every history that a watcher hears is the difference of two lists', () => {
  for (const { store, watchers, ...memory } of [
    { store: 'memory', watchers: 240 },
    // What is more than a few events old is read from the disk.
    { store: 'sqlite', watchers: 120, windowBytes: 64 * 1024 },
  ] as const) {
    test(`${watchers} watchers in process, over HTTP/1.1 and HTTP/2, above ${store}`, async (t) => {
      t.diagnostic(`seed ${seed}, ${writes} writes`);
      const { faults, ...seen } = await watchHistory({ seed, writes, watchers, store, windowEvents: 300, ...memory });
      t.diagnostic(JSON.stringify(seen));
      assert.deepEqual(faults.slice(0, 5), [], `seed ${seed}: ${faults.length} faults`);
      // The disturbances happened: else nothing was proven.
      const { resumed = 0, expired = 0, bookmarks = 0, future = 0 } = seen.counts;
      assert.ok(resumed > 50 && expired > 10 && bookmarks > 50 && future > 0 && seen.heard > writes, JSON.stringify(seen));
    });
  }

  const canaries: readonly { readonly what: string; readonly tamper: (events: readonly WatchEvent[], count: number) => readonly WatchEvent[] }[] = [
    { what: 'lost', tamper: (events, count) => (count % 40 === 0 ? events.slice(1) : events) },
    { what: 'doubled', tamper: (events, count) => (count % 40 === 0 ? [...events, ...events.slice(-1)] : events) },
    { what: 'reordered', tamper: (events, count) => (count % 10 === 0 ? events.toReversed() : events) },
    { what: 'promised too early', tamper: (events, count) => (count % 40 === 0 ? events.filter(({ type }) => type === 'BOOKMARK') : events) },
  ];
  for (const { what, tamper } of canaries) {
    test(`an event that is ${what} is found`, async () => {
      let count = 0;
      const result = watchHistory({ seed: 5, writes: 1500, watchers: 30, store: 'sqlite', windowEvents: 300, tamper: (events) => tamper(events, ++count) });
      // Found by the judge, or as a history that never becomes complete.
      const found = await result.then(
        ({ faults }) => faults.length,
        () => 1,
      );
      assert.ok(found > 0);
    });
  }
});
