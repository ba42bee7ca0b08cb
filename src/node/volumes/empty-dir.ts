import type { EmptyDirVolumeSource, Volume } from '../../api/gen/types/core.v1.ts';
import { parseQuantity, quantityNumber } from '../../machinery/quantity.ts';
import { spec } from '../pods/pod.ts';
import { ownForGroup } from './ownership.ts';
import { type MountedVolume, type TearDown, VolumeError, type VolumePlugin, type VolumeRequest, type VolumeTools } from './volume.ts';

/** A directory that lives as long as its pod: on the node's disk, or in memory (a tmpfs of its size limit). */
export function emptyDirPlugin(tools: VolumeTools): VolumePlugin {
  const { host, paths } = tools;
  const name = 'kubernetes.io/empty-dir';
  return {
    name,
    supports: (volume) => volume.emptyDir !== undefined,
    async setUp(request: VolumeRequest): Promise<MountedVolume> {
      const source = sourceOf(request.volume);
      const directory = paths.volume(request.id.uid, name, request.volume.name);
      const fresh = (await host.files.stat(directory)) === undefined;
      if (fresh) await host.files.makeDirectory(directory, { mode: 0o777 });
      const memory = source.medium === 'Memory';
      const mounted = memory && (await host.mounts.at(directory)) === undefined;
      if (mounted) await host.mounts.mount({ source: 'tmpfs', target: directory, type: 'tmpfs', options: [`mode=0777`, ...sizeOption(source, tools)] });
      // fsGroup is given once: later changes are the pod's own.
      if (fresh || mounted) await ownForGroup(host, directory, spec(request.pod).securityContext);
      return { path: directory, mode: 'Filesystem', readOnly: false, writable: true };
    },
    async tearDown({ directory }: TearDown): Promise<void> {
      if ((await host.mounts.at(directory)) !== undefined) {
        await host.mounts.unmount(directory);
        await host.files.removeDirectory(directory);
      } else await host.files.removeTree(directory);
    },
  };
}

function sourceOf({ name, emptyDir = {} }: Volume): EmptyDirVolumeSource {
  const medium = emptyDir.medium ?? '';
  if (medium === '' || medium === 'Memory') return emptyDir;
  throw new VolumeError('refused', `emptyDir volume ${JSON.stringify(name)}: medium ${JSON.stringify(medium)} is not supported on this node`);
}

/** Without a limit a tmpfs may take half of the memory, which is the kernel's own default. */
function sizeOption({ sizeLimit }: EmptyDirVolumeSource, { machine }: VolumeTools): readonly string[] {
  const quantity = sizeLimit === undefined ? undefined : parseQuantity(sizeLimit);
  if (quantity === undefined || quantity.nanos <= 0n) return [];
  return [`size=${Math.min(quantityNumber(quantity), machine.memoryBytes)}`];
}
