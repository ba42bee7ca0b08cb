/** What rests in memory with 1,000 running pods on simulated nodes, and how long they take from a Deployment. `node bench/memory.ts` */
import { setTimeout as delay } from 'node:timers/promises';
import { deployments, nodes } from '../src/api/gen/resources.ts';
import { BenchCluster } from './cluster.ts';
import { round, say } from './figure.ts';

const PODS = 1000;
const NODES = 10;

await using cluster = await BenchCluster.make({ args: ['--simulated', '--nodes', String(NODES)] });
await cluster.up();
await cluster.started();
using session = await cluster.connect();
const { client } = session;
while ((await client.list(nodes)).items.length < NODES) await delay(50);
await delay(3000);
const empty = cluster.memory();
say(`idle, ${NODES} simulated nodes: resident memory`, empty.rssMb, 'MB', { anonymousMb: round(empty.anonymousMb) });
const before = performance.now();
const labels = { app: 'many' };
await client.create(deployments, {
  metadata: { name: 'many', namespace: 'default' },
  spec: {
    replicas: PODS,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'busybox:1.36', command: ['sleep', '1000000'] }] } },
  },
});
for (;;) {
  const { status } = await client.get(deployments, 'many', 'default');
  if (status?.readyReplicas === PODS) break;
  if (performance.now() - before > 90_000) throw new Error(`after 90 s: ${JSON.stringify(status)}`);
  await delay(100);
}
say(`Deployment of ${PODS} replicas on ${NODES} simulated nodes: all ready`, performance.now() - before, 'ms');
await delay(5000);
const rightAfter = cluster.memory();
// V8 gives back what is free some time after the load.
await delay(35_000);
const cpu = cluster.cpuSeconds();
await delay(10_000);
const { rssMb, anonymousMb } = cluster.memory();
say(`${PODS} pods on ${NODES} simulated nodes: resident memory`, rssMb, 'MB', {
  anonymousMb: round(anonymousMb),
  addedMb: round(rssMb - empty.rssMb),
  rightAfterMb: round(rightAfter.rssMb),
  cpuPercent: round((cluster.cpuSeconds() - cpu) * 10),
});
