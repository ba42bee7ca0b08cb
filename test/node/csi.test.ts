/** The kubelet and a CSI driver that writes down what it is asked: the calls, in their order, are what a driver relies on. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { csiDrivers, csiNodes, events, nodes, persistentVolumeClaims, persistentVolumes, pods, volumeAttachments } from '../../src/api/gen/resources.ts';
import type { PersistentVolumeSpec } from '../../src/api/gen/types/core.v1.ts';
import type { CSIDriverSpec } from '../../src/api/gen/types/storage.v1.ts';
import { type CsiDriver, CsiError, type NodePublish, type NodeStage } from '../../src/csi/driver.ts';
import type { Host } from '../../src/host/host.ts';
import { NodeHarness } from './harness.ts';

const DRIVER = 'csi.example.com';
const GRACE = { terminationGracePeriodSeconds: 1 };
const refuse = (): Promise<never> => Promise.reject(new CsiError('unimplemented', 'a node driver only'));

/** Mounts tmpfs, as a driver would mount something; `calls` has a line for each. */
class RecordingDriver implements CsiDriver {
  readonly name = DRIVER;
  readonly calls: string[] = [];
  readonly published: NodePublish[] = [];
  readonly staged: NodeStage[] = [];
  /** The next stage is refused. */
  fault: CsiError | undefined;
  /** So many unstagings fail. */
  holds = 0;
  host: Host | undefined;
  readonly createVolume = refuse;
  readonly deleteVolume = refuse;
  readonly controllerPublish = refuse;
  readonly controllerUnpublish = refuse;
  readonly controllerExpand = refuse;
  readonly createSnapshot = refuse;
  readonly deleteSnapshot = refuse;
  readonly capacity = refuse;
  readonly nodeStats = refuse;

  async identity(): ReturnType<CsiDriver['identity']> {
    return { version: '1', capabilities: [] };
  }

  async controllerCapabilities(): ReturnType<CsiDriver['controllerCapabilities']> {
    return [];
  }

  async nodeCapabilities(): ReturnType<CsiDriver['nodeCapabilities']> {
    return ['stage-unstage-volume', 'expand-volume'];
  }

  async nodeInfo(): ReturnType<CsiDriver['nodeInfo']> {
    return { nodeId: 'node-id', maxVolumes: 7, topology: { 'topology.example.com/zone': 'z' } };
  }

  async nodeStage(request: NodeStage): Promise<void> {
    this.calls.push(`stage ${request.volumeId}`);
    this.staged.push(request);
    const fault = this.fault;
    this.fault = undefined;
    if (fault !== undefined) throw fault;
    await this.#mount(request.stagingPath);
  }

  async nodeUnstage(volumeId: string, stagingPath: string): Promise<void> {
    this.calls.push(`unstage ${volumeId}`);
    if (this.holds-- > 0) throw new CsiError('internal', 'target is busy');
    await this.host?.mounts.unmount(stagingPath);
  }

  async nodePublish(request: NodePublish): Promise<void> {
    this.calls.push(`publish ${request.volumeId}`);
    this.published.push(request);
    if (request.capability.as.type === 'block') return this.host?.files.writeFileAtomic(request.targetPath, 'device');
    await this.host?.files.makeDirectory(request.targetPath);
    await this.#mount(request.targetPath);
  }

  async nodeUnpublish(volumeId: string, targetPath: string): Promise<void> {
    this.calls.push(`unpublish ${volumeId}`);
    await this.host?.mounts.unmount(targetPath);
  }

  async nodeExpand(request: Parameters<CsiDriver['nodeExpand']>[0]): ReturnType<CsiDriver['nodeExpand']> {
    this.calls.push(`expand ${request.volumeId} ${request.requiredBytes}`);
    return { capacityBytes: request.requiredBytes };
  }

  #mount(target: string): Promise<void> {
    return this.host?.mounts.mount({ source: 'tmpfs', target, type: 'tmpfs' }) ?? Promise.resolve();
  }
}

