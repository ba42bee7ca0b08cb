import type { Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import type { OwnTree } from './host.ts';

const SETGID = 0o2000;

/** fsGroup as a kubelet applies it (observed on 1.36): the bits are added, never taken away. Answers how many entries it changed. */
export async function ownTree(path: string, options: OwnTree): Promise<number> {
  const root = await fs.lstat(path);
  if (options.policy === 'OnRootMismatch' && isRight(root, options)) return 0;
  return ownBelow(path, root, options);
}

/** Children before their directory: an interrupted run leaves the root wrong, so that OnRootMismatch repeats it. */
async function ownBelow(path: string, stat: Stats, options: OwnTree): Promise<number> {
  let changed = 0;
  if (stat.isDirectory()) {
    for (const name of await fs.readdir(path)) {
      const child = join(path, name);
      changed += await ownBelow(child, await fs.lstat(child), options);
    }
  }
  return changed + (await ownOne(path, stat, options));
}

async function ownOne(path: string, stat: Stats, options: OwnTree): Promise<number> {
  if (isRight(stat, options)) return 0;
  if (stat.gid !== options.gid) await fs.lchown(path, -1, options.gid);
  // chown clears setuid and setgid, and the bits of a link are nobody's: set bits afterwards, and only on what is no link.
  if (!stat.isSymbolicLink()) await fs.chmod(path, (stat.mode & 0o7777) | wanted(stat, options));
  return 1;
}

function isRight(stat: Stats, options: OwnTree): boolean {
  if (stat.gid !== options.gid) return false;
  const bits = stat.isSymbolicLink() ? 0 : wanted(stat, options);
  return (stat.mode & bits) === bits;
}

function wanted(stat: Stats, { readOnly }: OwnTree): number {
  const access = readOnly === true ? 0o440 : 0o660;
  return stat.isDirectory() ? access | 0o110 | SETGID : access;
}
