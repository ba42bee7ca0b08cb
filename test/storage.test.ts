import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  csiDrivers,
  csiNodes,
  csiStorageCapacities,
  events,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  serviceAccounts,
  storageClasses,
  volumeAttachments,
} from '../src/api/gen/resources.ts';
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimSpec, PersistentVolumeSpec, Pod } from '../src/api/gen/types/core.v1.ts';
import { BIND_COMPLETED, BOUND_BY_CONTROLLER, COUNTED_UNTIL, PROVISIONED_BY, SELECTED_NODE } from '../src/api/core/persistent-volume.rules.ts';
import { ADMIN, POOL_NODE, STORAGE } from '../src/apiserver/bootstrap/identities.ts';
import { Disposals } from '../src/base/disposal.ts';
import { VirtualClock } from '../src/base/virtual-clock.ts';
import type { Client } from '../src/client/client.ts';
import type { Component, ComponentOptions } from '../src/client/component.ts';
import type { CsiDriver } from '../src/csi/driver.ts';
import { FakeHost } from '../src/host/fake.ts';
import type { Stored } from '../src/machinery/object.ts';
import { PoolDriver } from '../src/storage/driver/driver.ts';
import { openPool } from '../src/storage/pool/open.ts';
import type { Pool } from '../src/storage/pool/pool.ts';
import { startPoolNode } from '../src/storage/pool-node.ts';
import { startStorage } from '../src/storage/storage.ts';
import { openControlPlane } from './fixtures/control-plane.ts';

const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

type Claim = Stored<PersistentVolumeClaim>;
type Volume = Stored<PersistentVolume>;

interface StageOptions {
  readonly diskBytes?: number;
  readonly classes?: boolean;
  readonly drifts?: boolean;
}

/** Has a little less room whenever it is asked. */
function drifting(driver: PoolDriver): PoolDriver {
  const capacity = driver.capacity.bind(driver);
  let asked = 0;
  driver.capacity = async () => {
    const found = await capacity();
    return { ...found, availableBytes: found.availableBytes - 4096 * asked++ };
  };
  return driver;
}

/** An API server, storage and one node's pool on a fake machine, on virtual time. */
class Stage implements AsyncDisposable {
  readonly client: Client;
  readonly pool: Pool;
  readonly #clock: VirtualClock;
  readonly #ends: Disposals;
  readonly #options: ComponentOptions;
  readonly #driver: PoolDriver;
  #poolNode: Component;

  private constructor(client: Client, options: ComponentOptions, pool: Pool, driver: PoolDriver, poolNode: Component, clock: VirtualClock, ends: Disposals) {
    this.#driver = driver;
    this.#poolNode = poolNode;
    this.#options = options;
    this.client = client;
    this.pool = pool;
    this.#clock = clock;
    this.#ends = ends;
  }