async function open(spec: CSIDriverSpec): Promise<{ readonly world: NodeHarness; readonly driver: RecordingDriver }> {
  const driver = new RecordingDriver();
  const world = await NodeHarness.open({ drivers: [driver] });
  driver.host = world.host;
  await world.client.create(csiDrivers, { metadata: { name: DRIVER }, spec });
  await world.start();
  return { world, driver };
}

/** A claim bound to a volume with the handle `h-NAME`. */
async function claim(world: NodeHarness, name: string, spec: PersistentVolumeSpec = {}, accessModes: readonly string[] = ['ReadWriteOnce']): Promise<void> {
  const made = await world.client.create(persistentVolumeClaims, {
    metadata: { name, namespace: 'default' },
    spec: {
      accessModes,
      storageClassName: '',
      volumeName: `pv-${name}`,
      resources: { requests: { storage: '1Gi' } },
      ...(spec.volumeMode === undefined ? {} : { volumeMode: spec.volumeMode }),
    },
  });
  await world.client.create(persistentVolumes, {
    metadata: { name: `pv-${name}` },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes,
      storageClassName: '',
      persistentVolumeReclaimPolicy: 'Retain',
      csi: { driver: DRIVER, volumeHandle: `h-${name}`, fsType: 'ext4', volumeAttributes: { a: 'b' } },
      claimRef: { kind: 'PersistentVolumeClaim', namespace: 'default', name, uid: made.metadata.uid },
      ...spec,
    },
  });
  await world.client.updateStatus(persistentVolumeClaims, { ...made, status: { phase: 'Bound', accessModes, capacity: { storage: '1Gi' } } });
}

const using = (
  claimName: string,
): {
  readonly volumes: readonly { readonly name: string; readonly persistentVolumeClaim: { readonly claimName: string } }[];
  readonly containers: readonly {
    readonly name: string;
    readonly image: string;
    readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  }[];
} => ({
  volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }],
  containers: [{ name: 'c', image: 'i', volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
});

async function running(world: NodeHarness, name: string): Promise<void> {
  await world.until(`${name} is Running`, async () => (await world.get(name)).status?.phase === 'Running');
}

async function remove(world: NodeHarness, name: string): Promise<void> {
  await world.client.delete(pods, name, 'default');
  await world.until(
    `${name} is gone`,
    async () => (await world.client.list(pods, { namespace: 'default', fieldSelector: `metadata.name=${name}` })).items.length === 0,
  );
  await world.advance(500);
}

test('a volume is staged once for the node and published for each pod, and the other way round', async () => {
  const { world, driver } = await open({ attachRequired: false, podInfoOnMount: true });
  await within(world, async () => {
    await claim(world, 'data');
    const { uid } = (await world.create('a', { ...GRACE, ...using('data') })).metadata;
    await running(world, 'a');
    await world.create('b', { ...GRACE, ...using('data') });
    await running(world, 'b');
    assert.deepEqual(driver.calls.splice(0), ['stage h-data', 'publish h-data', 'publish h-data']);
    const staging = `/var/lib/kubelet/plugins/kubernetes.io/csi/${DRIVER}/${createHash('sha256').update('h-data').digest('hex')}/globalmount`;
    const [published] = driver.published;
    assert.equal(published?.stagingPath, staging);
    assert.equal(published?.targetPath, `/var/lib/kubelet/pods/${uid}/volumes/kubernetes.io~csi/pv-data/mount`);
    assert.deepEqual(published?.context, {
      a: 'b',
      'csi.storage.k8s.io/pod.name': 'a',
      'csi.storage.k8s.io/pod.namespace': 'default',
      'csi.storage.k8s.io/pod.uid': uid,
      'csi.storage.k8s.io/serviceAccount.name': 'default',
      'csi.storage.k8s.io/ephemeral': 'false',
    });
    assert.deepEqual(published?.capability, { access: 'single-node-writer', as: { type: 'mount', fsType: 'ext4', mountFlags: [] } });
    await remove(world, 'a');
    assert.deepEqual(driver.calls.splice(0), ['unpublish h-data']);
    await remove(world, 'b');
    assert.deepEqual(driver.calls.splice(0), ['unpublish h-data', 'unstage h-data']);
    assert.deepEqual(await world.host.mounts.below('/var/lib/kubelet'), []);
    assert.equal(await world.host.files.stat(staging), undefined);
  });
});

