import { HostError } from '../../host/host.ts';
import { type MountedVolume, type TearDown, VolumeError, type VolumePlugin, type VolumeRequest, type VolumeTools } from './volume.ts';

const NAME = 'kubernetes.io/nfs';

export interface NfsMount {
  readonly server: string;
  readonly path: string;
  readonly readOnly: boolean;
  /** The last part of its directory. */
  readonly name: string;
  readonly mountOptions: readonly string[];
}

export function nfsPlugin(tools: VolumeTools): VolumePlugin {
  const { host } = tools;
  return {
    name: NAME,
    supports: (volume) => volume.nfs !== undefined,
    setUp: (request) =>
      setUpNfs(tools, request, {
        server: request.volume.nfs?.server ?? '',
        path: request.volume.nfs?.path ?? '',
        readOnly: request.volume.nfs?.readOnly === true,
        name: request.volume.name,
        mountOptions: [],
      }),
    async tearDown({ directory }: TearDown): Promise<void> {
      await host.mounts.unmount(directory);
      await host.files.removeDirectory(directory);
    },
  };
}

/** Also for persistent volumes. Needs the node's own mount.nfs, and says so where it is missing. */
export async function setUpNfs({ host, paths }: VolumeTools, { id }: VolumeRequest, nfs: NfsMount): Promise<MountedVolume> {
  const directory = paths.volume(id.uid, NAME, nfs.name);
  if ((await host.mounts.at(directory)) === undefined) {
    await host.files.makeDirectory(directory, { mode: 0o750 });
    const server = nfs.server.includes(':') && !nfs.server.startsWith('[') ? `[${nfs.server}]` : nfs.server;
    try {
      await host.mounts.mount({
        source: `${server}:${nfs.path}`,
        target: directory,
        type: 'nfs',
        options: [...(nfs.readOnly ? ['ro'] : []), ...nfs.mountOptions],
      });
    } catch (thrown) {
      await host.files.removeDirectory(directory);
      if (thrown instanceof HostError)
        throw new VolumeError('failed', `mount failed: ${thrown.message} (NFS needs mount.nfs of nfs-common on the node)`, { cause: thrown });
      throw thrown;
    }
  }
  return { path: directory, mode: 'Filesystem', readOnly: nfs.readOnly, writable: true };
}
