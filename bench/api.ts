/**
 * Requests to a running cluster, as clients send them: TLS, a client certificate, RBAC, admission, managedFields, SQLite on disk. Beside
 * a process that does only what can't be left out (`floor-server.ts`), with the same bytes, in the same run. The load comes from a third
 * process. `node bench/api.ts`
 */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { configMaps } from '../src/api/gen/resources.ts';
import type { Client } from '../src/client/client.ts';
import type { JsonObject } from '../src/machinery/object.ts';
import { BenchCluster, cpuSecondsOf } from './cluster.ts';
import { against, quantile, round, say } from './figure.ts';
import { endFloor, startFloor } from './floor.ts';
import type { FloorMessage } from './floor-server.ts';
import type { Load, LoadResult } from './load-client.ts';
import type { WatchLoad } from './watch-client.ts';

/** A load, wherever it goes. */
type Work = Omit<Load, 'port' | 'credentials'>;

const PODS = '/api/v1/namespaces/default/pods';
const MANY = 2000;
const ROUNDS = 5;
const SECONDS = 1.5;
const CLIENTS = 64;
const WRITTEN = 'TLS, parse, stringify, group commit to SQLite, reply';
const WATCHERS = 500;
const EVENTS = 40;

/** About 2 KB as a client sends it. Nobody schedules it, so that only the server is measured. */
function podText(name: string): string {
  const env = Array.from({ length: 12 }, (_, i) => ({ name: `VARIABLE_${i}`, value: `a value that is as long as values are, number ${i}` }));
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      labels: { app: 'bench', tier: 'backend', 'app.kubernetes.io/part-of': 'benchmarks' },
      annotations: { 'example.com/note': 'x'.repeat(200) },
    },
    spec: {
      schedulerName: 'nobody',
      // Its volume has a name of its own in each pod: an update could not be told beforehand.
      automountServiceAccountToken: false,
      containers: [
        {
          name: 'main',
          image: 'registry.example.com/team/application:v1.2.3',
          env,
          ports: [{ containerPort: 8080 }],
          resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
          readinessProbe: { httpGet: { path: '/ready', port: 8080 } },
        },
      ],
    },
  });
}

/** A stored pod as a client sends it back with another image, for any of the pods. */
function changedPod(stored: string): string {
  const { metadata, status: _, ...rest } = JSON.parse(stored) as { readonly metadata: Record<string, unknown>; readonly status: unknown };
  const { labels, annotations, namespace } = metadata;
  return JSON.stringify({ ...rest, metadata: { name: 'pod-%m', namespace, labels, annotations } }).replace('v1.2.3', 'v1.2.%n');
}

class Bench {
  readonly #cluster: BenchCluster;
  readonly #client: Client;
  readonly #floor: ChildProcess;
  readonly #floorPort: number;
  readonly #credentials: { readonly cert: string; readonly key: string };

  constructor(cluster: BenchCluster, client: Client, floor: ChildProcess, floorPort: number) {
    this.#cluster = cluster;
    this.#client = client;
    this.#floor = floor;
    this.#floorPort = floorPort;
    this.#credentials = cluster.credentials();
  }

  /** Turn by turn, both warm: neighbours on the machine disturb both alike. The middle one of the ratios counts. Gives the rate that was reached. */
  async compare(figure: string, load: Work, floorIs: string, floorLoad = load): Promise<number> {
    const named = (round: number, of: Work): Work => (of.method === 'POST' ? { ...of, body: of.body?.replace('%n', `r${round}-%n`) } : of);
    await this.#drive({ ...named(0, load), seconds: 1 }, this.#cluster.port);
    const rounds: {
      readonly got: LoadResult;
      readonly floor: LoadResult;
      readonly cpuMicros: number;
      readonly floorCpuMicros: number;
      readonly ratio: number;
    }[] = [];
    for (let i = 1; i <= ROUNDS; i++) {
      const { result: floor, cpuMicros: floorCpuMicros } = await this.#costing(this.#floor.pid ?? 0, () => this.#drive(named(i, floorLoad), this.#floorPort));
      const { result: got, cpuMicros } = await this.#costing(this.#cluster.pid, () => this.#drive(named(i, load), this.#cluster.port));
      rounds.push({ got, floor, cpuMicros, floorCpuMicros, ratio: got.perSecond / floor.perSecond });
    }
    const middle = rounds.toSorted((a, b) => a.ratio - b.ratio)[Math.floor(ROUNDS / 2)];
    if (middle === undefined) return 0;
    const { got, floor, cpuMicros, floorCpuMicros } = middle;
    against(figure, got.perSecond, '1/s', floor.perSecond, floorIs, {
      p50Ms: round(got.p50Ms),
      p99Ms: round(got.p99Ms),
      floorP99Ms: round(floor.p99Ms),
      cpuMicros: round(cpuMicros),
      floorCpuMicros: round(floorCpuMicros),
    });
    return got.perSecond;
  }

