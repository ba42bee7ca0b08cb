/**
 * What ten thousand pods take in memory with every component in the process: stored only, while lists of all of them run, and running
 * on a hundred simulated nodes. `node bench/many-pods.ts`
 */
import { request } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { deployments, nodes } from '../src/api/gen/resources.ts';
import { BenchCluster } from './cluster.ts';
import { round, say } from './figure.ts';
import type { Load, LoadResult } from './load-client.ts';

const PODS = 10_000;
const NODES = 100;
const DEPLOYMENTS = 10;
const LISTS = 5;
const ABREAST = 4;
/** V8 gives back what is free some time after the load. */
const REST_MS = 30_000;
const LATEST_MS = 240_000;
const PATH = '/api/v1/namespaces/default/pods';

/** Stored it has 4 KB. Nobody schedules it. */
const pod = (name: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: 'bench', tier: 'backend' }, annotations: { 'example.com/note': 'x'.repeat(200) } },
    spec: {
      schedulerName: 'nobody',
      containers: [
        {
          name: 'main',
          image: 'registry.example.com/team/application:v1.2.3',
          env: Array.from({ length: 12 }, (_, i) => ({ name: `VARIABLE_${i}`, value: `a value that is as long as values are, number ${i}` })),
          ports: [{ containerPort: 8080 }],
          resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
          readinessProbe: { httpGet: { path: '/ready', port: 8080 } },
        },
      ],
    },
  });

async function drive(load: Load): Promise<LoadResult> {
  const worker = new Worker(new URL('./load-client.ts', import.meta.url), { workerData: load });
  const result = await new Promise<LoadResult>((resolve, reject) => worker.on('message', resolve).on('error', reject));
  await worker.terminate();
  if (result.failures > 0) throw new Error(`${result.failures} requests failed: ${result.failure}`);
  return result;
}

/** Bytes of a list of all pods. */
function list(cluster: BenchCluster): Promise<number> {
  return new Promise((resolve, reject) => {
    const asking = request(
      { host: '127.0.0.1', port: cluster.port, path: PATH, rejectUnauthorized: false, agent: false, ...cluster.credentials() },
      (answer) => {
        let bytes = 0;
        answer.on('data', (chunk: Buffer) => (bytes += chunk.length));
        answer.on('end', () => resolve(bytes));
        answer.on('error', reject);
      },
    );
    asking.on('error', reject);
    asking.end();
  });
}

async function whileLists(cluster: BenchCluster, what: string): Promise<void> {
  let most = 0;
  const timer = setInterval(() => (most = Math.max(most, cluster.memory().rssMb)), 20);
  let bytes = 0;
  for (let i = 0; i < LISTS; i++) bytes = (await Promise.all(Array.from({ length: ABREAST }, () => list(cluster))))[0] ?? 0;
  clearInterval(timer);
  say(`${what}: most resident memory while ${ABREAST} lists of all of them run`, most, 'MB', { listMb: round(bytes / 1e6) });
}

async function atRest(cluster: BenchCluster, what: string, more: Readonly<Record<string, number>>): Promise<void> {
  await delay(REST_MS);
  const cpu = cluster.cpuSeconds();
  await delay(10_000);
  say(`${what}: resident memory`, cluster.memory().rssMb, 'MB', { ...more, cpuPercent: round((cluster.cpuSeconds() - cpu) * 10) });
}

async function stored(): Promise<void> {
  await using cluster = await BenchCluster.make({ args: ['--simulated'] });
  await cluster.up();
  await cluster.started();
  using _session = await cluster.connect();
  await delay(10_000);
  const cpu = cluster.cpuSeconds();
  await delay(20_000);
  say('idle, one simulated node: resident memory', cluster.memory().rssMb, 'MB', { cpuPercent: round((cluster.cpuSeconds() - cpu) * 5) });
  const { perSecond } = await drive({
    port: cluster.port,
    connections: 32,
    seconds: 120,
    method: 'POST',
    path: PATH,
    body: pod('pod-%n'),
    count: PODS,
    credentials: cluster.credentials(),
  });
  const loadedMb = cluster.memory().rssMb;
  await atRest(cluster, `${PODS} pods stored, all components`, { rightAfterMb: round(loadedMb), createdPerSecond: round(perSecond) });
  await whileLists(cluster, `${PODS} pods stored, all components`);
}

async function running(): Promise<void> {
  await using cluster = await BenchCluster.make({ args: ['--simulated', '--nodes', String(NODES)] });
  await cluster.up();
  await cluster.started();
  using session = await cluster.connect();
  const { client } = session;
  while ((await client.list(nodes)).items.length < NODES) await delay(50);
  const before = performance.now();
  for (let i = 0; i < DEPLOYMENTS; i++) {
    const labels = { app: `many-${i}` };
    await client.create(deployments, {
      metadata: { name: `many-${i}`, namespace: 'default' },
      spec: {
        replicas: PODS / DEPLOYMENTS,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'busybox:1.36', command: ['sleep', '1000000'] }] } },
      },
    });
  }
  let most = 0;
  for (let ready = 0; ready < PODS; ) {
    await delay(250);
    most = Math.max(most, cluster.memory().rssMb);
    ready = (await client.list(deployments)).items.reduce((sum, { status }) => sum + (status?.readyReplicas ?? 0), 0);
    if (performance.now() - before > LATEST_MS) throw new Error(`${ready} pods are ready after ${LATEST_MS / 1000} s`);
  }
  const what = `${PODS} pods running on ${NODES} simulated nodes`;
  say(`${what}: all ready`, (performance.now() - before) / 1000, 's', { mostMb: round(most) });
  await atRest(cluster, what, {});
  await whileLists(cluster, what);
}

const only = process.argv[2];
if (only !== 'running') await stored();
if (only !== 'stored') await running();
