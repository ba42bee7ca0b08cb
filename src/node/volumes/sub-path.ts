import { type Host, HostError } from '../../host/host.ts';
import { type MountedVolume, VolumeError } from './volume.ts';

export interface SubPathRequest {
  readonly volume: MountedVolume;
  /** Relative, as the container asks for it (variables are expanded). */
  readonly subPath: string;
  /** Where it is bound to: the container gets this path. */
  readonly target: string;
}

/**
 * Binds a part of a volume to a path of the node's own, so that a container that changes links in the volume can't make the runtime
 * mount something else. Nothing is made in a volume that is read-only or follows a source.
 */
export async function bindSubPath(host: Host, { volume, subPath, target }: SubPathRequest): Promise<string> {
  checkSubPath(subPath);
  await unbind(host, target);
  try {
    await host.mounts.bindWithin({ root: volume.path, path: subPath, target, make: volume.writable && !volume.readOnly });
  } catch (thrown) {
    if (!(thrown instanceof HostError)) throw thrown;
    const why = thrown.code === 'missing' ? `${JSON.stringify(subPath)} does not exist in the volume` : thrown.message;
    throw new VolumeError('failed', `failed to prepare subPath for volumeMount: ${why}`, { cause: thrown });
  }
  return target;
}

/** Removes what `bindSubPath` made below a directory. */
export async function unbindAll(host: Host, directory: string): Promise<void> {
  for (const { target } of await host.mounts.below(directory)) await host.mounts.unmount(target);
  await host.files.removeTree(directory);
}

export function checkSubPath(subPath: string): void {
  if (subPath.startsWith('/')) throw new VolumeError('failed', `subPath ${JSON.stringify(subPath)} must be a relative path`);
  if (subPath.split('/').includes('..')) throw new VolumeError('failed', `subPath ${JSON.stringify(subPath)} must not contain ".."`);
}

async function unbind(host: Host, target: string): Promise<void> {
  while ((await host.mounts.at(target)) !== undefined) await host.mounts.unmount(target);
  const left = await host.files.stat(target);
  if (left?.type === 'file') await host.files.removeFile(target);
}