test('the node waits for the attachment and passes on what it gave', async () => {
  const { world, driver } = await open({ attachRequired: true });
  await within(world, async () => {
    await claim(world, 'data');
    await world.create('a', { ...GRACE, ...using('data') });
    await world.advance(5_000);
    assert.deepEqual(driver.calls, []);
    const name = `csi-${createHash('sha256').update(`h-data${DRIVER}n1`).digest('hex')}`;
    const attachment = await world.client.create(volumeAttachments, {
      metadata: { name },
      spec: { attacher: DRIVER, nodeName: 'n1', source: { persistentVolumeName: 'pv-data' } },
    });
    await world.client.updateStatus(volumeAttachments, { ...attachment, status: { attached: true, attachmentMetadata: { device: 'sdb' } } });
    await running(world, 'a');
    assert.deepEqual(driver.staged[0]?.publishContext, { device: 'sdb' });
    await world.until('in use', async () => (await world.client.get(nodes, 'n1')).status?.volumesInUse?.[0] === `kubernetes.io/csi/${DRIVER}^h-data`);
  });
});

test('a driver that refuses is asked again, and its words are told', async () => {
  const { world, driver } = await open({ attachRequired: false });
  await within(world, async () => {
    driver.fault = new CsiError('internal', 'the array is on fire');
    await claim(world, 'data');
    await world.create('a', { ...GRACE, ...using('data') });
    await running(world, 'a');
    assert.deepEqual(driver.calls, ['stage h-data', 'stage h-data', 'publish h-data']);
    await world.advance(2_000);
    const told = (await world.client.list(events, { namespace: 'default' })).items.find((e) => e.reason === 'FailedMount');
    assert.equal(told?.message, 'MountVolume.MountDevice failed for volume "pv-data" : rpc error: code = Internal desc = the array is on fire');
  });
});

for (const { code, after } of [
  { code: 'internal', after: [] },
  { code: 'deadline-exceeded', after: ['unstage h-data'] },
] as const) {
  test(`a pod that ends after staging answered ${code}: ${after.length === 0 ? 'nothing is undone' : 'it may have happened, so it is undone'}`, async () => {
    const { world, driver } = await open({ attachRequired: false });
    await within(world, async () => {
      driver.fault = new CsiError(code, 'no');
      await claim(world, 'data');
      await world.create('a', { ...GRACE, ...using('data') });
      await world.until('asked', () => driver.calls.length > 0);
      await remove(world, 'a');
      assert.deepEqual(driver.calls, ['stage h-data', ...after]);
      assert.equal(
        await world.host.files.stat(`/var/lib/kubelet/plugins/kubernetes.io/csi/${DRIVER}/${createHash('sha256').update('h-data').digest('hex')}`),
        undefined,
      );
    });
  });
}

test('a kubelet that comes back finds what is mounted; what its pods no longer need is taken down', async () => {
  const { world, driver } = await open({ attachRequired: false });
  await within(world, async () => {
    await claim(world, 'kept');
    await claim(world, 'left');
    await world.create('a', { ...GRACE, ...using('kept') });
    await world.create('b', { ...GRACE, ...using('left') });
    await running(world, 'a');
    await running(world, 'b');
    await world.stop();
    await world.client.delete(pods, 'b', 'default', { gracePeriodSeconds: 0 });
    driver.calls.splice(0);
    await world.start();
    await world.until('taken down', () => driver.calls.length >= 2);
    await world.advance(2_000);
    assert.deepEqual(driver.calls, ['unpublish h-left', 'unstage h-left']);
    assert.equal((await world.get('a')).status?.containerStatuses?.[0]?.restartCount, 0);
  });
});

