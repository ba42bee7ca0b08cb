import type { Volume } from '../../api/gen/types/core.v1.ts';
import { spec } from '../pods/pod.ts';
import { writeAtomically } from './atomic-writer.ts';
import type { Payload } from './payload.ts';
import type { MountedVolume, TearDown, VolumePlugin, VolumeRequest, VolumeTools } from './volume.ts';

export interface FollowedContents {
  readonly payload: Payload;
  /** When they are due again without a change. */
  readonly againAtMs?: number;
}

/** The volumes that show objects of the API and follow them differ only in what they show, and in whether it may touch a disk. */
export function followerPlugin(
  { host, paths }: VolumeTools,
  sort: {
    readonly name: string;
    readonly inMemory: boolean;
    readonly supports: (volume: Volume) => boolean;
    readonly contents: (request: VolumeRequest) => Promise<FollowedContents>;
  },
): VolumePlugin {
  return {
    name: sort.name,
    supports: sort.supports,
    async setUp(request: VolumeRequest): Promise<MountedVolume> {
      // Before the directory is made, so that a volume that can't be had leaves nothing.
      const { payload, againAtMs } = await sort.contents(request);
      const directory = paths.volume(request.id.uid, sort.name, request.volume.name);
      await host.files.makeDirectory(directory, { mode: 0o777 });
      if (sort.inMemory && (await host.mounts.at(directory)) === undefined) {
        await host.mounts.mount({ source: 'tmpfs', target: directory, type: 'tmpfs', options: ['mode=0777', 'noswap'] }).catch(() =>
          // Kernels before 6.4 do not know noswap.
          host.mounts.mount({ source: 'tmpfs', target: directory, type: 'tmpfs', options: ['mode=0777'] }),
        );
      }
      await writeAtomically(host, { directory, payload, fsGroup: spec(request.pod).securityContext?.fsGroup, nowMs: request.nowMs });
      return { path: directory, mode: 'Filesystem', readOnly: true, writable: false, ...(againAtMs === undefined ? {} : { againAtMs }) };
    },
    async tearDown({ directory }: TearDown): Promise<void> {
      if ((await host.mounts.at(directory)) !== undefined) {
        await host.mounts.unmount(directory);
        await host.files.removeDirectory(directory);
      } else await host.files.removeTree(directory);
    },
  };
}
