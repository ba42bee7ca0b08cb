/**
 * How long the event loop of the API server is held by whatever a client can send: law 10 says 20 ms, garbage collection apart.
 * Behind TLS, above SQLite, with every stage; the client is a thread of its own. Each row three times, the least disturbed counts.
 * `node bench/turns.ts [PART OF A NAME...]`: one JSON line a row, a table on the error output.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { silentLog } from '../src/base/log.ts';
import { loopTurns } from '../src/base/loop-turns.ts';
import { SystemRandom } from '../src/base/random.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { Certificates } from '../src/cluster/certificates.ts';
import { ControlPlane } from '../src/cluster/control-plane.ts';
import { hmacKeys } from '../src/cluster/node-keys.ts';
import { defaultStoreSettings } from '../src/store/settings.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';
import { quantile, round } from './figure.ts';
import { MANY_MAPS, MANY_PODS, map, NAMESPACE, pod, type Row, rows } from './turns-rows.ts';
import { TurnMeter, type TurnReport } from './turn-meter.ts';
import type { Answered, Asked, ClientSettings } from './turns-client.ts';

const ROUNDS = 3;
const BOUND_MS = 20;
const ADMIN = { name: 'admin', groups: ['system:masters'] };

const wanted = process.argv.slice(2);

class Client implements AsyncDisposable {
  readonly #worker: Worker;

  constructor(settings: ClientSettings) {
    this.#worker = new Worker(new URL('./turns-client.ts', import.meta.url), { workerData: settings });
  }

  /** The request lies ready in the client's thread: only its arrival is measured. */
  async prepare(asked: Asked): Promise<() => Promise<Answered>> {
    await this.#say(asked);
    return () => this.#say('go') as Promise<Answered>;
  }

  #say(message: Asked | 'go'): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const onMessage = (answer: unknown): void => {
        this.#worker.off('error', reject);
        resolve(answer);
      };
      this.#worker.once('message', onMessage);
      this.#worker.once('error', reject);
      this.#worker.postMessage(message);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}

function asked({ method, path, type, headers = {}, body, abreast = 1, leaveAfterMs }: Row, version: number): Asked {
  const given = body?.();
  const all = { ...headers, ...(given === undefined ? {} : { 'content-type': type ?? 'application/json' }) };
  return { method, path: path.replace('%V', String(version)), headers: all, body: given, abreast, leaveAfterMs };
}

async function measure(row: Row, plane: ControlPlane, client: Client, meter: TurnMeter): Promise<void> {
  const reports: TurnReport[] = [];
  let answer: Answered | undefined;
  let totalMs = Number.POSITIVE_INFINITY;
  for (const { method, path, body } of row.before ?? [])
    await (await client.prepare(asked({ name: '', method, path, ...(body === undefined ? {} : { body }) }, 0)))();
  for (let at = 0; at < (row.once === true ? 1 : ROUNDS); at++) {
    const go = await client.prepare(asked(row, plane.store.revision));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const began = performance.now();
    const { result, report } = await meter.measure(go);
    totalMs = Math.min(totalMs, performance.now() - began);
    answer = result;
    reports.push(report);
  }
  const least = (of: (report: TurnReport) => number): number => round(Math.min(...reports.map(of)));
  const turn = Math.min(
    least((r) => r.turn),
    least((r) => r.turnCpu),
  );
  const figures = { delayMs: least((r) => r.delay), gcMs: round(Math.max(...reports.map((r) => r.collection))), totalMs: round(totalMs) };
  const { code = 0, bytes = 0, start = '' } = answer ?? {};
  console.log(JSON.stringify({ figure: `turn: ${row.name}`, value: turn, unit: 'ms', ...figures, code, bytes }));
  const why = code >= 400 || code === 0 ? (/"message":"((?:[^"\\]|\\.){0,90})/.exec(start)?.[1] ?? start.slice(0, 90)) : '';
  const cells = [turn.toFixed(1), figures.delayMs.toFixed(1), figures.gcMs.toFixed(1), totalMs.toFixed(0)].map((cell) => cell.padStart(8)).join('');
  console.error(`${turn > BOUND_MS ? '>' : ' '} ${row.name.slice(0, 60).padEnd(60)}${cells}  ${code} ${why}`);
}

/** Made in process, many at a time. */
async function fill(plane: ControlPlane, path: string, count: number, body: (at: number) => string): Promise<void> {
  const { handler } = plane.api;
  for (let from = 0; from < count; from += 200) {
    const some = Array.from({ length: Math.min(200, count - from) }, (_, i) => JSON.parse(body(from + i)) as object);
    await Promise.all(some.map((object) => handler.request({ method: 'POST', path, query: [], user: ADMIN, userAgent: 'bench/1', body: object as never })));
  }
}