test('ReadWriteOncePod: a second pod on the node does not get the volume', async () => {
  const { world, driver } = await open({ attachRequired: false });
  await within(world, async () => {
    await claim(world, 'one', {}, ['ReadWriteOncePod']);
    await world.create('a', { ...GRACE, ...using('one') });
    await running(world, 'a');
    await world.create('b', { ...GRACE, ...using('one') });
    await world.advance(5_000);
    assert.equal((await world.get('b')).status?.phase, 'Pending');
    await remove(world, 'a');
    await running(world, 'b');
    assert.deepEqual(driver.calls, ['stage h-one', 'publish h-one', 'unpublish h-one', 'unstage h-one', 'stage h-one', 'publish h-one']);
  });
});

test('ReadWriteOncePod: of two pods that come at the same moment one gets the volume', async () => {
  const { world, driver } = await open({ attachRequired: false });
  await within(world, async () => {
    await claim(world, 'one', {}, ['ReadWriteOncePod']);
    await Promise.all(['a', 'b'].map((name) => world.create(name, { ...GRACE, ...using('one') })));
    await world.advance(5_000);
    const phases = await Promise.all(['a', 'b'].map(async (name) => (await world.get(name)).status?.phase));
    assert.deepEqual(phases.toSorted(), ['Pending', 'Running']);
    assert.deepEqual(driver.calls, ['stage h-one', 'publish h-one']);
  });
});

test('an unstaging that fails is tried again before the pod goes, and until then the volume is in use', async () => {
  const { world, driver } = await open({ attachRequired: false });
  await within(world, async () => {
    await claim(world, 'data');
    await world.create('a', { ...GRACE, ...using('data') });
    await running(world, 'a');
    driver.holds = 2;
    await remove(world, 'a');
    assert.equal(driver.calls.filter((call) => call === 'unstage h-data').length, 3);
    assert.deepEqual(await world.host.mounts.below('/var/lib/kubelet'), []);
  });
});

test('a kubelet that comes back says that a volume is in use as long as it is on the node, whatever became of its pod', async () => {
  const { world, driver } = await open({ attachRequired: true });
  await within(world, async () => {
    await claim(world, 'data');
    const name = `csi-${createHash('sha256').update(`h-data${DRIVER}n1`).digest('hex')}`;
    const attachment = await world.client.create(volumeAttachments, {
      metadata: { name },
      spec: { attacher: DRIVER, nodeName: 'n1', source: { persistentVolumeName: 'pv-data' } },
    });
    await world.client.updateStatus(volumeAttachments, { ...attachment, status: { attached: true } });
    await world.create('a', { ...GRACE, ...using('data') });
    await running(world, 'a');
    await world.stop();
    await world.client.delete(pods, 'a', 'default', { gracePeriodSeconds: 0 });
    driver.holds = 3;
    const told: string[] = [];
    const seen = await world.client.watch(
      nodes,
      { resourceVersion: '' },
      {
        events: (batch) => told.push(...batch.map(({ object }) => `${driver.calls.length} ${String(object.status?.volumesInUse?.length ?? 0)}`)),
        closed: () => {},
      },
    );
    await world.start();
    await world.advance(60_000);
    seen.close();
    const unstaged = driver.calls.length;
    assert.deepEqual(driver.calls.slice(-4), ['unpublish h-data', 'unstage h-data', 'unpublish h-data', 'unstage h-data']);
    assert.deepEqual((await world.client.get(nodes, 'n1')).status?.volumesInUse ?? [], []);
    assert.ok(told.length > 0);
    for (const line of told) if (Number(line.split(' ')[0]) < unstaged) assert.match(line, / 1$/, told.join('; '));
  });
});

