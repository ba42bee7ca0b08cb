/**
 * Many writers, many watchers, lost connections, compactions and a small window, from one seed; then every watcher's history is
 * compared with what really happened. `node test/history/run.ts --writes 20000 --watchers 400 [--seed N] [--store sqlite]`.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { builtinKinds } from '../../src/api/registry.ts';
import { createProjector, type Projection } from '../../src/apiserver/codec/projection.ts';
import { createRegistry } from '../../src/apiserver/server.ts';
import { ADMIN, startTestServer, type TestServer } from '../../src/apiserver/testing.ts';
import { silentLog } from '../../src/base/log.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { SystemClock } from '../../src/base/system-clock.ts';
import { VirtualClock } from '../../src/base/virtual-clock.ts';
import { HttpsTransport } from '../../src/client/https-transport.ts';
import { inProcessTransport } from '../../src/client/transport.ts';
import { Certificates } from '../../src/cluster/certificates.ts';
import type { WatchEvent, WatchSink } from '../../src/machinery/exchange.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import { defaultStoreSettings } from '../../src/store/settings.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { FORMS } from './forms.ts';
import { Http2Transport } from './http2-transport.ts';
import { faultsOf } from './judge.ts';
import { selectorsFor } from './selectors.ts';
import { Truth } from './truth.ts';
import { HistoryWatcher, type Surroundings, type Way } from './watcher.ts';
import { Writers } from './writers.ts';

export interface HistoryOptions {
  readonly seed: number;
  readonly writes: number;
  readonly watchers: number;
  readonly store: 'memory' | 'sqlite';
  /** How many changes the store keeps for watches. */
  readonly windowEvents: number;
  /** How many bytes of values memory holds for them. */
  readonly windowBytes?: number;
  /** Stands between server and watcher; for the canaries that must be caught. */
  readonly tamper?: (events: readonly WatchEvent[]) => readonly WatchEvent[];
}