async function main(): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'berth-turns-'));
  const clock = new SystemClock();
  const random = new SystemRandom();
  const certificates = await Certificates.open(join(root, 'certificates'), clock);
  const plane = await ControlPlane.open({
    clock,
    random,
    log: silentLog,
    keys: hmacKeys(random.bytes(32), random),
    openStore: (project) => openSqliteStore({ directory: join(root, 'store'), clock, project, log: silentLog, settings: { ...defaultStoreSettings } }),
    yieldToLoop: loopTurns(setImmediate),
    addresses: () => ({ serviceIp: '10.96.0.1', serviceCidr: '10.96.0.0/16', advertiseIp: '192.0.2.1', port: 6443 }),
    caPem: certificates.caPem,
    serviceCidr: '10.96.0.0/16',
    nodePorts: { first: 30_000, last: 32_767 },
    runtimeConfig: {},
    seats: 600,
  });
  await plane.bootstrap();
  const pair = await certificates.issue({ commonName: 'server', organizations: [], dnsNames: [], ipAddresses: ['127.0.0.1'], usages: ['server'] });
  const admin = await certificates.issue({ commonName: 'admin', organizations: ['system:masters'], dnsNames: [], ipAddresses: [], usages: ['client'] });
  const { port } = await plane.api.listen({ host: '127.0.0.1', port: 0, tls: { key: pair.keyPem, cert: pair.certPem, clientCa: certificates.caPem } });
  const chosen = rows.filter(({ name, path }) => wanted.length === 0 || wanted.some((part) => name.includes(part) || path.includes(part)));
  for (const name of ['turns', 'many'])
    await fill(plane, '/api/v1/namespaces', 1, () => JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }));
  for (const namespace of ['turns', 'many'])
    await fill(plane, `/api/v1/namespaces/${namespace}/serviceaccounts`, 1, () =>
      JSON.stringify({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } }),
    );
  const labels = (at: number): object => ({ labels: { number: String(at % 1000), ...(at % 5000 === 0 ? { rare: 'yes' } : {}) } });
  if (chosen.some(({ path }) => path.startsWith(MANY_MAPS))) await fill(plane, MANY_MAPS, 100_000, (at) => map(`map-${at}`, 2, 'a value', labels(at)));
  if (chosen.some(({ path }) => path.startsWith(MANY_PODS) || path.startsWith('/api/v1/pods')))
    await fill(plane, MANY_PODS, 10_000, (at) =>
      pod(
        `pod-${at}`,
        {
          nodeName: `node-${at % 100}`,
          containers: [
            {
              name: 'main',
              image: 'registry.example.com/app:1',
              env: Array.from({ length: 12 }, (_, i) => ({ name: `V_${i}`, value: 'a value as long as values are' })),
            },
          ],
        },
        labels(at),
      ),
    );
  if (chosen.some(({ path }) => path.startsWith(`${NAMESPACE}/configmaps`))) await fill(plane, `${NAMESPACE}/configmaps`, 3, (at) => map(`read-${at}`, 20_000));
  using meter = new TurnMeter();
  await using client = new Client({ port, cert: admin.certPem, key: admin.keyPem });
  console.error(`  ${''.padEnd(60)}${['turn', 'delay', 'gc', 'total'].map((head) => head.padStart(8)).join('')}  code`);
  for (const row of chosen) await measure(row, plane, client, meter);
  const all = meter.collections;
  const gc = (q: number): number => round(quantile(all, q));
  console.log(
    JSON.stringify({
      figure: 'garbage collection, p99.9',
      value: gc(0.999),
      unit: 'ms',
      p50Ms: gc(0.5),
      p99Ms: gc(0.99),
      maxMs: gc(1),
      count: all.length,
      rssMb: round(process.memoryUsage.rss() / 1e6),
      // Pauses are as long as others keep the processors busy.
      loadPerProcessor: round((loadavg()[0] ?? 0) / availableParallelism()),
    }),
  );
  await plane[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
}

/** As `bin/berth.cjs` starts the server: the young generation is set before the first object is made. */
const FLAGS = ['--max-semi-space-size=16', '--disable-warning=ExperimentalWarning'];

if (process.execArgv.includes(FLAGS[0] as string)) await main();
else process.exitCode = spawnSync(process.execPath, [...FLAGS, import.meta.filename, ...wanted], { stdio: 'inherit' }).status ?? 1;
