import { basename, dirname, join, resolve } from 'node:path';
import { type Files, HostError } from '../host/host.ts';

/**
 * Removes the directory of a hostPath volume below /tmp. There anybody may lay a link: a path that leads elsewhere is refused, and so is
 * one that holds the cluster itself.
 */
export async function deleteHostPath(files: Pick<Files, 'realPath' | 'removeTree'>, path: string, dataDirectory: string): Promise<void> {
  const parent = await realOrNothing(files, dirname(resolve(path)));
  if (parent === undefined) return;
  const tmp = await files.realPath('/tmp');
  if (parent !== tmp && !parent.startsWith(`${tmp}/`)) throw new HostError('not-permitted', `${path} is not deleted: it leads out of /tmp, to ${parent}`);
  const real = join(parent, basename(resolve(path)));
  if (`${dataDirectory}/`.startsWith(`${real}/`)) throw new HostError('not-permitted', `${path} is not deleted: the cluster itself lies there`);
  await files.removeTree(real);
}

async function realOrNothing(files: Pick<Files, 'realPath'>, path: string): Promise<string | undefined> {
  try {
    return await files.realPath(path);
  } catch (thrown) {
    if (thrown instanceof HostError && (thrown.code === 'missing' || thrown.code === 'not-directory')) return undefined;
    throw thrown;
  }
}
