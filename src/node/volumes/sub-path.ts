import type { Host, Mount } from '../../host/host.ts';
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
 * mount something else: the path is resolved and checked, bound, and then the kernel's own word for what was bound is checked.
 */
export async function bindSubPath(host: Host, { volume, subPath, target }: SubPathRequest): Promise<string> {
  checkSubPath(subPath);
  const root = await host.files.realPath(volume.path);
  const source = await resolve(host, root, subPath, volume.writable && !volume.readOnly);
  const type = (await host.files.stat(source))?.type;
  await unbind(host, target);
  if (type === 'directory') await host.files.makeDirectory(target, { mode: 0o750 });
  else {
    await host.files.makeDirectory(target.slice(0, target.lastIndexOf('/')), { mode: 0o750 });
    await host.files.writeFileAtomic(target, '', { mode: 0o640 });
  }
  await host.mounts.bind({ source, target });
  if (!(await isBoundWithin(host, root, target))) {
    await host.mounts.unmount(target, { lazy: true });
    throw new VolumeError('failed', `subpath ${JSON.stringify(source)} not within volume path ${JSON.stringify(root)}`);
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

/** The real path; missing directories are made, below what is there and checked, never through a link. */
async function resolve(host: Host, root: string, subPath: string, make: boolean): Promise<string> {
  const mode = (await host.files.stat(root))?.mode ?? 0o755;
  let at = root;
  for (const part of subPath.split('/').filter((p) => p !== '' && p !== '.')) {
    const next = `${at}/${part}`;
    const there = await host.files.stat(next);
    if (there === undefined) {
      if (!make) throw new VolumeError('failed', `failed to prepare subPath for volumeMount: ${JSON.stringify(subPath)} does not exist in the volume`);
      await host.files.makeDirectory(next, { mode });
    }
    at = there?.type === 'symlink' ? await host.files.realPath(next) : next;
    if (!isWithin(root, at)) throw new VolumeError('failed', `subpath ${JSON.stringify(at)} not within volume path ${JSON.stringify(root)}`);
  }
  return at;
}

async function isBoundWithin(host: Host, root: string, target: string): Promise<boolean> {
  const mounts = await host.mounts.list();
  const bound = mounts.findLast((m) => m.target === target);
  if (bound === undefined) return false;
  const outer = mounts
    .filter((m) => isWithin(m.target, root))
    .reduce<Mount | undefined>((best, m) => (best === undefined || m.target.length >= best.target.length ? m : best), undefined);
  // In a changed root the mount of the root itself may not be shown; then the volume's own path must be in what was bound.
  if (outer === undefined) return `${bound.root}/`.includes(`${root}/`);
  const inside = join(outer.root, root.slice(outer.target === '/' ? 0 : outer.target.length));
  // A mount inside the volume shows a device of its own: then it is the mount's own place that counts.
  if (bound.device !== outer.device) return mounts.some((m) => m.device === bound.device && isWithin(root, m.target) && isWithin(m.root, bound.root));
  return isWithin(inside, bound.root);
}

function join(a: string, b: string): string {
  const joined = `${a === '/' ? '' : a}${b}`;
  return joined === '' ? '/' : joined;
}

function isWithin(outer: string, inner: string): boolean {
  return outer === '/' || inner === outer || inner.startsWith(`${outer}/`);
}
