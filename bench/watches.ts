/**
 * Watches of a running cluster: from one write to the last of a thousand that has it, what ten thousand idle ones take in memory, and
 * that receivers which do not read neither fill it nor hold up the others. `node bench/watches.ts`
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { configMaps } from '../src/api/gen/resources.ts';
import type { Client } from '../src/client/client.ts';
import { BenchCluster } from './cluster.ts';
import { against, quantile, round, say } from './figure.ts';
import { endFloor, startFloor } from './floor.ts';
import type { FloorMessage } from './floor-server.ts';
import type { WatchLoad } from './watch-client.ts';

const WATCHERS = 1000;
const ROUNDS = 300;
const IDLE = 10_000;
const STUCK = 200;
/** Half a megabyte each. */
const LARGE = 120;
const SETTLE_MS = 5000;

class WatchThread implements AsyncDisposable {
  readonly #worker: Worker;
  #failed: Error | undefined;
  #heard: PromiseWithResolvers<number> | undefined;

  constructor(load: WatchLoad) {
    this.#worker = new Worker(new URL('./watch-client.ts', import.meta.url), { workerData: load });
    this.#worker.on('message', (atMs: number) => this.#heard?.resolve(atMs));
    this.#worker.on('error', (thrown: Error) => {
      this.#failed = thrown;
      this.#heard?.reject(thrown);
    });
  }

  /** Wall ms at which the last of them received the next event; the first answer says that all are open. */
  next(): Promise<number> {
    if (this.#failed !== undefined) return Promise.reject(this.#failed);
    this.#heard = Promise.withResolvers<number>();
    return this.#heard.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}

const named = (name: string, text: string) => ({ metadata: { name, namespace: 'default' }, data: { text } });

async function fanOut(cluster: BenchCluster, client: Client, load: WatchLoad): Promise<void> {
  const cpu = cluster.cpuSeconds();
  const times = await timed(load, async (i) => {
    await client.update(configMaps, named('watched', `${i}${'x'.repeat(2000)}`));
  });
  const cpuMicrosPerDelivery = round(((cluster.cpuSeconds() - cpu) * 1e6) / ROUNDS / WATCHERS);
  const figure = `one durable write to ${WATCHERS} watchers over ${load.over}, until the last has it: p99`;
  const more = { p50Ms: round(quantile(times, 0.5)), cpuMicrosPerDelivery, rounds: ROUNDS };
  if (load.over === 'http/2') return say(figure, quantile(times, 0.99), 'ms', more);
  const floor = await bareFanOut(cluster, load);
  const floorIs = 'the same bytes to as many by a bare server, nothing written';
  against(figure, quantile(times, 0.99), 'ms', quantile(floor, 0.99), floorIs, { ...more, floorP50Ms: round(quantile(floor, 0.5)) });
}

/** Ms from each write to the last watcher that has it. */
async function timed(load: WatchLoad, write: (round: number) => Promise<void>): Promise<readonly number[]> {
  await using watchers = new WatchThread({ ...load, count: WATCHERS });
  await watchers.next();
  const times: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const started = performance.timeOrigin + performance.now();
    const last = watchers.next();
    await write(i);
    times.push((await last) - started);
  }
  return times;
}

async function bareFanOut(cluster: BenchCluster, load: WatchLoad): Promise<readonly number[]> {
  const { cert, key } = cluster.credentials();
  const { child, port } = await startFloor({ directory: join(cluster.directory, 'floor'), tls: { cert, key } });
  const event = `${JSON.stringify({ type: 'MODIFIED', object: { apiVersion: 'v1', kind: 'ConfigMap', ...named('watched', 'x'.repeat(2300)) } })}\n`;
  try {
    return await timed({ ...load, port, path: '/watch' }, async () => {
      child.send({ event } satisfies FloorMessage);
    });
  } finally {
    await endFloor(child);
  }
}

async function idle(cluster: BenchCluster, load: WatchLoad): Promise<void> {
  await delay(SETTLE_MS);
  const before = cluster.memory().rssMb;
  await using watchers = new WatchThread({ ...load, count: IDLE });
  await watchers.next();
  await delay(SETTLE_MS);
  const cpu = cluster.cpuSeconds();
  await delay(10_000);
  say(`${IDLE} idle watches over ${load.over}: memory added`, cluster.memory().rssMb - before, 'MB', {
    cpuPercent: round((cluster.cpuSeconds() - cpu) * 10),
  });
}

/** Each of the stuck ones has been sent what its connection holds, some 4 MB, before its bytes wait here. */
async function stuck(cluster: BenchCluster, client: Client, load: WatchLoad): Promise<void> {
  await using reader = new WatchThread({ ...load, count: 1 });
  await reader.next();
  await using _stuck = await opened({ ...load, count: STUCK, stuck: true });
  const before = cluster.memory().rssMb;
  let most = before;
  const started = performance.now();
  for (let i = 0; i < LARGE; i++) {
    await client.update(configMaps, named('watched', `${i}${'x'.repeat(500_000)}`));
    most = Math.max(most, cluster.memory().rssMb);
  }
  say(`${LARGE / 2} MB told to ${STUCK} watchers that do not read: memory added`, most - before, 'MB', {
    writesPerSecond: round((LARGE * 1000) / (performance.now() - started)),
  });
}

async function opened(load: WatchLoad): Promise<WatchThread> {
  const thread = new WatchThread(load);
  await thread.next();
  return thread;
}

await using cluster = await BenchCluster.make({ args: ['--simulated'] });
await cluster.up();
await cluster.started();
using session = await cluster.connect();
const { client } = session;
const made = await client.create(configMaps, named('watched', ''));
const path = (version: string): string => `/api/v1/namespaces/default/configmaps?watch=true&fieldSelector=metadata.name=watched&resourceVersion=${version}`;
const load = { port: cluster.port, count: 1, path: path(made.metadata.resourceVersion), credentials: cluster.credentials() };
for (const over of ['http/1.1', 'http/2'] as const) await fanOut(cluster, client, { ...load, over, path: path(await version(client)) });
for (const over of ['http/2', 'http/1.1'] as const) await idle(cluster, { ...load, over, path: path(await version(client)) });
await stuck(cluster, client, { ...load, path: path(await version(client)) });

async function version(of: Client): Promise<string> {
  return (await of.get(configMaps, 'watched', 'default')).metadata.resourceVersion;
}
