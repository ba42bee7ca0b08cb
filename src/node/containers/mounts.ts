import type { Container as ContainerSpec, EphemeralContainer, VolumeMount } from '../../api/gen/types/core.v1.ts';
import type { Host } from '../../host/host.ts';
import type { PodIdentity } from '../pods/pod.ts';
import { StartFailure } from '../pods/start-failure.ts';
import type { ContainerSpec as RuntimeContainer, Mount } from '../runtime/runtime.ts';
import type { VolumePaths } from '../volumes/paths.ts';
import { bindSubPath } from '../volumes/sub-path.ts';
import type { MountedVolume } from '../volumes/volume.ts';
import { expand } from './expansion.ts';

export interface MountFacts {
  readonly host: Host;
  readonly paths: VolumePaths;
  readonly id: PodIdentity;
  readonly volume: (name: string) => MountedVolume | undefined;
  readonly variables: ReadonlyMap<string, string>;
}

/** The container's mounts of volumes, outer paths before inner ones. subPaths are bound on the way. Throws StartFailure. */
export async function mountsOf(container: ContainerSpec | EphemeralContainer, facts: MountFacts): Promise<readonly Mount[]> {
  const mounts: Mount[] = [];
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) mounts.push(await mountOf(container, mount, index, facts));
  return mounts.sort((a, b) => a.containerPath.split('/').length - b.containerPath.split('/').length);
}

async function mountOf(container: ContainerSpec | EphemeralContainer, mount: VolumeMount, index: number, facts: MountFacts): Promise<Mount> {
  const volume = facts.volume(mount.name);
  if (volume === undefined)
    throw new StartFailure(
      'CreateContainerConfigError',
      `cannot find volume ${JSON.stringify(mount.name)} to mount into container ${JSON.stringify(container.name)}`,
    );
  if (mount.readOnly === true && mount.recursiveReadOnly === 'Enabled')
    throw new StartFailure(
      'CreateContainerConfigError',
      `recursive read-only mounts are not supported by this node's runtime (mount ${JSON.stringify(mount.mountPath)})`,
    );
  const subPath = subPathOf(mount, facts.variables);
  const containerPath = mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`;
  const readOnly = mount.readOnly === true || volume.readOnly;
  const hostPath = subPath === '' ? volume.path : await bindSubPathOf(container, mount, index, subPath, volume, facts);
  return { hostPath, containerPath, readOnly, propagation: propagationOf(mount) };
}

async function bindSubPathOf(
  container: ContainerSpec | EphemeralContainer,
  mount: VolumeMount,
  index: number,
  subPath: string,
  volume: MountedVolume,
  { host, paths, id }: MountFacts,
): Promise<string> {
  try {
    return await bindSubPath(host, { volume, subPath, target: paths.subPath(id.uid, mount.name, container.name, index) });
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new StartFailure(
      'CreateContainerConfigError',
      `failed to prepare subPath for volumeMount ${JSON.stringify(mount.name)} of container ${JSON.stringify(container.name)}: ${why}`,
      thrown,
    );
  }
}

function subPathOf({ subPath = '', subPathExpr = '' }: VolumeMount, variables: ReadonlyMap<string, string>): string {
  if (subPathExpr === '') return subPath;
  const unknown: string[] = [];
  const expanded = expand(
    subPathExpr,
    (name) => variables.get(name),
    (name) => unknown.push(name),
  );
  if (unknown.length > 0) throw new StartFailure('CreateContainerConfigError', `missing value for ${JSON.stringify(unknown[0])}`);
  return expanded;
}

function propagationOf({ mountPropagation }: VolumeMount): Mount['propagation'] {
  if (mountPropagation === 'Bidirectional') return 'bidirectional';
  return mountPropagation === 'HostToContainer' ? 'hostToContainer' : 'private';
}

/** Block volumes that the container uses as devices. Throws StartFailure. */
export function volumeDevicesOf(container: ContainerSpec | EphemeralContainer, { volume }: MountFacts): RuntimeContainer['devices'] {
  return (container.volumeDevices ?? []).map(({ name, devicePath }) => {
    const mapped = volume(name);
    if (mapped?.mode !== 'Block')
      throw new StartFailure(
        'CreateContainerConfigError',
        `cannot find block volume ${JSON.stringify(name)} to map into container ${JSON.stringify(container.name)}`,
      );
    return { hostPath: mapped.path, containerPath: devicePath, permissions: mapped.readOnly ? 'r' : 'mrw' };
  });
}
