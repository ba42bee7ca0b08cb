import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { silentLog } from '../../base/log.ts';
import { SystemRandom } from '../../base/random.ts';
import { SystemClock } from '../../base/system-clock.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import type { VolumeCapability } from '../../csi/driver.ts';
import { openSystemHost } from '../../host/system.ts';
import { openPool } from '../pool/open.ts';
import { PoolDriver } from './driver.ts';
import { PoolGuard } from './guard.ts';

const MiB = 2 ** 20;
const WRITER: VolumeCapability = { access: 'single-node-writer', as: { type: 'mount', fsType: '', mountFlags: [] } };

test('when the ground of a pool is used up writers wait, and go on when there is room', {
  skip: process.getuid?.() === 0 ? false : 'needs root',
  timeout: 300_000,
}, async (t) => {
  const directory = await mkdtemp('/var/tmp/berth-guard-');
  const host = openSystemHost({ clock: new SystemClock(), random: new SystemRandom() });
  t.after(async () => {
    for (let round = 0; round < 2; round++) {
      for (const { target } of await host.mounts.below(directory)) await host.mounts.unmount(target);
      for (const { device, file } of await host.loops.list()) if (file.startsWith(directory)) await host.loops.detach(device, file);
    }
    await host[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });
  const pool = await openPool({
    host,
    clock: new SystemClock(),
    root: join(directory, 'pool'),
    mark: 'test',
    kind: 'btrfs',
    stepBytes: 900 * MiB,
    maxBytes: 900 * MiB,
  });
  const driver = new PoolDriver({ host, pool, nodeName: 'node-1' });
  await driver.createVolume({ name: 'a', requiredBytes: 64 * MiB, capabilities: [WRITER], parameters: {} });
  const at = join(directory, 'stage');
  await driver.nodeStage({ volumeId: 'a', stagingPath: at, publishContext: {}, context: {}, capability: WRITER });
  const isFrozen = async (): Promise<boolean> => {
    try {
      await host.filesystems.freeze(at);
    } catch {
      return true;
    }
    await host.filesystems.thaw(at);
    return false;
  };
  await using guard = new PoolGuard({ host, pool, clock: new VirtualClock(), log: silentLog });
  const ground = dirname(dirname(dirname(pool.path('a'))));
  const others = join(ground, 'others');
  const { availableBytes } = await host.files.statfs(ground);
  await host.files.allocate(others, 0, availableBytes - 100 * MiB);

  await guard.look();
  assert.equal(await isFrozen(), false, 'nothing is shared: the volume has all that it can ever use');
  await driver.createSnapshot('s', 'a', {});
  await guard.look();
  assert.equal(await isFrozen(), true);
  await host.files.removeFile(others);
  await host.run('btrfs', ['filesystem', 'sync', ground]);
  await guard.look();
  assert.equal(await isFrozen(), false);
  await driver.nodeUnstage('a', at);
});
