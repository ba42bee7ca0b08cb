import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { events, nodes, persistentVolumeClaims, persistentVolumes, pods, priorityClasses, serviceAccounts, storageClasses } from '../src/api/gen/resources.ts';
import type { Pod, PodSpec } from '../src/api/gen/types/core.v1.ts';
import { isFullyBound, selectedNode } from '../src/api/core/persistent-volume.rules.ts';
import { ADMIN, SCHEDULER } from '../src/apiserver/bootstrap/identities.ts';
import { Disposals } from '../src/base/disposal.ts';
import { VirtualClock } from '../src/base/virtual-clock.ts';
import type { Client } from '../src/client/client.ts';
import type { Stored } from '../src/machinery/object.ts';
import { startScheduler } from '../src/scheduler/scheduler.ts';
import { openControlPlane } from './fixtures/control-plane.ts';

const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** An API server and a scheduler, on virtual time, and hands to play the other components. */
class Stage implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly client: Client;
  readonly #ends: Disposals;

  private constructor(client: Client, clock: VirtualClock, ends: Disposals) {
    this.client = client;
    this.clock = clock;
    this.#ends = ends;
  }

  static async set(): Promise<Stage> {
    const clock = new VirtualClock();
    const ends = new Disposals();
    const plane = ends.use(await openControlPlane({ clock }));
    const { client } = plane.componentOptions(ADMIN, 'test');
    const stage = new Stage(client, clock, ends);
    await client.create(serviceAccounts, { metadata: { name: 'default', namespace: 'default' } });
    ends.use(await startScheduler(plane.componentOptions(SCHEDULER, 'default-scheduler')));
    return stage;
  }

  async rest(ms = 0): Promise<void> {
    for (let i = 0; i < 30; i++) await drain();
    await this.clock.advance(ms, drain);
    for (let i = 0; i < 30; i++) await drain();
  }

  async node(name: string, allocatable: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.client.create(nodes, { metadata: { name, labels: { 'kubernetes.io/hostname': name } } });
    const all = { cpu: '4', memory: '8Gi', pods: '110', ...allocatable };
    await this.client.patch(
      nodes,
      name,
      { type: 'strategic', body: { status: { allocatable: all, capacity: all, conditions: [{ type: 'Ready', status: 'True' }] } } },
      { subresource: 'status' },
    );
    const node = await this.client.get(nodes, name);
    if (node.spec?.taints !== undefined) await this.client.patch(nodes, name, { type: 'merge', body: { spec: { taints: null } } });
  }

  async pod(name: string, spec: Partial<PodSpec> & { readonly requests?: Readonly<Record<string, string>> } = {}): Promise<Stored<Pod>> {
    const { requests = {}, ...rest } = spec;
    return this.client.create<Pod>(pods, {
      metadata: { name, namespace: 'default' },
      spec: { containers: [{ name: 'main', image: 'busybox', resources: { requests, limits: requests } }], ...rest },
    });
  }

  async look(name: string): Promise<Stored<Pod>> {
    return this.client.get(pods, name, 'default');
  }

  async scheduled(name: string): Promise<string> {
    const pod = await this.look(name);
    const condition = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
    return pod.spec?.nodeName ?? `${condition?.status} ${condition?.reason}: ${condition?.message}`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#ends[Symbol.asyncDispose]();
  }
}

const check = (sentence: string, body: (stage: Stage) => Promise<void>): void => {
  it(sentence, async () => {
    await using stage = await Stage.set();
    await body(stage);
  });
};