  static async set({ diskBytes = 100 * 2 ** 30, classes = true, drifts = false }: StageOptions = {}): Promise<Stage> {
    const clock = new VirtualClock();
    const ends = new Disposals();
    const plane = ends.use(await openControlPlane({ clock }));
    const options = plane.componentOptions(POOL_NODE, 'storage');
    const host = new FakeHost({ clock, diskBytes });
    const pool = ends.use(await openPool({ host, clock, root: '/var/lib/berth/pool', mark: 'test', kind: 'plain' }));
    ends.use(await startStorage({ ...plane.controllerOptions(STORAGE, 'storage'), classes }));
    const driver = new PoolDriver({ host, pool, nodeName: 'node-1' });
    const poolNode = await startPoolNode({ ...options, nodeName: 'node-1', driver: drifts ? drifting(driver) : driver, made: driver });
    const { client } = plane.componentOptions(ADMIN, 'test');
    const stage = new Stage(client, options, pool, driver, poolNode, clock, ends);
    ends.add(() => stage.#poolNode[Symbol.asyncDispose]());
    await stage.rest();
    return stage;
  }

  /** The first node's part of storage ends, and begins anew. */
  async restartNode(condition?: (volumeHandle: string) => Promise<string | undefined>): Promise<void> {
    await this.#poolNode[Symbol.asyncDispose]();
    this.#poolNode = await startPoolNode({ ...this.#options, nodeName: 'node-1', driver: this.#driver, made: this.#driver, condition });
    await this.rest();
  }

  /** Another node with a pool of its own, on a machine of its own. */
  async addNode(nodeName: string): Promise<Pool> {
    const host = new FakeHost({ clock: this.#clock });
    const pool = this.#ends.use(await openPool({ host, clock: this.#clock, root: '/var/lib/berth/pool', mark: 'test', kind: 'plain' }));
    this.#ends.use(await startPoolNode({ ...this.#options, nodeName, driver: new PoolDriver({ host, pool, nodeName }) }));
    return pool;
  }

  /** Another driver on the first node: the pool's, but for the parts given. */
  async addDriver(parts: Partial<CsiDriver> & Pick<CsiDriver, 'name'>): Promise<void> {
    const own = new PoolDriver({ host: new FakeHost({ clock: this.#clock }), pool: this.pool, nodeName: 'node-1' });
    const driver = new Proxy<CsiDriver>(own, {
      get: (target, key: keyof CsiDriver) => parts[key] ?? (typeof target[key] === 'function' ? target[key].bind(target) : target[key]),
    });
    this.#ends.use(await startPoolNode({ ...this.#options, nodeName: 'node-1', driver }));
  }

  async rest(ms = 100): Promise<void> {
    for (let i = 0; i < 60; i++) await drain();
    await this.#clock.advance(ms, drain);
    for (let i = 0; i < 60; i++) await drain();
  }

  async claim(name: string, spec: Partial<PersistentVolumeClaimSpec> & { readonly size?: string } = {}): Promise<Claim> {
    const { size = '1Gi', ...rest } = spec;
    await this.client.create<PersistentVolumeClaim>(persistentVolumeClaims, {
      metadata: { name, namespace: 'default' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: size } }, ...rest },
    });
    await this.rest();
    return this.look(name);
  }

  async volume(name: string, spec: Partial<PersistentVolumeSpec> & { readonly size?: string } = {}): Promise<void> {
    const { size = '1Gi', ...rest } = spec;
    await this.client.create<PersistentVolume>(persistentVolumes, {
      metadata: { name },
      spec: {
        capacity: { storage: size },
        accessModes: ['ReadWriteOnce'],
        hostPath: { path: '/data' },
        persistentVolumeReclaimPolicy: 'Retain',
        storageClassName: '',
        ...rest,
      },
    });
    await this.rest();
  }

  look(name: string): Promise<Claim> {
    return this.client.get(persistentVolumeClaims, name, 'default');
  }
  lookVolume(name: string): Promise<Volume> {
    return this.client.get(persistentVolumes, name);
  }

  async select(name: string, node = 'node-1'): Promise<Claim> {
    await this.client.patch(
      persistentVolumeClaims,
      name,
      { type: 'merge', body: { metadata: { annotations: { [SELECTED_NODE]: node } } } },
      { namespace: 'default' },
    );
    await this.rest();
    return this.look(name);
  }

  /** Without the finalizers that other components would take away. */
  async remove(name: string): Promise<void> {
    await this.client.patch(persistentVolumeClaims, name, { type: 'merge', body: { metadata: { finalizers: null } } }, { namespace: 'default' });
    await this.client.delete(persistentVolumeClaims, name, 'default');
    await this.rest();
  }

  async said(about: string): Promise<readonly string[]> {
    const { items } = await this.client.list(events, { namespace: 'default' });
    return items.filter(({ involvedObject }) => involvedObject.name === about).map(({ type, reason, message }) => `${type} ${reason} ${message}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ends[Symbol.asyncDispose]();
  }
}

function check(sentence: string, body: (stage: Stage) => Promise<void>, options: Parameters<typeof Stage.set>[0] = {}): void {
  it(sentence, { timeout: 300_000 }, async () => {
    await using stage = await Stage.set(options);
    await body(stage);
  });
}

describe('storage, through the API', () => {
  check('a claim and the volume that it names are bound on both sides', async (stage) => {
    await stage.volume('mine', { accessModes: ['ReadWriteMany'] });
    assert.equal((await stage.lookVolume('mine')).status?.phase, 'Available');
    const claim = await stage.claim('c', { volumeName: 'mine', storageClassName: '', accessModes: ['ReadWriteMany'] });
    assert.equal(claim.status?.phase, 'Bound');
    assert.deepEqual(claim.status.capacity, { storage: '1Gi' });
    assert.deepEqual(claim.status.accessModes, ['ReadWriteMany']);
    assert.equal(claim.metadata.annotations?.[BIND_COMPLETED], 'yes');
    assert.equal(claim.metadata.annotations[BOUND_BY_CONTROLLER], undefined, 'a person chose the volume');
    const volume = await stage.lookVolume('mine');
    assert.equal(volume.status?.phase, 'Bound');
    assert.equal(volume.spec?.claimRef?.uid, claim.metadata.uid);
    assert.equal(volume.metadata.annotations?.[BOUND_BY_CONTROLLER], 'yes');
  });

  check('the smallest volume that is large enough is taken, one for each claim; the rest wait and say for what', async (stage) => {
    await stage.volume('large', { size: '5Gi' });
    await stage.volume('small', { size: '1Gi' });
    await stage.volume('medium', { size: '2Gi' });
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => stage.claim(name, { storageClassName: '', size: '1500Mi' })));
    const claims = await Promise.all(['a', 'b', 'c', 'd'].map((name) => stage.look(name)));
    assert.deepEqual(claims.map(({ spec }) => spec?.volumeName ?? '').sort(), ['', '', 'large', 'medium']);
    const waiting = claims.find(({ spec }) => (spec?.volumeName ?? '') === '');
    assert.equal(waiting?.status?.phase, 'Pending');
    assert.deepEqual(await stage.said(waiting.metadata.name), [
      'Normal FailedBinding no persistent volumes available for this claim and no storage class is set',
    ]);
    await stage.volume('late', { size: '3Gi' });
    assert.equal((await stage.lookVolume('late')).status?.phase, 'Bound', 'a volume that comes later is found by a claim that waits');
  });

  check('a deleted claim releases its volume, which keeps its data and is not given to anybody else', async (stage) => {
    await stage.volume('kept');
    await stage.claim('first', { storageClassName: '' });
    await stage.remove('first');
    assert.equal((await stage.lookVolume('kept')).status?.phase, 'Released');
    assert.equal((await stage.claim('second', { storageClassName: '' })).status?.phase, 'Pending');
    await stage.client.patch(persistentVolumes, 'kept', { type: 'merge', body: { spec: { claimRef: null } } });
    await stage.rest();
    assert.equal((await stage.look('second')).status?.phase, 'Bound', 'until somebody gives it free');
  });

  check('a claim whose volume goes away is lost, and says so', async (stage) => {
    await stage.volume('gone');
    await stage.claim('c', { storageClassName: '' });
    await stage.client.patch(persistentVolumes, 'gone', { type: 'merge', body: { metadata: { finalizers: null } } });
    await stage.client.delete(persistentVolumes, 'gone');
    await stage.rest();
    assert.equal((await stage.look('c')).status?.phase, 'Lost');
    assert.deepEqual(await stage.said('c'), ['Warning ClaimLost Bound claim has lost its PersistentVolume. Data on the volume is lost!']);
  });

  check('the default class waits for a consumer; once a node is chosen the volume is made there, and goes to the trash with its claim', async (stage) => {
    const waiting = await stage.claim('data', { size: '64Mi' });
    assert.equal(waiting.spec?.storageClassName, 'berth');
    assert.equal(waiting.status?.phase, 'Pending');
    assert.deepEqual(await stage.said('data'), ['Normal WaitForFirstConsumer waiting for first consumer to be created before binding']);
    const bound = await stage.select('data');
    assert.equal(bound.status?.phase, 'Bound');
    const volume = await stage.lookVolume(`pvc-${bound.metadata.uid}`);
    assert.equal(volume.status?.phase, 'Bound');
    assert.equal(volume.metadata.annotations?.[PROVISIONED_BY], 'pool.berth.dev');
    assert.deepEqual(volume.spec?.capacity, { storage: '64Mi' });
    assert.deepEqual(volume.spec?.csi, { driver: 'pool.berth.dev', volumeHandle: volume.metadata.name });
    assert.deepEqual(volume.spec?.nodeAffinity?.required?.nodeSelectorTerms, [
      { matchExpressions: [{ key: 'topology.berth.dev/node', operator: 'In', values: ['node-1'] }] },
    ]);
    assert.deepEqual(
      stage.pool.volumes().map(({ claim, sizeBytes }) => ({ claim, sizeBytes })),
      [{ claim: { namespace: 'default', name: 'data' }, sizeBytes: 64 * 2 ** 20 }],
    );
    await stage.remove('data');
    // pv-protection is another component's to take away.
    const left = (await stage.client.list(persistentVolumes)).items;
    assert.ok(
      left.every(
        ({ metadata }) => metadata.deletionTimestamp !== undefined && !metadata.finalizers?.includes('external-provisioner.volume.kubernetes.io/finalizer'),
      ),
      JSON.stringify(left),
    );
    assert.deepEqual(stage.pool.volumes(), []);
    assert.equal(stage.pool.trash().length, 1);
  });

  check('an immediate class needs no consumer; what the class can not give is refused by name', async (stage) => {
    assert.equal((await stage.claim('now', { storageClassName: 'berth-immediate' })).status?.phase, 'Bound');
    const shared = await stage.claim('shared', { storageClassName: 'berth-immediate', accessModes: ['ReadWriteMany'] });
    assert.equal(shared.status?.phase, 'Pending');
    assert.match(
      (await stage.said('shared')).join('\n'),
      /Warning ProvisioningFailed failed to provision volume with StorageClass "berth-immediate": .*ReadWriteOnce and ReadWriteOncePod/,
    );
  });

  it('of two nodes that could make a volume for any node, one does', { timeout: 300_000 }, async () => {
    await using stage = await Stage.set();
    const other = await stage.addNode('node-2');
    for (const name of ['node-1', 'node-2'])
      await stage.client.create(csiNodes, {
        metadata: { name },
        spec: { drivers: [{ name: 'pool.berth.dev', nodeID: name, topologyKeys: ['topology.berth.dev/node'] }] },
      });
    await stage.rest();
    for (let i = 0; i < 5; i++) {
      const claim = await stage.claim(`any-${i}`, { storageClassName: 'berth-immediate' });
      assert.equal(claim.status?.phase, 'Bound');
      const made = [stage.pool, other].filter((pool) => pool.volume(`pvc-${claim.metadata.uid}`) !== undefined);
      assert.equal(made.length, 1);
      const [node] =
        (await stage.lookVolume(`pvc-${claim.metadata.uid}`)).spec?.nodeAffinity?.required?.nodeSelectorTerms[0]?.matchExpressions?.[0]?.values ?? [];
      assert.equal(node === 'node-1' ? stage.pool : other, made[0], 'the volume is where it says');
    }
  });

  check('a driver that wants attaching is asked once a pod is placed, and again to let go when the node is done', async (stage) => {
    const calls: string[] = [];
    await stage.addDriver({
      name: 'attach.example.com',
      controllerCapabilities: async () => ['publish-unpublish-volume'],
      controllerPublish: async ({ volumeId, nodeId }) => {
        calls.push(`publish ${volumeId} ${nodeId}`);
        return { path: '/dev/x' };
      },
      controllerUnpublish: async (volumeId, nodeId) => void calls.push(`unpublish ${volumeId} ${nodeId}`),
    });
    await stage.client.create(nodes, { metadata: { name: 'node-1' } });
    await stage.volume('far', { hostPath: undefined, csi: { driver: 'attach.example.com', volumeHandle: 'h' } });
    await stage.claim('c', { volumeName: 'far', storageClassName: '' });
    await stage.client.create(serviceAccounts, { metadata: { name: 'default', namespace: 'default' } });
    await stage.client.create<Pod>(pods, {
      metadata: { name: 'p', namespace: 'default' },
      spec: { nodeName: 'node-1', containers: [{ name: 'c', image: 'x' }], volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] },
    });
    await stage.rest();
    const [attachment] = (await stage.client.list(volumeAttachments)).items;
    assert.equal(attachment?.metadata.name, `csi-${createHash('sha256').update('hattach.example.comnode-1').digest('hex')}`);
    assert.deepEqual(attachment.status, { attached: true, attachmentMetadata: { path: '/dev/x' } });
    assert.deepEqual(calls, ['publish h node-1']);

    const inUse = (names: readonly string[]): Promise<unknown> =>
      stage.client.patch(nodes, 'node-1', { type: 'merge', body: { status: { volumesInUse: names } } }, { subresource: 'status' });
    await inUse(['kubernetes.io/csi/attach.example.com^h']);
    await stage.client.delete(pods, 'p', 'default', { gracePeriodSeconds: 0 });
    await stage.rest();
    assert.equal((await stage.client.list(volumeAttachments)).items.length, 1, 'the node still has it mounted');
    await inUse([]);
    await stage.rest();
    assert.deepEqual((await stage.client.list(volumeAttachments)).items, []);
    assert.deepEqual(calls, ['publish h node-1', 'unpublish h node-1']);
  });

  check('an attachment that somebody made is left alone, whether there is such a volume or not', async (stage) => {
    await stage.volume('far', { hostPath: undefined, csi: { driver: 'attach.example.com', volumeHandle: 'h' } });
    for (const [name, persistentVolumeName] of [
      ['mine', 'nosuch'],
      ['yours', 'far'],
    ] as const)
      await stage.client.create(volumeAttachments, {
        metadata: { name },
        spec: { attacher: 'attach.example.com', nodeName: 'node-1', source: { persistentVolumeName } },
      });
    await stage.rest();
    assert.deepEqual(
      (await stage.client.list(volumeAttachments)).items.map(({ metadata }) => metadata.name),
      ['mine', 'yours'],
    );
  });

  check('a volume whose object is removed by hand is detached first: the object waits for it, and no attachment is left', async (stage) => {
    const calls: string[] = [];
    await stage.addDriver({
      name: 'attach.example.com',
      controllerCapabilities: async () => ['publish-unpublish-volume'],
      controllerPublish: async () => ({}),
      controllerUnpublish: async (volumeId) => void calls.push(`unpublish ${volumeId}`),
    });
    await stage.client.create(nodes, { metadata: { name: 'node-1' } });
    await stage.client.create(serviceAccounts, { metadata: { name: 'default', namespace: 'default' } });
    const spec = { nodeName: 'node-1', containers: [{ name: 'c', image: 'x' }], volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] };
    const removeByHand = async (finalizers: readonly string[] | null): Promise<void> => {
      await stage.client.delete(persistentVolumes, 'far');
      await stage.client.patch(persistentVolumes, 'far', { type: 'merge', body: { metadata: { finalizers } } });
      await stage.rest();
    };
    const phase = async (): Promise<readonly unknown[]> => [
      (await stage.client.list(persistentVolumes)).items.map(({ metadata }) => metadata.finalizers),
      (await stage.client.list(volumeAttachments)).items.length,
      calls.length,
    ];
    await stage.volume('far', { hostPath: undefined, csi: { driver: 'attach.example.com', volumeHandle: 'h' } });
    await stage.claim('c', { volumeName: 'far', storageClassName: '' });
    await stage.client.create<Pod>(pods, { metadata: { name: 'p', namespace: 'default' }, spec });
    await stage.rest();
    const held = 'external-attacher/attach-example-com';
    await removeByHand([held]);
    assert.deepEqual(await phase(), [[[held]], 1, 0], 'the pod runs');
    await stage.client.delete(pods, 'p', 'default', { gracePeriodSeconds: 0 });
    await stage.rest();
    assert.deepEqual(await phase(), [[], 0, 1]);

    await stage.remove('c');
    await stage.volume('far', { hostPath: undefined, csi: { driver: 'attach.example.com', volumeHandle: 'h' } });
    await stage.claim('c', { volumeName: 'far', storageClassName: '' });
    await stage.client.create<Pod>(pods, { metadata: { name: 'p', namespace: 'default' }, spec });
    await stage.rest();
    await removeByHand(null);
    assert.deepEqual(await phase(), [[], 1, 1], 'somebody took the finalizers away, and the pod runs');
    await stage.client.delete(pods, 'p', 'default', { gracePeriodSeconds: 0 });
    await stage.rest();
    assert.deepEqual((await stage.client.list(volumeAttachments)).items, []);
  });

  check('what a provisioner made before it died goes when its claim has gone, and stays when anybody ever had it', async (stage) => {
    const made = await stage.claim('made', { storageClassName: 'berth-immediate', size: '64Mi' });
    const kept = await stage.claim('kept', { storageClassName: 'berth-immediate', size: '64Mi' });
    assert.deepEqual(stage.pool.unannounced(), [], 'both have their objects');
    await stage.client.patch(persistentVolumes, `pvc-${kept.metadata.uid}`, {
      type: 'merge',
      body: { spec: { persistentVolumeReclaimPolicy: 'Retain' } },
    });
    await stage.remove('kept');
    await stage.client.patch(persistentVolumes, `pvc-${kept.metadata.uid}`, { type: 'merge', body: { metadata: { finalizers: null } } });
    await stage.client.delete(persistentVolumes, `pvc-${kept.metadata.uid}`).catch(() => undefined);
    const uid = '11111111-2222-4333-8444-555555555555';
    for (const [id, name] of [
      [`pvc-${uid}`, 'gone'],
      ['pvc-of-another-life', 'made'],
    ] as const)
      await stage.pool.create({ id, name: id, sizeBytes: 64 * 2 ** 20, mode: 'mount', claim: { namespace: 'default', name } });
    await stage.restartNode();
    assert.deepEqual(
      stage.pool.volumes().map(({ id }) => id),
      [`pvc-${made.metadata.uid}`, `pvc-${kept.metadata.uid}`],
    );
    assert.deepEqual(stage.pool.unannounced(), []);
    assert.equal(stage.pool.trash().length, 2, 'even so they can come back');
  });

  check('a volume that is out of order says so in its status and by an event on its claim, until it is mended', async (stage) => {
    const { metadata } = await stage.claim('bad', { storageClassName: 'berth-immediate', size: '64Mi' });
    const name = `pvc-${metadata.uid}`;
    let message: string | undefined = '/pool/volume.json is damaged';
    await stage.restartNode(async (handle) => (handle === name ? message : undefined));
    const { status } = await stage.lookVolume(name);
    assert.deepEqual(status, { phase: 'Bound', lastPhaseTransitionTime: status?.lastPhaseTransitionTime, reason: 'VolumeConditionAbnormal', message });
    assert.ok((await stage.said('bad')).includes(`Warning VolumeConditionAbnormal ${message}`));
    message = undefined;
    await stage.rest(10_000);
    assert.equal((await stage.lookVolume(name)).status?.reason, undefined);
  });

  check(
    'a claim that finds no room, of a class that waits for nobody, says so once and has its volume when there is room',
    async (stage) => {
      await stage.claim('first', { storageClassName: 'berth-immediate', size: '400Mi' });
      assert.equal((await stage.claim('second', { storageClassName: 'berth-immediate', size: '400Mi' })).status?.phase, 'Pending');
      await stage.rest(60_000);
      const failed = (await stage.said('second')).filter((text) => text.includes('ProvisioningFailed'));
      assert.equal(failed.length, 1);
      assert.match(failed[0] ?? '', /ResourceExhausted/);
      await stage.remove('first');
      await stage.rest(15_000);
      assert.equal((await stage.look('second')).status?.phase, 'Bound');
    },
    { diskBytes: 2 ** 30 },
  );

  check('a volume is deleted only when it is attached nowhere: without its object nobody could let go of it', async (stage) => {
    const calls: string[] = [];
    await stage.addDriver({
      name: 'attach.example.com',
      controllerCapabilities: async () => ['create-delete-volume', 'publish-unpublish-volume'],
      createVolume: async ({ name }) => ({ volumeId: name, capacityBytes: 2 ** 30, context: {}, topology: [] }),
      deleteVolume: async () => void calls.push('delete'),
      controllerPublish: async () => ({}),
      controllerUnpublish: async () => void calls.push('unpublish'),
    });
    await stage.client.create(storageClasses, {
      metadata: { name: 'far' },
      provisioner: 'attach.example.com',
      volumeBindingMode: 'Immediate',
      reclaimPolicy: 'Delete',
    });
    await stage.client.create(nodes, { metadata: { name: 'node-1' } });
    await stage.client.create(serviceAccounts, { metadata: { name: 'default', namespace: 'default' } });
    const claim = await stage.claim('c', { storageClassName: 'far' });
    assert.equal(claim.status?.phase, 'Bound');
    const spec = { nodeName: 'node-1', containers: [{ name: 'c', image: 'x' }], volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] };
    await stage.client.create<Pod>(pods, { metadata: { name: 'p', namespace: 'default' }, spec });
    await stage.rest();
    const inUse = (names: readonly string[]): Promise<unknown> =>
      stage.client.patch(nodes, 'node-1', { type: 'merge', body: { status: { volumesInUse: names } } }, { subresource: 'status' });
    await inUse([`kubernetes.io/csi/attach.example.com^pvc-${claim.metadata.uid}`]);
    await stage.client.delete(pods, 'p', 'default', { gracePeriodSeconds: 0 });
    await stage.remove('c');
    assert.equal((await stage.lookVolume(`pvc-${claim.metadata.uid}`)).status?.phase, 'Released');
    assert.deepEqual(calls, [], 'the node still has it mounted');
    await inUse([]);
    await stage.rest();
    // CSI's delete may come again: the volume's object goes later than its bytes.
    assert.deepEqual([...new Set(calls)], ['unpublish', 'delete']);
  });

  check('a claim can be a copy of another', async (stage) => {
    await stage.claim('source', { storageClassName: 'berth-immediate', size: '64Mi' });
    const copy = await stage.claim('copy', {
      storageClassName: 'berth-immediate',
      size: '96Mi',
      dataSource: { kind: 'PersistentVolumeClaim', name: 'source' },
    });
    assert.equal(copy.status?.phase, 'Bound');
    const source = await stage.look('source');
    assert.deepEqual(stage.pool.volume(`pvc-${copy.metadata.uid}`)?.from, { volumeId: `pvc-${source.metadata.uid}` });
  });

  check('a claim that asks for more gets it: volume, then node', async (stage) => {
    const claim = await stage.claim('grow', { storageClassName: 'berth-immediate', size: '64Mi' });
    await stage.client.patch(
      persistentVolumeClaims,
      'grow',
      { type: 'merge', body: { spec: { resources: { requests: { storage: '128Mi' } } } } },
      { namespace: 'default' },
    );
    await stage.rest();
    assert.deepEqual((await stage.lookVolume(`pvc-${claim.metadata.uid}`)).spec?.capacity, { storage: '128Mi' });
    const grown = await stage.look('grow');
    assert.deepEqual(grown.status?.capacity, { storage: '64Mi' }, 'until the node has grown what is on it');
    assert.equal(grown.status.allocatedResourceStatuses?.['storage'], 'NodeResizePending');
    assert.equal(grown.status.conditions?.[0]?.type, 'FileSystemResizePending');
    assert.equal(stage.pool.volume(`pvc-${claim.metadata.uid}`)?.sizeBytes, 128 * 2 ** 20);
  });

  check('what a figure counts it says it counts, also after a claim was touched: else the scheduler would count it twice', async (stage) => {
    const marks = async (): Promise<readonly string[]> =>
      (await stage.client.list(csiStorageCapacities, { namespace: 'kube-system' })).items.map(({ metadata }) => metadata.annotations?.[COUNTED_UNTIL] ?? '0');
    await stage.claim('data', { size: '64Mi' });
    const bound = await stage.select('data');
    assert.equal(bound.status?.phase, 'Bound');
    for (const mark of await marks())
      assert.ok(Number(mark) >= Number(bound.metadata.resourceVersion), `bound at ${bound.metadata.resourceVersion}, counted until ${mark}`);
    await stage.client.patch(persistentVolumeClaims, 'data', { type: 'merge', body: { metadata: { labels: { touched: 'yes' } } } }, { namespace: 'default' });
    await stage.rest();
    const touched = await stage.look('data');
    for (const mark of await marks())
      assert.ok(Number(mark) >= Number(touched.metadata.resourceVersion), `touched at ${touched.metadata.resourceVersion}, counted until ${mark}`);
  });

  check(
    'a node without room gives the claim back to the scheduler, with the reason; trash makes room',
    async (stage) => {
      await stage.claim('first', { size: '2Gi' });
      await stage.select('first');
      await stage.remove('first');
      await stage.claim('second', { size: '2Gi' });
      assert.equal((await stage.select('second')).status?.phase, 'Bound', 'the trash counts as free');
      assert.deepEqual(stage.pool.trash(), []);
      await stage.claim('third', { size: '2Gi' });
      const refused = await stage.select('third');
      assert.equal(refused.status?.phase, 'Pending');
      assert.equal(refused.metadata.annotations?.[SELECTED_NODE], undefined);
      assert.match((await stage.said('third')).join('\n'), /ProvisioningFailed .* code = ResourceExhausted desc = the pool can promise \d+ bytes more/);
    },
    { diskBytes: 4 * 2 ** 30 },
  );

  check('the room of the node is published for each class, and says which claims it counts', async (stage) => {
    const before = await stage.client.list(csiStorageCapacities, { namespace: 'kube-system' });
    assert.deepEqual(before.items.map(({ storageClassName }) => storageClassName).sort(), ['berth', 'berth-immediate']);
    const claim = await stage.claim('data', { storageClassName: 'berth-immediate', size: '1Gi' });
    await stage.rest();
    const after = await stage.client.list(csiStorageCapacities, { namespace: 'kube-system' });
    assert.deepEqual(after.items[0]?.nodeTopology, { matchLabels: { 'topology.berth.dev/node': 'node-1' } });
    assert.notEqual(after.items[0].capacity, before.items[0]?.capacity);
    assert.ok(BigInt(after.items[0].metadata.annotations?.[COUNTED_UNTIL] ?? '0') > 0n && claim.status?.phase === 'Bound');
  });

  check(
    'a figure that is another whenever it is looked at (each write takes room of the disk) is written once for each reason',
    async (stage) => {
      const versions = async (): Promise<readonly string[]> =>
        (await stage.client.list(csiStorageCapacities)).items.map(({ metadata }) => metadata.resourceVersion);
      const before = await versions();
      await stage.rest();
      assert.deepEqual(await versions(), before);
      await stage.claim('data', { storageClassName: 'berth-immediate' });
      await stage.rest();
      assert.notDeepEqual(await versions(), before);
    },
    { drifts: true },
  );

  check(
    'a claim without a class gets the default one when that appears',
    async (stage) => {
      assert.equal((await stage.claim('early')).spec?.storageClassName, undefined);
      await stage.client.create(csiDrivers, { metadata: { name: 'pool.berth.dev' }, spec: { attachRequired: false } });
      await stage.client.create(storageClasses, {
        metadata: { name: 'late', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
        provisioner: 'pool.berth.dev',
      });
      await stage.rest();
      const claim = await stage.look('early');
      assert.equal(claim.spec?.storageClassName, 'late');
      assert.equal(claim.status?.phase, 'Bound');
    },
    { classes: false },
  );
});
