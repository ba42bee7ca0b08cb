import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { SystemRandom } from '../../base/random.ts';
import { SystemClock } from '../../base/system-clock.ts';
import { CsiError, type CsiErrorCode, type VolumeCapability } from '../../csi/driver.ts';
import type { Host } from '../../host/host.ts';
import { openSystemHost } from '../../host/system.ts';
import { openPool } from '../pool/open.ts';
import type { Pool } from '../pool/pool.ts';
import { PoolDriver } from './driver.ts';

const MiB = 1024 * 1024;
const WRITER: VolumeCapability = { access: 'single-node-writer', as: { type: 'mount', fsType: '', mountFlags: [] } };
const BLOCK: VolumeCapability = { access: 'single-node-writer', as: { type: 'block' } };
const isRoot = process.getuid?.() === 0;

interface Bench {
  readonly host: Host;
  readonly pool: Pool;
  readonly driver: PoolDriver;
  readonly directory: string;
  stage(id: string): Promise<string>;
  unstage(id: string): Promise<void>;
}

/** A driver on the real machine, in a directory of its own; everything is unmounted and let go when the test ends. */
async function bench(t: TestContext, kind: Pool['kind']): Promise<Bench> {
  const directory = await mkdtemp('/var/tmp/berth-driver-');
  const host = openSystemHost({ clock: new SystemClock(), random: new SystemRandom() });
  const pool = await openPool({ host, clock: new SystemClock(), root: join(directory, 'pool'), mark: 'test', kind });
  const driver = new PoolDriver({ host, pool, nodeName: 'node-1' });
  t.after(async () => {
    for (const { target } of await host.mounts.below(join(directory, 'stage'))) await host.mounts.unmount(target);
    for (const { device, file } of await host.loops.list())
      if (file.startsWith(`${pool.path('x').split('/volumes/')[0]}/`)) await host.loops.detach(device, file);
    await pool[Symbol.asyncDispose]();
    for (const { target } of await host.mounts.below(directory)) await host.mounts.unmount(target);
    for (const { device, file } of await host.loops.list()) if (file.startsWith(directory)) await host.loops.detach(device, file);
    await host[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });
  const path = (id: string): string => join(directory, 'stage', id);
  return {
    host,
    pool,
    driver,
    directory,
    stage: async (id) => {
      await driver.nodeStage({ volumeId: id, stagingPath: path(id), publishContext: {}, context: {}, capability: WRITER });
      return path(id);
    },
    unstage: (id) => driver.nodeUnstage(id, path(id)),
  };
}

function create(
  b: Bench,
  name: string,
  sizeBytes: number,
  more: Partial<Parameters<PoolDriver['createVolume']>[0]> = {},
): ReturnType<PoolDriver['createVolume']> {
  return b.driver.createVolume({ name, requiredBytes: sizeBytes, capabilities: [WRITER], parameters: {}, ...more });
}

async function write(b: Bench, file: string, text: string): Promise<void> {
  await b.host.files.writeFileAtomic(file, text, { durable: true });
}

function code(expected: CsiErrorCode): (thrown: unknown) => boolean {
  return (thrown) => thrown instanceof CsiError && thrown.code === expected;
}

test('a volume that was frozen when its pod went is not frozen for its next', { skip: isRoot ? false : 'needs root' }, async (t) => {
  const b = await bench(t, 'plain');
  await create(b, 'cold', 64 * MiB);
  const at = await b.stage('cold');
  await b.host.filesystems.freeze(at);
  await b.unstage('cold');
  await b.stage('cold');
  // One that is frozen can not be frozen.
  try {
    await b.host.filesystems.freeze(at);
  } finally {
    await b.host.filesystems.thaw(at);
  }
});

test('a volume that is being staged is not deleted, and one that is being deleted is not staged', { skip: isRoot ? false : 'needs root' }, async (t) => {
  const b = await bench(t, 'plain');
  for (const [i, deleteFirst] of [true, false, false].entries()) {
    const id = `race-${i}`;
    await create(b, id, 64 * MiB);
    const deletion = (): Promise<void> => b.driver.deleteVolume(id);
    const both = deleteFirst ? [deletion(), b.stage(id)] : [b.stage(id), deletion()];
    const [first, second] = await Promise.allSettled(both);
    assert.deepEqual([first?.status, second?.status], ['fulfilled', 'rejected']);
    assert.equal(b.pool.volume(id) === undefined, deleteFirst);
  }
});

test('a volume is unmounted after the freeze of a snapshot, not during it', { skip: isRoot ? false : 'needs root' }, async (t) => {
  const b = await bench(t, 'plain');
  await create(b, 'busy', 64 * MiB);
  const at = await b.stage('busy');
  const order: string[] = [];
  await Promise.all([
    b.driver.createSnapshot('snap', 'busy', {}).then(() => order.push('snapshot')),
    // Begun while the snapshot has the volume frozen, or before it: either is in order.
    b.unstage('busy').then(() => order.push('unstaged')),
  ]);
  assert.equal(order.length, 2);
  assert.equal(await b.host.mounts.at(at), undefined);
  await b.stage('busy');
  try {
    await b.host.filesystems.freeze(at);
  } finally {
    await b.host.filesystems.thaw(at);
  }
});

for (const kind of ['plain', 'btrfs'] as const) {
  test(`${kind} pool`, { skip: isRoot ? false : 'needs root' }, async (outer) => {
    await outer.test('a full volume says ENOSPC, df tells its own size, and it grows while mounted', async (t) => {
      const b = await bench(t, kind);
      await create(b, 'full', 64 * MiB);
      const at = await b.stage('full');
      const { totalBytes } = await b.host.files.statfs(at);
      assert.ok(totalBytes > 48 * MiB && totalBytes <= 64 * MiB, `df says ${totalBytes}`);
      const dd = await b.host.run('dd', ['if=/dev/zero', `of=${at}/fill`, 'bs=1M', 'conv=fsync']);
      assert.match(dd.stderr, /No space left on device/);
      assert.deepEqual(await b.driver.controllerExpand('full', 128 * MiB), { capacityBytes: 128 * MiB, nodeExpansionRequired: false });
      assert.ok((await b.host.files.statfs(at)).totalBytes > 100 * MiB);
      await b.driver.nodeExpand({ volumeId: 'full', volumePath: at, stagingPath: at, requiredBytes: 128 * MiB, capability: WRITER });
      await write(b, `${at}/more`, 'fits now');
      await b.unstage('full');
      assert.equal((await b.driver.controllerExpand('full', 160 * MiB)).nodeExpansionRequired, true, 'not in use: it grows when it is staged');
      assert.ok((await b.host.files.statfs(await b.stage('full'))).totalBytes > 132 * MiB);
      await b.unstage('full');
      assert.equal(await b.driver.capacity().then(({ availableBytes }) => availableBytes > 0), true);
    });

    await outer.test('a snapshot and a clone hold what was there, mounted beside their source', async (t) => {
      const b = await bench(t, kind);
      await create(b, 'source', 64 * MiB);
      const at = await b.stage('source');
      await write(b, `${at}/word`, 'before');
      await b.driver.createSnapshot('snap', 'source', {});
      await write(b, `${at}/word`, 'after');
      await create(b, 'restored', 96 * MiB, { source: { snapshotId: 'snap' } });
      await create(b, 'cloned', 64 * MiB, { source: { volumeId: 'source' } });
      await write(b, `${at}/word`, 'later');
      const restored = await b.stage('restored');
      const cloned = await b.stage('cloned');
      assert.equal(await b.host.files.readText(`${restored}/word`), 'before');
      assert.equal(await b.host.files.readText(`${cloned}/word`), 'after');
      assert.equal(await b.host.files.readText(`${at}/word`), 'later');
      assert.ok((await b.host.files.statfs(restored)).totalBytes > 70 * MiB, 'the restored file system has grown to its volume');
      await b.driver.deleteSnapshot('snap');
      await b.driver.deleteSnapshot('snap');
      for (const id of ['source', 'restored', 'cloned']) await b.unstage(id);
    });

    await outer.test('every call twice is the same as once; what is in use is not deleted; what is deleted comes back', async (t) => {
      const b = await bench(t, kind);
      const first = await create(b, 'twice', 32 * MiB);
      assert.deepEqual(await create(b, 'twice', 32 * MiB), first);
      await assert.rejects(create(b, 'twice', 48 * MiB), code('already-exists'));
      const at = await b.stage('twice');
      await b.stage('twice');
      await write(b, `${at}/word`, 'kept');
      const target = join(b.directory, 'stage', 'target');
      const publish = { volumeId: 'twice', stagingPath: at, targetPath: target, publishContext: {}, context: {}, capability: WRITER, readOnly: true };
      await b.driver.nodePublish(publish);
      await b.driver.nodePublish(publish);
      await assert.rejects(write(b, `${target}/word`, 'no'), (thrown: unknown) => thrown instanceof Error && 'code' in thrown && thrown.code === 'read-only');
      await assert.rejects(b.driver.deleteVolume('twice'), code('failed-precondition'));
      const stats = await b.driver.nodeStats('twice', target);
      assert.equal(stats.totalBytes, (await b.host.files.statfs(at)).totalBytes);
      await b.driver.nodeUnpublish('twice', target);
      await b.driver.nodeUnpublish('twice', target);
      await b.unstage('twice');
      await b.unstage('twice');
      assert.equal((await b.host.loops.find(b.pool.path('twice'))).length, 0);
      await b.driver.deleteVolume('twice');
      await b.driver.deleteVolume('twice');
      await b.pool.restore(b.pool.trash()[0]?.trashId ?? '');
      assert.equal(await b.host.files.readText(`${await b.stage('twice')}/word`), 'kept');
      await b.unstage('twice');
    });

    await outer.test('whatever a killed call left behind, the next one ends it', async (t) => {
      const b = await bench(t, kind);
      await create(b, 'left', 64 * MiB);
      const image = b.pool.path('left');
      // Killed after mkfs and attaching, before either was noted.
      await b.host.filesystems.make(image, { type: 'xfs', extra: ['--unsupported', '-K'] });
      await b.host.loops.attach(image);
      const at = await b.stage('left');
      assert.equal((await b.host.loops.find(image)).length, 1);
      await b.unstage('left');
      // Killed after mounting what had become larger, before growing what is on it.
      await b.driver.controllerExpand('left', 128 * MiB);
      const { device } = await b.host.loops.attach(image, { directIo: true });
      await b.host.mounts.mount({ source: device, target: at, type: 'xfs', options: ['nouuid'] });
      await b.stage('left');
      assert.ok((await b.host.files.statfs(at)).totalBytes > 100 * MiB);
      // Killed while it was frozen for a snapshot.
      await b.host.filesystems.freeze(at);
      await b.driver.recover();
      await write(b, `${at}/word`, 'goes on');
      await b.unstage('left');
      // Something else at the staging place is not touched.
      await b.host.mounts.mount({ source: 'tmpfs', target: at, type: 'tmpfs' });
      await assert.rejects(b.stage('left'), code('failed-precondition'));
      await b.host.mounts.unmount(at);
    });

    await outer.test('ext4 without CAP_SYS_RESOURCE grows when it is next staged, and says so', async (t) => {
      const b = await bench(t, kind);
      if (b.pool.growsOnline('ext4')) return t.skip('CAP_SYS_RESOURCE is here');
      const capability: VolumeCapability = { access: 'single-node-writer', as: { type: 'mount', fsType: 'ext4', mountFlags: ['noatime'] } };
      await create(b, 'ext', 32 * MiB, { capabilities: [capability] });
      const at = join(b.directory, 'stage', 'ext');
      const stage = (): Promise<void> => b.driver.nodeStage({ volumeId: 'ext', stagingPath: at, publishContext: {}, context: {}, capability });
      await stage();
      assert.ok((await b.host.mounts.at(at))?.options.includes('noatime'));
      await write(b, `${at}/word`, 'kept');
      assert.equal((await b.driver.controllerExpand('ext', 64 * MiB)).nodeExpansionRequired, true);
      await assert.rejects(
        b.driver.nodeExpand({ volumeId: 'ext', volumePath: at, stagingPath: at, requiredBytes: 64 * MiB, capability }),
        code('failed-precondition'),
      );
      await b.unstage('ext');
      await stage();
      assert.ok((await b.host.files.statfs(at)).totalBytes > 48 * MiB);
      assert.equal(await b.host.files.readText(`${at}/word`), 'kept');
      await b.driver.nodeUnstage('ext', at);
    });

    await outer.test('an image that was formatted is never formatted again', async (t) => {
      const b = await bench(t, kind);
      await create(b, 'wiped', 32 * MiB);
      await b.stage('wiped');
      await b.unstage('wiped');
      await b.host.run('dd', ['if=/dev/zero', `of=${b.pool.path('wiped')}`, 'bs=1M', 'count=1', 'conv=notrunc']);
      await assert.rejects(b.stage('wiped'), code('internal'));
      assert.equal(await b.host.filesystems.probe(b.pool.path('wiped')), undefined);
    });

    await outer.test('a block volume is a device of its size', async (t) => {
      const b = await bench(t, kind);
      await create(b, 'block', 32 * MiB, { capabilities: [BLOCK] });
      const target = join(b.directory, 'stage', 'device');
      await b.host.files.makeDirectory(join(b.directory, 'stage'));
      const stage = { volumeId: 'block', stagingPath: join(b.directory, 'stage', 'block'), publishContext: {}, context: {}, capability: BLOCK };
      await b.driver.nodeStage(stage);
      await b.driver.nodePublish({ ...stage, targetPath: target, readOnly: false });
      const { stdout } = await b.host.run('blockdev', ['--getsize64', target]);
      assert.equal(stdout.trim(), String(32 * MiB));
      const allocated = (await b.host.files.stat(b.pool.path('block')))?.allocatedBytes;
      assert.notEqual((await b.host.run('blkdiscard', [target])).code, 0, 'a discard would punch the reserve away');
      assert.equal((await b.host.files.stat(b.pool.path('block')))?.allocatedBytes, allocated);
      await assert.rejects(b.driver.deleteVolume('block'), code('failed-precondition'));
      await b.driver.nodeUnpublish('block', target);
      await b.driver.nodeUnstage('block', stage.stagingPath);
      await b.driver.deleteVolume('block');
    });

    await outer.test('modes, sizes and parameters that it can not give are refused by name', async (t) => {
      const b = await bench(t, kind);
      await assert.rejects(create(b, 'shared', 32 * MiB, { capabilities: [{ ...WRITER, access: 'multi-node-multi-writer' }] }), code('invalid-argument'));
      await assert.rejects(create(b, '../out', 32 * MiB), code('invalid-argument'));
      await assert.rejects(create(b, 'odd', 32 * MiB, { parameters: { replicas: '3' } }), code('invalid-argument'));
      await assert.rejects(create(b, 'huge', 1e15), code('resource-exhausted'));
      await assert.rejects(
        create(b, 'far', 32 * MiB, { topology: { requisite: [{ 'topology.berth.dev/node': 'node-2' }], preferred: [] } }),
        code('resource-exhausted'),
      );
      assert.deepEqual(b.pool.volumes(), []);
    });
  });
}

test('directory pool', { skip: isRoot ? false : 'needs root' }, async (t) => {
  const b = await bench(t, 'directory');
  const { context } = await create(b, 'open', 16 * MiB);
  assert.equal(context['pool.berth.dev/size-enforced'], 'false');
  const at = await b.stage('open');
  await b.stage('open');
  const { code: status } = await b.host.run('dd', ['if=/dev/zero', `of=${at}/more`, 'bs=1M', 'count=24']);
  assert.equal(status, 0, 'its size is no wall');
  await b.driver.createSnapshot('snap', 'open', {});
  await create(b, 'copy', 16 * MiB, { source: { snapshotId: 'snap' } });
  assert.equal((await b.host.files.stat(`${await b.stage('copy')}/more`))?.sizeBytes, 24 * MiB);
  await assert.rejects(b.driver.deleteVolume('open'), code('failed-precondition'));
  await b.unstage('open');
  await b.unstage('copy');
  await b.driver.deleteVolume('open');
  assert.deepEqual(
    b.pool.volumes().map(({ id }) => id),
    ['copy'],
  );
});