export interface HistoryResult {
  readonly revisions: number;
  readonly segments: number;
  readonly heard: number;
  readonly listings: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
/** How long the last event may take to arrive, real time. */
const SETTLE_MS = 120_000;

export async function watchHistory(options: HistoryOptions): Promise<HistoryResult> {
  const directory = mkdtempSync(join(tmpdir(), 'berth-history-'));
  const random = new SeededRandom(options.seed);
  const clock = new VirtualClock();
  const store = await openStore(options, directory, clock);
  const server = startTestServer({ clock, store, yieldToLoop: turn });
  const truth = new Truth();
  truth.follow(store);
  const ways = await openWays(server, directory, random.fork());
  let stopped = false;
  const around = (): Surroundings => ({
    revision: () => store.revision,
    compacted: () => store.compactedRevision,
    random: random.fork(),
    stopped: () => stopped,
  });
  const selectors = selectorsFor(options.watchers, random.fork());
  const watchers = selectors.map((selector, i) => {
    const { way, name, metadataOnly } = ways.of(i);
    return new HistoryWatcher({ ...selector, name: `${name}: ${selector.name}`, metadataOnly }, tampered(way, options.tamper), around());
  });
  try {
    const writers = new Writers(server, random.fork());
    await writers.run(options.writes / 10);
    const running = watchers.map((watcher) => watcher.run());
    let writing = true;
    const chaos = disturb(store, clock, random.fork(), () => writing);
    await writers.run(options.writes);
    writing = false;
    await chaos;
    stopped = true;
    for (const watcher of watchers) watcher.close();
    await Promise.all(running);
    await Promise.all(watchers.map((watcher) => watcher.goOn()));
    truth.assertWhole(store.revision);
    const faults = [...writers.faults(truth)];
    await settled(watchers, truth, store.revision);
    for (const watcher of watchers) watcher.close();
    for (const watcher of watchers) faults.push(...faultsOf(watcher, truth));
    return { ...summary(watchers), revisions: store.revision, faults };
  } finally {
    stopped = true;
    for (const watcher of watchers) watcher.close();
    ways.end();
    await server[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  }
}

function tampered(way: Way, tamper: HistoryOptions['tamper']): Way {
  if (tamper === undefined) return way;
  const over = (sink: WatchSink): WatchSink => ({
    events: (batch) => {
      const events = tamper(batch);
      if (events.length > 0) sink.events(events);
    },
    closed: (error) => sink.closed(error),
  });
  return { request: (request) => way.request(request), watch: (request, sink) => way.watch(request, over(sink)) };
}

function openStore(
  { store, windowEvents, windowBytes = defaultStoreSettings.watchWindowBytes }: HistoryOptions,
  directory: string,
  clock: VirtualClock,
): Promise<Store<Projection>> {
  const settings = { ...defaultStoreSettings, watchWindowEvents: windowEvents, watchWindowBytes: windowBytes };
  if (store === 'memory') return Promise.resolve(openMemoryStore<Projection>({ clock, settings }));
  const project = createProjector(createRegistry(builtinKinds()));
  // Its own work with the disk follows real time.
  return openSqliteStore<Projection>({ directory: join(directory, 'store'), clock: new SystemClock(), settings, project, log: silentLog, ballastBytes: 0 });
}

interface NamedWay {
  readonly name: string;
  readonly way: Way;
  readonly metadataOnly: boolean;
}

async function openWays(
  server: TestServer,
  directory: string,
  random: SeededRandom,
): Promise<{ readonly of: (i: number) => NamedWay; readonly end: () => void }> {
  const certificates = await Certificates.open(directory, new SystemClock());
  const pair = await certificates.issue({ commonName: 'server', organizations: [], dnsNames: [], ipAddresses: ['127.0.0.1'], usages: ['server'] });
  const { port } = await server.api.listen({ host: '127.0.0.1', port: 0, tls: { key: pair.keyPem, cert: pair.certPem, clientCa: certificates.caPem } });
  const address = `https://127.0.0.1:${port}`;
  const direct = inProcessTransport(server.api.handler, ADMIN, 'test');
  const https = new HttpsTransport({ server: address, ca: certificates.caPem, userAgent: 'test' });
  const rests = (): number => (random.float() < 0.2 ? 1 + Math.floor(random.float() * 20) : 0);
  const streams = FORMS.flatMap((form) =>
    [() => 0, rests].map((pauseMs) => ({
      name: `HTTP/2 ${form.name}`,
      way: new Http2Transport(address, certificates.caPem, pauseMs, form),
      metadataOnly: form.metadataOnly,
    })),
  );
  const inProcess = { name: 'in process', way: direct, metadataOnly: false };
  const ways: readonly NamedWay[] = [inProcess, inProcess, { name: 'HTTP/1.1', way: https, metadataOnly: false }, ...streams];
  return {
    of: (i) => ways[i % ways.length] as NamedWay,
    end: () => {
      https[Symbol.dispose]();
      for (const { way } of streams) way[Symbol.dispose]();
    },
  };
}

/** Minutes pass (bookmarks, ends of watches, versions that grow too old), and versions are compacted. */
async function disturb(store: Store<Projection>, clock: VirtualClock, random: SeededRandom, goesOn: () => boolean): Promise<void> {
  while (goesOn()) {
    await new Promise((resolve) => setTimeout(resolve, 1 + random.float() * 60));
    await clock.advance(random.float() * 61_000, turn);
    if (random.float() < 0.3) await store.compact(Math.max(1, store.revision - Math.floor(random.float() * 200)));
  }
}

/** Everything that happened has arrived at everybody; waits for a little more than that, so that what comes too much is seen. */
async function settled(watchers: readonly HistoryWatcher[], truth: Truth, revision: number): Promise<void> {
  const until = performance.now() + SETTLE_MS;
  const behind = (watcher: HistoryWatcher): boolean => truth.between(watcher.selector, watcher.seen, revision).length > 0;
  while (watchers.some(behind) && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.deepEqual(
    watchers.filter(behind).map(({ selector, seen }) => `${selector.name} is still at ${seen} of ${revision}`),
    [],
  );
}

function summary(watchers: readonly HistoryWatcher[]): Pick<HistoryResult, 'segments' | 'heard' | 'listings' | 'counts'> {
  const counts: Record<string, number> = {};
  for (const watcher of watchers) for (const [name, count] of Object.entries(watcher.counts)) counts[name] = (counts[name] ?? 0) + count;
  const segments = watchers.flatMap((watcher) => watcher.segments);
  return {
    segments: segments.length,
    heard: segments.reduce((sum, { heard }) => sum + heard.length, 0),
    listings: watchers.reduce((sum, { listings }) => sum + listings.length, 0),
    counts,
  };
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
      writes: { type: 'string', default: '20000' },
      watchers: { type: 'string', default: '300' },
      store: { type: 'string', default: 'memory' },
      window: { type: 'string', default: '600' },
      bytes: { type: 'string', default: String(defaultStoreSettings.watchWindowBytes) },
    },
  });
  console.log(`seed ${values.seed}`);
  const result = await watchHistory({
    seed: Number(values.seed),
    writes: Number(values.writes),
    watchers: Number(values.watchers),
    store: values.store === 'sqlite' ? 'sqlite' : 'memory',
    windowEvents: Number(values.window),
    windowBytes: Number(values.bytes),
  });
  console.log(JSON.stringify(result, undefined, 2));
  process.exitCode = result.faults.length > 0 ? 1 : 0;
}
