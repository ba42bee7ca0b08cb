import type { HostPathVolumeSource } from '../../api/gen/types/core.v1.ts';
import type { FileType, Host } from '../../host/host.ts';
import { type MountedVolume, VolumeError, type VolumePlugin, type VolumeRequest, type VolumeTools } from './volume.ts';

const WANTED: Readonly<Record<string, { readonly type: FileType; readonly word: string }>> = {
  Directory: { type: 'directory', word: 'a directory' },
  File: { type: 'file', word: 'a file' },
  Socket: { type: 'socket', word: 'a socket file' },
  CharDevice: { type: 'character-device', word: 'a character device' },
  BlockDevice: { type: 'block-device', word: 'a block device' },
};

/** A path of the node itself. Nothing is mounted on the node, and nothing is ever removed. */
export function hostPathPlugin({ host }: VolumeTools): VolumePlugin {
  return {
    name: 'kubernetes.io/host-path',
    supports: (volume) => volume.hostPath !== undefined,
    setUp: ({ volume }: VolumeRequest) => setUpHostPath(host, volume.hostPath ?? { path: '' }),
    async tearDown(): Promise<void> {},
  };
}

/** Also for persistent volumes on a host path. */
export async function setUpHostPath(host: Host, { path, type = '' }: HostPathVolumeSource): Promise<MountedVolume> {
  await checkHostPath(host, path, type);
  return { path, mode: 'Filesystem', readOnly: false, writable: true };
}

async function checkHostPath(host: Host, path: string, type: string): Promise<void> {
  if (type === '') return;
  const there = await host.files.stat(path, { follow: true });
  if (type === 'DirectoryOrCreate' || type === 'FileOrCreate') {
    const wanted = type === 'FileOrCreate' ? 'file' : 'directory';
    if (there === undefined) return make(host, path, wanted);
    if (there.type !== wanted) throw new VolumeError('failed', `hostPath type check failed: ${path} is not a ${wanted}`);
    return;
  }
  const wanted = Object.hasOwn(WANTED, type) ? WANTED[type] : undefined;
  if (wanted === undefined) throw new VolumeError('refused', `${JSON.stringify(type)} is an invalid volume type`);
  if (there?.type !== wanted.type) throw new VolumeError('failed', `hostPath type check failed: ${path} is not ${wanted.word}`);
}

async function make(host: Host, path: string, type: 'file' | 'directory'): Promise<void> {
  if (type === 'directory') return host.files.makeDirectory(path, { mode: 0o755 });
  await host.files.writeFileAtomic(path, '', { mode: 0o644 });
}