describe('the scheduler, through the API', () => {
  check('binds a pod and says so; the next one that does not fit is Pending with the reason, until there is room', async (stage) => {
    const gpu = { requests: { 'nvidia.com/gpu': '1' } };
    await stage.node('a', { 'nvidia.com/gpu': '1' });
    await stage.pod('first', gpu);
    await stage.rest();
    await stage.pod('second', gpu);
    await stage.rest();
    assert.equal(await stage.scheduled('first'), 'a');
    assert.equal(
      await stage.scheduled('second'),
      'False Unschedulable: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.',
    );
    await stage.client.delete(pods, 'first', 'default', { gracePeriodSeconds: 0 });
    await stage.rest();
    assert.equal(await stage.scheduled('second'), 'a');
    await stage.rest(5000);
    const said = (await stage.client.list(events, { namespace: 'default' })).items.map(
      ({ reason, message, involvedObject }) => `${involvedObject.name} ${reason}: ${message}`,
    );
    assert.ok(said.includes('first Scheduled: Successfully assigned default/first to a'), said.join('\n'));
    assert.ok(
      said.some((line) => line.startsWith('second FailedScheduling: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu.')),
      said.join('\n'),
    );
  });

  check('a pod without nodes waits for one, and a gated one for its gates', async (stage) => {
    await stage.pod('early');
    await stage.pod('gated', { schedulingGates: [{ name: 'example.com/wait' }] });
    await stage.rest();
    assert.equal(await stage.scheduled('early'), 'False Unschedulable: no nodes available to schedule pods');
    await stage.node('a');
    await stage.rest();
    assert.equal(await stage.scheduled('early'), 'a');
    assert.equal(await stage.scheduled('gated'), 'False SchedulingGated: Scheduling is blocked due to non-empty scheduling gates');
    await stage.client.patch(pods, 'gated', { type: 'merge', body: { spec: { schedulingGates: [] } } }, { namespace: 'default' });
    await stage.rest();
    assert.equal(await stage.scheduled('gated'), 'a');
  });

  check('of many pods at once as many as fit are bound, none twice, and the rest waits', async (stage) => {
    await stage.node('a');
    await stage.node('b');
    await Promise.all(Array.from({ length: 12 }, (_, i) => stage.pod(`p${i}`, { requests: { cpu: '1' } })));
    await stage.rest();
    const all = (await stage.client.list(pods, { namespace: 'default' })).items;
    const on = (node: string | undefined): number => all.filter(({ spec }) => spec?.nodeName === node).length;
    assert.deepEqual([on('a'), on('b'), on(undefined)], [4, 4, 4]);
  });

  check('a claim that waits for its consumer gets the node; the pod is bound when the claim is', async (stage) => {
    const { client } = stage;
    await stage.node('a');
    await client.create(storageClasses, { metadata: { name: 'pool' }, provisioner: 'csi.example', volumeBindingMode: 'WaitForFirstConsumer' });
    await client.create(persistentVolumeClaims, {
      metadata: { name: 'data', namespace: 'default' },
      spec: { storageClassName: 'pool', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    });
    await stage.pod('p', { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] });
    await stage.rest();
    const claim = await client.get(persistentVolumeClaims, 'data', 'default');
    assert.equal(selectedNode(claim), 'a');
    assert.equal((await stage.look('p')).spec?.nodeName, undefined);

    await client.create(persistentVolumes, {
      metadata: { name: 'v' },
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'pool',
        csi: { driver: 'csi.example', volumeHandle: 'v' },
        claimRef: { kind: 'PersistentVolumeClaim', namespace: 'default', name: 'data', uid: claim.metadata.uid },
      },
    });
    await client.patch(
      persistentVolumeClaims,
      'data',
      { type: 'merge', body: { metadata: { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } }, spec: { volumeName: 'v' } } },
      { namespace: 'default' },
    );
    await stage.rest();
    assert.ok(isFullyBound(await client.get(persistentVolumeClaims, 'data', 'default')));
    assert.equal(await stage.scheduled('p'), 'a');
  });

  check('when the provisioner gives the node back, the pod is tried again', async (stage) => {
    const { client } = stage;
    await stage.node('a');
    await client.create(storageClasses, { metadata: { name: 'pool' }, provisioner: 'csi.example', volumeBindingMode: 'WaitForFirstConsumer' });
    await client.create(persistentVolumeClaims, {
      metadata: { name: 'data', namespace: 'default' },
      spec: { storageClassName: 'pool', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    });
    await stage.pod('p', { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] });
    await stage.rest();
    await stage.node('b');
    await client.patch(nodes, 'a', { type: 'merge', body: { spec: { unschedulable: true } } });
    await client.patch(
      persistentVolumeClaims,
      'data',
      { type: 'merge', body: { metadata: { annotations: { 'volume.kubernetes.io/selected-node': null } } } },
      { namespace: 'default' },
    );
    await stage.rest(3000);
    assert.equal(selectedNode(await client.get(persistentVolumeClaims, 'data', 'default')), 'b');
  });

  check('a pod of higher priority gets its room', async (stage) => {
    const { client } = stage;
    await stage.node('a');
    await client.create(priorityClasses, { metadata: { name: 'high' }, value: 1000 });
    await stage.pod('low', { requests: { cpu: '4' } });
    await stage.rest();
    await stage.pod('high', { requests: { cpu: '4' }, priorityClassName: 'high' });
    await stage.rest();
    const low = await stage.look('low');
    assert.ok(low.metadata.deletionTimestamp !== undefined);
    assert.ok(low.status?.conditions?.some(({ type, reason }) => type === 'DisruptionTarget' && reason === 'PreemptionByScheduler'));
    assert.equal((await stage.look('high')).status?.nominatedNodeName, 'a');
    await client.delete(pods, 'low', 'default', { gracePeriodSeconds: 0 });
    await stage.rest();
    assert.equal(await stage.scheduled('high'), 'a');
  });
});
