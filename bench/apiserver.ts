/** The API server beside a bare server that does the same, in the same run. One JSON line a figure. `node bench/apiserver.ts` */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { Worker } from 'node:worker_threads';
import { builtinFacts } from '../src/api/facts.ts';
import { builtinKinds } from '../src/api/registry.ts';
import { createProjector, type Projection } from '../src/apiserver/codec/projection.ts';
import { parseManaged } from '../src/apiserver/codec/record.ts';
import { type ApiServer, createApiServer, createRegistry } from '../src/apiserver/server.ts';
import { openStages } from '../src/apiserver/stages.ts';
import { silentLog } from '../src/base/log.ts';
import { loopTurns } from '../src/base/loop-turns.ts';
import { SystemRandom } from '../src/base/random.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { Certificates, type KeyPair } from '../src/cluster/certificates.ts';
import type { JsonObject } from '../src/machinery/object.ts';
import { formatManagedFields } from '../src/schema/apply/managed-fields.ts';
import { trackUpdate } from '../src/schema/apply/track-update.ts';
import { defaultStoreSettings } from '../src/store/settings.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';
import type { Store } from '../src/store/store.ts';
import type { Load, LoadResult } from './load-client.ts';
import type { WatchLoad } from './watch-client.ts';

const PODS = '/api/v1/namespaces/bench/pods';
const MANY = 10_000;
const ADMIN = { name: 'admin', groups: ['system:masters'] };

const round = (value: number): number => Number(value.toPrecision(3));
const say = (figure: string, value: number, unit: string, more: object = {}): void =>
  console.log(JSON.stringify({ figure, value: round(value), unit, ...more }));
const against = (figure: string, value: number, floor: number, unit: string, more: object = {}): void =>
  say(figure, value, unit, { floor: round(floor), ratio: round(value / floor), ...more });

/** A pod of about 2 KB as a client sends it. */
function podText(name: string): string {
  const environment = Array.from({ length: 12 }, (_, i) => ({ name: `VARIABLE_${i}`, value: `a value that is as long as values are, number ${i}` }));
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      labels: { app: 'bench', tier: 'backend', 'app.kubernetes.io/part-of': 'benchmarks' },
      annotations: { 'example.com/note': 'x'.repeat(200) },
    },
    spec: {
      containers: [
        {
          name: 'main',
          image: 'registry.example.com/team/application:v1.2.3',
          env: environment,
          ports: [{ containerPort: 8080 }],
          resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
          readinessProbe: { httpGet: { path: '/ready', port: 8080 } },
        },
      ],
      nodeName: 'node-1',
    },
  });
}

interface Load2 extends LoadResult {
  /** Of the thread that serves, µs a request. */
  readonly cpuMicros: number;
}

async function drive(load: Load): Promise<Load2> {
  const before = process.threadCpuUsage();
  const worker = new Worker(new URL('./load-client.ts', import.meta.url), { workerData: load });
  const result = await new Promise<LoadResult>((resolve, reject) => {
    worker.on('message', resolve);
    worker.on('error', reject);
  });
  const used = process.threadCpuUsage(before);
  await worker.terminate();
  if (result.failures > 0) throw new Error(`${result.failures} requests failed: ${result.failure}`);
  return { ...result, cpuMicros: (used.user + used.system) / result.requests };
}

async function bareServer(
  pair: KeyPair,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ readonly port: number; readonly server: Server }> {
  const server = createServer({ key: pair.keyPem, cert: pair.certPem }, handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 };
}