test('an inline volume is published without staging, and ends with its pod', async () => {
  const { world, driver } = await open({ attachRequired: false, volumeLifecycleModes: ['Ephemeral'] });
  await within(world, async () => {
    await world.create('a', {
      ...GRACE,
      volumes: [{ name: 'v', csi: { driver: DRIVER, volumeAttributes: { size: '1' } } }],
      containers: [{ name: 'c', image: 'i', volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
    });
    await running(world, 'a');
    const handle = driver.published[0]?.volumeId ?? '';
    assert.match(handle, /^csi-[0-9a-f]{64}$/);
    await remove(world, 'a');
    assert.deepEqual(driver.calls, [`publish ${handle}`, `unpublish ${handle}`]);
  });
});

test('a driver that asks for it gets tokens of the pod, and is asked to publish again', async () => {
  const { world, driver } = await open({ attachRequired: false, requiresRepublish: true, tokenRequests: [{ audience: 'vault', expirationSeconds: 600 }] });
  await within(world, async () => {
    await claim(world, 'data');
    await world.create('a', { ...GRACE, ...using('data') });
    await running(world, 'a');
    const tokens = (): { readonly vault?: { readonly token: string } } =>
      JSON.parse(driver.published.at(-1)?.context['csi.storage.k8s.io/serviceAccount.tokens'] ?? '{}') as { readonly vault?: { readonly token: string } };
    const first = tokens().vault?.token;
    assert.ok(first !== undefined && first.length > 20);
    await world.until('published again', () => driver.published.length >= 9, 600);
    assert.deepEqual(new Set(driver.calls.slice(1)), new Set(['publish h-data']));
    assert.notEqual(tokens().vault?.token, first);
  });
});

test('a volume that no container uses is not touched; one in the wrong mode is refused', async () => {
  const { world, driver } = await open({ attachRequired: false });
  await within(world, async () => {
    await claim(world, 'idle');
    await claim(world, 'raw', { volumeMode: 'Block' });
    await world.create('a', { ...GRACE, volumes: using('idle').volumes });
    await running(world, 'a');
    await world.create('b', { ...GRACE, ...using('raw') });
    await world.advance(3_000);
    assert.deepEqual(driver.calls, []);
    const told = (await world.client.list(events, { namespace: 'default' })).items.find((e) => e.reason === 'FailedMount');
    assert.match(told?.message ?? '', /volume v has volumeMode Block, but is specified in volumeMounts/);
  });
});

test('a claim that has grown is grown on the node, under the running pod', async () => {
  const { world, driver } = await open({ attachRequired: false });
  await within(world, async () => {
    await claim(world, 'data');
    await world.create('a', { ...GRACE, ...using('data') });
    await running(world, 'a');
    driver.calls.splice(0);
    const volume = await world.client.get(persistentVolumes, 'pv-data');
    await world.client.update(persistentVolumes, { ...volume, spec: { ...volume.spec, capacity: { storage: '2Gi' } } });
    const bound = await world.client.get(persistentVolumeClaims, 'data', 'default');
    await world.client.updateStatus(persistentVolumeClaims, {
      ...bound,
      status: { ...bound.status, conditions: [{ type: 'FileSystemResizePending', status: 'True' }] },
    });
    await world.until('grown', async () => (await world.client.get(persistentVolumeClaims, 'data', 'default')).status?.capacity?.['storage'] === '2Gi');
    assert.deepEqual(driver.calls, [`expand h-data ${2 * 2 ** 30}`]);
    assert.deepEqual((await world.client.get(persistentVolumeClaims, 'data', 'default')).status?.conditions ?? [], []);
  });
});

test('the driver is told of in the CSINode and by labels of the node', async () => {
  const { world } = await open({ attachRequired: false });
  await within(world, async () => {
    await world.until('registered', async () => (await world.client.list(csiNodes)).items[0]?.spec.drivers[0]?.name === DRIVER);
    assert.deepEqual((await world.client.get(csiNodes, 'n1')).spec.drivers, [
      { name: DRIVER, nodeID: 'node-id', topologyKeys: ['topology.example.com/zone'], allocatable: { count: 7 } },
    ]);
    await world.until('labelled', async () => (await world.client.get(nodes, 'n1')).metadata.labels?.['topology.example.com/zone'] === 'z');
  });
});

async function within(world: NodeHarness, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } finally {
    await world[Symbol.asyncDispose]();
  }
}
