/** What the simulation has found, each made to happen at once. Every one was seen to fail before it was mended. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nodes, persistentVolumeClaims, pods, statefulSets } from '../src/api/gen/resources.ts';
import type { Event as CoreEvent, Node, PersistentVolumeClaim, Pod, PodSpec } from '../src/api/gen/types/core.v1.ts';
import type { Transport } from '../src/client/transport.ts';
import { conflict, StatusError } from '../src/machinery/status-error.ts';
import { SimulatedCluster } from '../src/testing/simulated-cluster.ts';

const MINUTE_MS = 60_000;
const claim = (name: string): PersistentVolumeClaim => ({
  metadata: { name, namespace: 'default' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '64Mi' } } },
});
const withClaim = (claimName: string): PodSpec => ({
  containers: [{ name: 'main', image: 'busybox:1.36' }],
  volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }],
});

function isRunning(cluster: SimulatedCluster, name: string): boolean {
  return cluster.record.find<Pod>('pods', name, 'default')?.status?.phase === 'Running';
}

/** The first request of a component that is chosen is answered 409. */
function conflictOnce(of: string, chosen: (method: string, path: string) => boolean): (component: string, inner: Transport) => Transport {
  let left = 1;
  return (component, inner) => ({
    watch: (request, sink) => inner.watch(request, sink),
    request: async (request) => {
      if (component !== of || !chosen(request.method, request.path) || left-- <= 0) return inner.request(request);
      throw conflict({ group: '', resource: 'any' }, 'x', 'somebody was faster');
    },
  });
}

describe('found by the simulation', () => {
  it('a conflict when the scheduler writes the node into a claim: the pod is tried again at once, not after ten minutes', async () => {
    const transport = conflictOnce('default-scheduler', (method, path) => method === 'PATCH' && path.includes('/persistentvolumeclaims/'));
    await using cluster = await SimulatedCluster.start({ plant: { finds: '', about: '', transport } });
    await cluster.client.create(persistentVolumeClaims, claim('data'));
    await cluster.client.create(pods, { metadata: { name: 'p', namespace: 'default' }, spec: withClaim('data') });
    await cluster.until('the pod runs', () => isRunning(cluster, 'p'), MINUTE_MS);
  });

  it('the claim of a waiting pod of a stateful set goes away: it gets another', async () => {
    await using cluster = await SimulatedCluster.start();
    const { client } = cluster;
    await client.create(statefulSets, {
      metadata: { name: 'db', namespace: 'default' },
      spec: {
        replicas: 1,
        serviceName: 'db',
        selector: { matchLabels: { app: 'db' } },
        template: { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'main', image: 'busybox:1.36' }] } },
        volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '64Mi' } } } }],
      },
    });
    await cluster.until('the pod runs', () => isRunning(cluster, 'db-0'));
    // Another pod holds the claim, so that it is still there, and going, when the set makes its pod again.
    await client.create(pods, { metadata: { name: 'other', namespace: 'default' }, spec: withClaim('data-db-0') });
    await cluster.until('the other pod runs', () => isRunning(cluster, 'other'));
    await client.delete(persistentVolumeClaims, 'data-db-0', 'default');
    await client.delete(pods, 'db-0', 'default');
    await cluster.settle();
    assert.equal(isRunning(cluster, 'db-0'), false, 'it waits');
    await client.delete(pods, 'other', 'default');
    await cluster.until('it runs again', () => isRunning(cluster, 'db-0'), MINUTE_MS);
  });

  it('a node that comes back says at once that it is ready, and writes its status no more often than it must', async () => {
    await using cluster = await SimulatedCluster.start();
    const ready = (): string | undefined => cluster.record.find<Node>('nodes', 'node-0')?.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
    // The node lives, and somebody believes otherwise.
    await cluster.settle();
    const node = await cluster.client.get(nodes, 'node-0');
    await cluster.client.updateStatus(nodes, {
      ...node,
      status: { ...node.status, conditions: (node.status?.conditions ?? []).map((condition) => ({ ...condition, status: 'Unknown' })) },
    });
    await cluster.until('it contradicts', () => ready() === 'True', 1_000);
    let writes = 0;
    cluster.record.onSighting(({ resource }) => {
      if (resource === 'nodes') writes++;
    });
    await cluster.advance(30 * MINUTE_MS);
    assert.ok(writes <= 7, `${writes} writes in half an hour`);
  });

  it('a pod does not start on a claim that is being let go: its volume could go while the pod runs', async () => {
    await using cluster = await SimulatedCluster.start();
    const { client } = cluster;
    const isBound = (): boolean => cluster.record.find<PersistentVolumeClaim>('persistentvolumeclaims', 'data', 'default')?.status?.phase === 'Bound';
    const held = claim('data');
    const mounting = { ...withClaim('data'), containers: [{ name: 'main', image: 'busybox:1.36', volumeMounts: [{ name: 'data', mountPath: '/data' }] }] };
    await client.create(persistentVolumeClaims, {
      metadata: { ...held.metadata, finalizers: ['example.com/hold'] },
      spec: { ...held.spec, storageClassName: 'berth-immediate' },
    });
    await cluster.until('the claim is bound', isBound);
    await client.delete(persistentVolumeClaims, 'data', 'default');
    await cluster.settle();
    await client.create(pods, { metadata: { name: 'late', namespace: 'default' }, spec: { ...mounting, nodeName: 'node-0' } });
    const said = (): readonly string[] => cluster.record.all<CoreEvent>('events').map(({ message = '' }) => message);
    await cluster.until('the node says why', () => said().some((message) => message.includes('PVC is being deleted')), 2 * MINUTE_MS);
    assert.ok(!isRunning(cluster, 'late'));
  });

  it('a binding whose answer is lost stands: its pod keeps its place, and a claim for one pod is not given to another', async () => {
    let lost = 0;
    const transport = (component: string, inner: Transport): Transport => ({
      watch: (request, sink) => inner.watch(request, sink),
      request: async (request) => {
        const answer = await inner.request(request);
        if (component !== 'default-scheduler' || !request.path.endsWith('/binding') || lost++ > 0) return answer;
        throw new StatusError('ServiceUnavailable', 'the answer is lost');
      },
    });
    await using cluster = await SimulatedCluster.start({ plant: { finds: '', about: '', transport } });
    await cluster.client.create(pods, { metadata: { name: 'first', namespace: 'default' }, spec: { containers: [{ name: 'main', image: 'busybox:1.36' }] } });
    await cluster.until('the pod runs', () => isRunning(cluster, 'first'));
    await cluster.settle();
    const said = cluster.record.all<CoreEvent>('events').flatMap(({ involvedObject, reason }) => (involvedObject.name === 'first' ? [reason] : []));
    assert.ok(said.includes('Scheduled') && !said.includes('FailedScheduling'), said.join(', '));
  });
});