  /** One load of the cluster beside another, in turns. */
  async beside(figure: string, load: Work, other: Work): Promise<void> {
    const times: number[] = [];
    for (let i = 0; i < ROUNDS; i++) {
      const { perSecond } = await this.#drive(other, this.#cluster.port);
      times.push(perSecond / (await this.#drive(load, this.#cluster.port)).perSecond);
    }
    say(figure, quantile(times, 0.5), 'times');
  }

  /** How long requests take that arrive at a pace, whatever the answers take; and those of the floor at the same pace. */
  async paced(figure: string, load: Work, perSecond: number): Promise<void> {
    const pace = { ...load, pacePerSecond: perSecond, seconds: 4 };
    const floor = await this.#drive(pace, this.#floorPort);
    this.#sayTail(figure, await this.#drive(pace, this.#cluster.port), floor, { perSecond: round(perSecond) });
  }

  /** The same for so few clients, each asking again when it is answered, that together they reach such a rate. */
  async fewClients(figure: string, load: Work, perSecond: number): Promise<void> {
    for (let connections = 1; ; connections++) {
      const few = { ...load, connections, seconds: 4, body: load.body?.replace('%n', `f${connections}-%n`) };
      const got = await this.#drive(few, this.#cluster.port);
      if (got.perSecond < perSecond && connections < load.connections) continue;
      return this.#sayTail(figure, got, await this.#drive(few, this.#floorPort), { perSecond: round(got.perSecond), connections });
    }
  }

  #sayTail(figure: string, got: LoadResult, floor: LoadResult, more: object): void {
    against(figure, got.p99Ms / got.p50Ms, 'times', floor.p99Ms / floor.p50Ms, WRITTEN, {
      p50Ms: round(got.p50Ms),
      p99Ms: round(got.p99Ms),
      floorP50Ms: round(floor.p50Ms),
      floorP99Ms: round(floor.p99Ms),
      ...more,
    });
  }

  /** With the CPU time of a process for each request, all its threads: what neighbours on the machine disturb least. */
  async #costing(pid: number, work: () => Promise<LoadResult>): Promise<{ readonly result: LoadResult; readonly cpuMicros: number }> {
    const before = cpuSecondsOf(pid);
    const result = await work();
    return { result, cpuMicros: ((cpuSecondsOf(pid) - before) * 1e6) / result.requests };
  }

  async #drive(load: Work, port: number): Promise<LoadResult> {
    const worker = new Worker(new URL('./load-client.ts', import.meta.url), { workerData: { ...load, port, credentials: this.#credentials } satisfies Load });
    const result = await new Promise<LoadResult>((resolve, reject) => {
      worker.on('message', resolve);
      worker.on('error', reject);
    });
    await worker.terminate();
    if (result.failures > 0) throw new Error(`${result.failures} requests failed: ${result.failure}`);
    return result;
  }

  tellFloor(message: FloorMessage): void {
    this.#floor.send(message);
  }

  /** From a write to the last of many watchers that has it. */
  async watch(): Promise<void> {
    const data = { text: 'x'.repeat(2000) };
    const made = await this.#client.create(configMaps, { metadata: { name: 'watched', namespace: 'default' }, data });
    const path = `/api/v1/namespaces/default/configmaps?watch=true&fieldSelector=metadata.name=watched&resourceVersion=${made.metadata.resourceVersion}`;
    const event = `${JSON.stringify({ type: 'MODIFIED', object: { apiVersion: 'v1', kind: 'ConfigMap', ...made } })}\n`;
    const floor = await this.#fanOut(this.#floorPort, '/watch', async () => this.tellFloor({ event }));
    const got = await this.#fanOut(this.#cluster.port, path, async (i) => {
      await this.#client.update(configMaps, { metadata: { name: 'watched', namespace: 'default' }, data: { ...data, round: String(i) } });
    });
    against(
      `one durable write to ${WATCHERS} watchers, until the last has it`,
      quantile(got, 0.5),
      'ms',
      quantile(floor, 0.5),
      'the same bytes to as many, nothing written',
      {
        p99Ms: round(quantile(got, 0.99)),
        floorP99Ms: round(quantile(floor, 0.99)),
      },
    );
  }

