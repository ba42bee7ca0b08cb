/**
 * From `berth up` to a ready API, a ready node and the first pod, and what rests in memory then. `node bench/start.ts [source]`
 * First start: an empty data directory. Second: the same again, the image loaded. Needs root for the real node, else a simulated one.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { nodes, pods } from '../src/api/gen/resources.ts';
import type { Client } from '../src/client/client.ts';
import { BenchCluster } from './cluster.ts';
import { quantile, round, say } from './figure.ts';

const ROUNDS = 3;
const real = process.getuid?.() === 0 && process.argv[3] !== 'simulated';
const from = process.argv[2] === 'source' ? ('source' as const) : undefined;
const label = `${from ?? 'bundle'}, ${real ? 'containerd' : 'simulated node'}`;

/** Resolves when the object of that name (empty: any) has a status that satisfies; by a watch, so that nobody is asked again and again. */
function when(client: Client, resource: typeof nodes | typeof pods, name: string, satisfied: (status: string) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    void client
      .watch(
        resource as typeof pods,
        { sendInitialEvents: true, allowBookmarks: true },
        {
          events: (batch) => {
            for (const event of batch)
              if (event.type !== 'BOOKMARK' && (name === '' || event.object.metadata.name === name) && satisfied(JSON.stringify(event.object.status ?? {})))
                resolve();
          },
          closed: (error) => reject(error ?? new Error('the watch ended')),
        },
      )
      .catch(reject);
  });
}

const nodeIsReady = (status: string): boolean => /"type":"Ready"[^}]*"status":"True"|"status":"True"[^}]*"type":"Ready"/.test(status);

async function startOnce(cluster: BenchCluster): Promise<{ readonly apiMs: number; readonly nodeMs: number }> {
  const before = performance.now();
  const apiMs = await cluster.up();
  // The node of an earlier start may still be called ready: it counts when this start is over.
  using session = await cluster.connect();
  await Promise.all([when(session.client, nodes, '', nodeIsReady), cluster.started()]);
  return { apiMs, nodeMs: performance.now() - before };
}

async function firstPod(cluster: BenchCluster, name: string): Promise<number> {
  const before = performance.now();
  await cluster.up();
  using session = await cluster.connect();
  const { client } = session;
  const running = when(client, pods, name, (status) => status.includes('"phase":"Running"'));
  await client.create(pods, {
    metadata: { name, namespace: 'default' },
    spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image: 'busybox:1.36', command: ['sleep', '1000000'] }] },
  });
  await running;
  return performance.now() - before;
}

await using cluster = await BenchCluster.make({ args: real ? [] : ['--simulated'], ...(from === undefined ? {} : { from }) });
const cold = await startOnce(cluster);
say(`first start (${label}): API ready`, cold.apiMs, 'ms');
say(`first start (${label}): node Ready`, cold.nodeMs, 'ms');
if (real) await cluster.loadBusybox();
const again: { readonly apiMs: number; readonly nodeMs: number }[] = [];
for (let i = 0; i < ROUNDS; i++) {
  await cluster.stop();
  again.push(await startOnce(cluster));
}
say(
  `second start (${label}): API ready`,
  quantile(
    again.map(({ apiMs }) => apiMs),
    0.5,
  ),
  'ms',
  { aim: 500 },
);
say(
  `second start (${label}): node Ready`,
  quantile(
    again.map(({ nodeMs }) => nodeMs),
    0.5,
  ),
  'ms',
  { aim: 1500 },
);
// A start of its own, without hundreds of handshakes of those who could not wait.
await cluster.stop();
await cluster.up(200);
await cluster.started();
await delay(5000);
const cpu = cluster.cpuSeconds();
await delay(5000);
const { rssMb, anonymousMb, childrenMb } = cluster.memory();
say(`idle (${label}): resident memory`, rssMb, 'MB', {
  anonymousMb: round(anonymousMb),
  helperProcessesMb: round(childrenMb),
  cpuPercent: round((cluster.cpuSeconds() - cpu) * 20),
  aim: 130,
});
const firsts: number[] = [];
for (let i = 0; i < ROUNDS; i++) {
  await cluster.stop();
  firsts.push(await firstPod(cluster, `first-${i}`));
}
say(`second start (${label}): first pod Running, image loaded`, quantile(firsts, 0.5), 'ms');
