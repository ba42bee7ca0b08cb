import type { PersistentVolume } from '../../api/gen/types/core.v1.ts';
import type { FilesystemType } from '../../host/host.ts';
import type { Stored } from '../../machinery/object.ts';
import { spec } from '../pods/pod.ts';
import { ownForGroup } from './ownership.ts';
import { type MountedVolume, type TearDown, VolumeError, type VolumePlugin, type VolumeRequest, type VolumeTools } from './volume.ts';

const NAME = 'kubernetes.io/local-volume';
const FORMATS: readonly string[] = ['ext4', 'xfs', 'btrfs'];

/** Only the taking down: a local volume is reached through its claim. */
export function localPlugin({ host }: VolumeTools): VolumePlugin {
  return {
    name: NAME,
    supports: () => false,
    setUp: () => Promise.reject(new VolumeError('refused', 'a local volume is used through a claim')),
    async tearDown({ directory }: TearDown): Promise<void> {
      await host.mounts.unmount(directory);
      await host.files.removeDirectory(directory);
    },
  };
}

/** A directory is bound into the pod's directory; a device is mounted there, or given as it is in block mode. */
export async function setUpLocal(
  { host, paths }: VolumeTools,
  { id, pod }: VolumeRequest,
  volume: Stored<PersistentVolume>,
  readOnly: boolean,
): Promise<MountedVolume> {
  const { path = '', fsType = 'ext4' } = volume.spec?.local ?? {};
  const there = await host.files.stat(path, { follow: true });
  if (there === undefined) throw new VolumeError('failed', `local volume path ${JSON.stringify(path)} does not exist`);
  if (volume.spec?.volumeMode === 'Block') {
    if (there.type !== 'block-device') throw new VolumeError('failed', `local volume path ${JSON.stringify(path)} is not a block device`);
    return { path, mode: 'Block', readOnly, writable: true };
  }
  const directory = paths.volume(id.uid, NAME, volume.metadata.name);
  if ((await host.mounts.at(directory)) === undefined) {
    await host.files.makeDirectory(directory, { mode: 0o750 });
    if (there.type === 'directory') await host.mounts.bind({ source: path, target: directory, readOnly });
    else if (there.type === 'block-device') await mountDevice({ host }, path, directory, fsType, readOnly);
    else throw new VolumeError('failed', `local volume path ${JSON.stringify(path)} is neither a directory nor a block device`);
    if (!readOnly) await ownForGroup(host, directory, spec(pod).securityContext);
  }
  return { path: directory, mode: 'Filesystem', readOnly, writable: true };
}

async function mountDevice({ host }: Pick<VolumeTools, 'host'>, device: string, directory: string, fsType: string, readOnly: boolean): Promise<void> {
  const found = await host.filesystems.probe(device);
  if (found === undefined) {
    if (!FORMATS.includes(fsType)) throw new VolumeError('refused', `file system type ${JSON.stringify(fsType)} is not supported on this node`);
    await host.filesystems.make(device, { type: fsType as FilesystemType });
  }
  await host.mounts.mount({ source: device, target: directory, type: found?.type ?? fsType, options: [readOnly ? 'ro' : 'rw'] });
}