  async #fanOut(port: number, path: string, write: (i: number) => Promise<void>): Promise<readonly number[]> {
    const worker = new Worker(new URL('./watch-client.ts', import.meta.url), {
      workerData: { port, path, count: WATCHERS, credentials: this.#credentials } satisfies WatchLoad,
    });
    const next = (): Promise<number> => new Promise((resolve) => worker.once('message', resolve));
    worker.on('error', (thrown) => {
      throw thrown;
    });
    await next();
    const times: number[] = [];
    for (let i = 0; i < EVENTS; i++) {
      const start = performance.timeOrigin + performance.now();
      const last = next();
      await write(i);
      times.push((await last) - start);
    }
    await worker.terminate();
    return times;
  }

  async read(path: string): Promise<string> {
    return JSON.stringify(await this.#client.raw('GET', path));
  }
}

await using cluster = await BenchCluster.make({ args: ['--simulated'] });
await cluster.up();
using session = await cluster.connect();
await cluster.started();
const { cert, key } = cluster.credentials();
const { child, port } = await startFloor({ directory: join(cluster.directory, 'floor'), tls: { cert, key } });
try {
  const bench = new Bench(cluster, session.client, child, port);
  const creates: Work = { connections: CLIENTS, seconds: SECONDS, method: 'POST', path: PODS, body: podText('created-%n') };
  const peak = await bench.compare(`durable create of a pod (2 KB), ${CLIENTS} connections`, creates, WRITTEN);
  await bench.paced('p99 / p50 of a durable create at half of that rate, arriving evenly', { ...creates, body: podText('paced-%n') }, peak / 2);
  await bench.fewClients('p99 / p50 of a durable create, as many clients as reach half of that rate', { ...creates, body: podText('few-%n') }, peak / 2);
  await session.client.raw('DELETE', PODS, {});
  const fill = async (lane: number): Promise<void> => {
    for (let i = lane; i < MANY; i += 16) await session.client.raw('POST', PODS, JSON.parse(podText(`pod-${i}`)) as JsonObject);
  };
  await Promise.all(Array.from({ length: 16 }, (_, lane) => fill(lane)));
  const one = await bench.read(`${PODS}/pod-1`);
  bench.tellFloor({ path: `${PODS}/pod-1`, body: one });
  await bench.compare(
    `GET of a pod (${round(one.length / 1000)} KB), 32 connections`,
    { connections: 32, seconds: SECONDS, method: 'GET', path: `${PODS}/pod-1` },
    'a bare server that sends the same bytes',
  );
  const changed = changedPod(one);
  const puts: Work = { connections: CLIENTS, seconds: SECONDS, method: 'PUT', among: MANY, path: `${PODS}/pod-%m`, body: changed };
  await bench.compare(`durable update of a pod (PUT, ${round(changed.length / 1000)} KB), ${CLIENTS} connections`, puts, WRITTEN);
  const merge = JSON.stringify({ metadata: { labels: { round: 'r%n' } } });
  await bench.compare(
    `durable merge patch of a label of a pod, ${CLIENTS} connections`,
    { ...puts, method: 'PATCH', contentType: 'application/merge-patch+json', body: merge },
    'the whole pod sent: TLS, parse, stringify, group commit to SQLite, reply',
    puts,
  );
  const applies: Work = { ...puts, method: 'PATCH', contentType: 'application/apply-patch+yaml', path: `${PODS}/pod-%m?fieldManager=bench&force=true` };
  await bench.compare(`durable server-side apply of the whole pod, ${CLIENTS} connections`, applies, WRITTEN, puts);
  await bench.beside('time of a server-side apply, in updates of the same pods', applies, puts);
  const all = await bench.read(PODS);
  bench.tellFloor({ path: PODS, body: all });
  await bench.compare(
    `LIST of ${MANY} pods (${round(all.length / 1e6)} MB)`,
    { connections: 1, seconds: SECONDS, method: 'GET', path: PODS },
    'a bare server that sends the same bytes',
  );
  await bench.watch();
} finally {
  await endFloor(child);
}
