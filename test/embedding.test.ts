/** The package as a library: what its two entries promise. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SimulatedCluster } from 'berth/testing';
import { startInProcessCluster } from 'berth';
import { deployments, persistentVolumeClaims, pods } from '../src/api/gen/resources.ts';
import type { Deployment } from '../src/api/gen/types/apps.v1.ts';
import type { PersistentVolumeClaim, Pod } from '../src/api/gen/types/core.v1.ts';
import type { Client } from '../src/client/client.ts';

const claim: PersistentVolumeClaim = {
  metadata: { name: 'data', namespace: 'default' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
};
const web: Deployment = {
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'busybox:1.36' }], volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] },
    },
  },
};

/** Resolves when so many pods run. */
async function running(client: Client, count: number): Promise<void> {
  const up = new Set<string>();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const see = ({ metadata, status }: Pod): void => {
    if (status?.phase === 'Running') up.add(metadata?.name ?? '');
    if (up.size >= count) resolve();
  };
  const { items, resourceVersion } = await client.list(pods, { namespace: 'default' });
  items.forEach(see);
  const watch = await client.watch(
    pods,
    { namespace: 'default', resourceVersion },
    { events: (batch) => batch.forEach(({ object }) => see(object)), closed: (error) => reject(error ?? new Error('the watch ended')) },
  );
  await promise;
  watch.close();
}

it('a whole cluster in the process, in real time: a deployment with a claim runs', { timeout: 300_000 }, async (t) => {
  const startedMs = performance.now();
  await using cluster = await startInProcessCluster();
  const readyMs = performance.now();
  await cluster.client.create(persistentVolumeClaims, claim);
  await cluster.client.create(deployments, web);
  await running(cluster.client, 2);
  const runningMs = performance.now();
  t.diagnostic(`cluster ready after ${(readyMs - startedMs).toFixed(0)} ms, two pods with a volume run ${(runningMs - readyMs).toFixed(0)} ms later`);
  assert.equal((await cluster.client.get(persistentVolumeClaims, 'data', 'default')).status?.phase, 'Bound');
});

it('the same on virtual time: an hour passes in a moment', { timeout: 300_000 }, async (t) => {
  const startedMs = performance.now();
  await using cluster = await SimulatedCluster.start({ nodes: 2 });
  await cluster.client.create(persistentVolumeClaims, claim);
  await cluster.client.create(deployments, web);
  await cluster.until('both pods run', () => cluster.record.all<Pod>('pods').filter(({ status }) => status?.phase === 'Running').length === 2);
  const runningMs = performance.now();
  await cluster.advance(3_600_000);
  t.diagnostic(`two nodes and two pods after ${(runningMs - startedMs).toFixed(0)} ms, an hour later after ${(performance.now() - startedMs).toFixed(0)} ms`);
  assert.equal(cluster.record.all('pods').length, 2);
});