async function fetchOnce(port: number, path: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] }, () =>
      socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`),
    );
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('end', () => {
      const all = Buffer.concat(chunks);
      resolve(all.subarray(all.indexOf('\r\n\r\n') + 4));
    });
    socket.on('error', reject);
  });
}

async function benchGet(port: number, pair: KeyPair): Promise<void> {
  const body = await fetchOnce(port, `${PODS}/pod-1`);
  const bare = await bareServer(pair, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
    response.end(body);
  });
  const load = { connections: 32, seconds: 3, method: 'GET', path: `${PODS}/pod-1` };
  await drive({ ...load, port, seconds: 1 });
  const floor = await drive({ ...load, port: bare.port });
  const got = await drive({ ...load, port });
  against(`GET of one pod (${body.length} bytes), 32 connections`, got.perSecond, floor.perSecond, '1/s', {
    p99Ms: round(got.p99Ms),
    cpuMicros: round(got.cpuMicros),
    floorCpuMicros: round(floor.cpuMicros),
  });
  bare.server.close();
}

async function benchList(port: number, pair: KeyPair): Promise<void> {
  const whole = await fetchOnce(port, PODS);
  const bare = await bareServer(pair, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': whole.length });
    let at = 0;
    const more = (): void => {
      while (at < whole.length) {
        const room = response.write(whole.subarray(at, (at += 65_536)));
        if (!room) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  });
  const load = { connections: 1, seconds: 3, method: 'GET', path: PODS };
  const floor = await drive({ ...load, port: bare.port });
  const got = await drive({ ...load, port });
  against(
    `LIST of ${MANY} pods (${round(whole.length / 1e6)} MB), bandwidth`,
    (got.bytes / 1e6 / 1000) * got.perSecond * (1000 / got.requests),
    (floor.bytes / 1e6 / 1000) * floor.perSecond * (1000 / floor.requests),
    'MB/s',
    {
      p50Ms: round(got.p50Ms),
      floorP50Ms: round(floor.p50Ms),
      rssMb: round(process.memoryUsage.rss() / 1e6),
    },
  );
  bare.server.close();
}

/** TLS, parse, stringify, group commit, reply: what cannot be left out. */
async function benchCreate(port: number, pair: KeyPair, root: string): Promise<void> {
  const store = await openSqliteStore<null>({
    directory: join(root, 'bare'),
    clock: new SystemClock(),
    settings: defaultStoreSettings,
    project: () => null,
    log: silentLog,
  });
  let count = 0;
  const bare = await bareServer(pair, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const object = JSON.parse(Buffer.concat(chunks).toString()) as { metadata: Record<string, unknown> };
      object.metadata.uid = String(count++);
      const value = Buffer.from(JSON.stringify(object));
      void store.commit([{ do: 'put', key: `/bare/${count}`, value, projection: null }]).then(() => {
        response.writeHead(201, { 'content-type': 'application/json', 'content-length': value.length });
        response.end(value);
      });
    });
  });
  for (const connections of [1, 64]) {
    const load = { connections, seconds: 4, method: 'POST', path: PODS, body: podText(`c${connections}-%n`) };
    await drive({ ...load, port, seconds: 0.5, body: podText(`w${connections}-%n`) });
    const floor = await drive({ ...load, port: bare.port });
    const got = await drive({ ...load, port });
    against(`durable create of a pod of ${podText('x').length} bytes, ${connections} connections`, got.perSecond, floor.perSecond, '1/s', {
      p50Ms: round(got.p50Ms),
      p99Ms: round(got.p99Ms),
      cpuMicros: round(got.cpuMicros),
      floorCpuMicros: round(floor.cpuMicros),
    });
  }
  const patch = await drive({
    port,
    connections: 32,
    seconds: 3,
    method: 'PUT',
    path: `${PODS}/pod-%n`,
    body: podText('pod-%n').replace('v1.2.3', 'v1.2.4'),
    count: MANY,
  });
  say('update of a pod, 32 connections', patch.perSecond, '1/s', { p50Ms: round(patch.p50Ms), p99Ms: round(patch.p99Ms), cpuMicros: round(patch.cpuMicros) });
  bare.server.close();
  await store[Symbol.asyncDispose]();
}

/** One write, and the time until the last of many watchers has it; beside a bare server that sends the same bytes to as many. */
async function benchWatch(port: number, pair: KeyPair, api: ApiServer, version: string): Promise<void> {
  const count = 1000;
  const body = { metadata: { name: 'w' }, data: { k: 'x'.repeat(2000) } };
  const event = Buffer.from(`{"type":"ADDED","object":${JSON.stringify({ ...body, kind: 'ConfigMap', apiVersion: 'v1', padding: 'x'.repeat(300) })}}\n`);
  const open = new Set<ServerResponse>();
  const bare = await bareServer(pair, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    open.add(response);
  });
  const floor = await fanOut({ port: bare.port, path: '/', count }, async () => {
    for (const response of open) response.write(event);
  });
  bare.server.closeAllConnections();
  bare.server.close();
  let n = 0;
  const before = process.memoryUsage.rss();
  const got = await fanOut({ port, path: `/api/v1/namespaces/bench/configmaps?watch=true&resourceVersion=${version}`, count }, async () => {
    await api.handler.request({
      method: 'POST',
      path: '/api/v1/namespaces/bench/configmaps',
      query: [],
      user: ADMIN,
      body: { ...body, metadata: { name: `w${n++}` } },
    });
  });
  say(`one durable write to ${count} watchers, until the last has it`, got.p50Ms, 'ms', {
    maxMs: round(got.maxMs),
    floorMs: round(floor.p50Ms),
    cpuMicrosPerDelivery: round(got.cpuMicros),
    floorCpuMicros: round(floor.cpuMicros),
    rssMbAdded: round((process.memoryUsage.rss() - before) / 1e6),
  });
}

const ROUNDS = 50;

async function fanOut(load: WatchLoad, write: () => Promise<void>): Promise<{ readonly p50Ms: number; readonly maxMs: number; readonly cpuMicros: number }> {
  const worker = new Worker(new URL('./watch-client.ts', import.meta.url), { workerData: load });
  worker.on('error', (thrown) => {
    throw thrown;
  });
  const next = (): Promise<number> => new Promise((resolve) => worker.once('message', resolve));
  await next();
  const times: number[] = [];
  const cpu = process.threadCpuUsage();
  for (let i = 0; i < ROUNDS; i++) {
    const start = performance.timeOrigin + performance.now();
    const last = next();
    await write();
    times.push((await last) - start);
  }
  const used = process.threadCpuUsage(cpu);
  await worker.terminate();
  times.sort((a, b) => a - b);
  return { p50Ms: times[ROUNDS / 2] ?? 0, maxMs: times.at(-1) ?? 0, cpuMicros: (used.user + used.system) / ROUNDS / load.count };
}

/** CPU of managedFields beside that of whole writes in process (no sockets, no admission): at most its share of a client's write. */
async function benchManaged(api: ApiServer, store: Store<Projection>): Promise<void> {
  const count = 4000;
  const cpuMicros = async (write: (i: number) => Promise<unknown>): Promise<number> => {
    const before = process.threadCpuUsage();
    for (let i = 0; i < count; i += 50) await Promise.all(Array.from({ length: 50 }, (_, j) => write(i + j)));
    const used = process.threadCpuUsage(before);
    return (used.user + used.system) / count;
  };
  const ask = (method: 'POST' | 'PUT', path: string, body: JsonObject) =>
    api.handler.request({ method, path, query: [], user: ADMIN, userAgent: 'bench/1', body, omitManagedFields: true });
  const context = { facts: builtinFacts, typeName: 'core.v1.Pod', apiVersion: 'v1', manager: 'bench', subresource: '', nowMs: 0 };
  const { body: stored } = await api.handler.request({ method: 'GET', path: `${PODS}/pod-1`, query: [], user: ADMIN, omitManagedFields: true });
  const text = JSON.stringify(stored);
  /** The stored pod with another name and image, as a client sends it. */
  const pod = (name: string, i: number): JsonObject => {
    const changed = JSON.parse(text.replaceAll('"pod-1"', JSON.stringify(name)).replace(/v1\.2\.\d+/, `v1.2.${i}`)) as JsonObject;
    const { uid: _u, resourceVersion: _r, creationTimestamp: _c, generation: _g, ...metadata } = changed.metadata as JsonObject;
    return { ...changed, metadata };
  };
  for (const warm of [false, true]) {
    const offset = warm ? count : 2 * count;
    const create = await cpuMicros((i) => ask('POST', PODS, pod(`m-${offset + i}`, i)));
    const createInput = await cpuMicros(async (i) => pod(`m-${offset + i}`, i));
    const update = await cpuMicros((i) => ask('PUT', `${PODS}/pod-${i}`, pod(`pod-${i}`, offset + i)));
    const updateInput = await cpuMicros(async (i) => pod(`pod-${i}`, offset + i));
    const ofCreate = await cpuMicros(async (i) => formatManagedFields(trackUpdate({ ...context, live: undefined, liveManaged: [], next: pod(`m-${i}`, i) })));
    const ofUpdate = await cpuMicros(async (i) => {
      const entry = store.get(`/registry/core/pods/bench/pod-${i}`);
      if (entry === undefined) throw new Error(`pod-${i} is not stored`);
      const liveManaged = parseManaged(entry.value, entry.projection);
      return formatManagedFields(trackUpdate({ ...context, live: stored, liveManaged, next: pod(`pod-${i}`, i) }));
    });
    if (!warm) continue;
    const share = (figure: string, managed: number, whole: number): void =>
      say(figure, managed / whole, 'of its CPU', { managedMicros: round(managed), wholeMicros: round(whole) });
    share("managedFields' share of a create", ofCreate - createInput, create - createInput);
    share("managedFields' share of an update", ofUpdate - updateInput, update - updateInput);
  }
}

async function fill(api: ApiServer): Promise<void> {
  for (let from = 0; from < MANY; from += 200) {
    await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        api.handler.request({ method: 'POST', path: PODS, query: [], user: ADMIN, userAgent: 'bench/1', body: JSON.parse(podText(`pod-${from + i}`)) }),
      ),
    );
  }
}

async function main(only: string | undefined): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'berth-bench-'));
  const clock = new SystemClock();
  const registry = createRegistry(builtinKinds().filter(({ servedByDefault }) => servedByDefault));
  const store: Store<Projection> = await openSqliteStore<Projection>({
    directory: join(root, 'store'),
    clock,
    settings: defaultStoreSettings,
    project: createProjector(registry),
    log: silentLog,
  });
  const api = createApiServer({
    store,
    registry,
    facts: builtinFacts,
    clock,
    random: new SystemRandom(),
    log: silentLog,
    stages: () => openStages,
    services: { cidr: '10.96.0.0/16' },
    yieldToLoop: loopTurns(setImmediate),
  });
  const certificates = await Certificates.open(join(root, 'certificates'), clock);
  const pair = await certificates.issue({ commonName: 'server', organizations: [], dnsNames: [], ipAddresses: ['127.0.0.1'], usages: ['server'] });
  const { port } = await api.listen({ host: '127.0.0.1', port: 0, tls: { key: pair.keyPem, cert: pair.certPem, clientCa: certificates.caPem } });
  const empty = process.memoryUsage.rss();
  const start = performance.now();
  await fill(api);
  say(`create ${MANY} pods in process`, MANY / ((performance.now() - start) / 1000), '1/s', { rssMbAdded: round((process.memoryUsage.rss() - empty) / 1e6) });
  const wants = (name: string): boolean => only === undefined || only === name;
  if (wants('get')) await benchGet(port, pair);
  if (wants('list')) await benchList(port, pair);
  if (wants('create')) await benchCreate(port, pair, root);
  if (wants('managed')) await benchManaged(api, store);
  if (wants('watch')) await benchWatch(port, pair, api, String(store.revision));
  await api[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
}

await main(process.argv[2]);
