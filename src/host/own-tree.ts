import type { Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { byDescriptor, type Directory, entriesOf, entryOf, openChild, openTop, pinChild, unlessChanged } from './descent.ts';
import type { OwnTree } from './host.ts';

const SETGID = 0o2000;

/** fsGroup as a kubelet applies it (observed on 1.36): the bits are added, never taken away. Answers how many entries it changed. */
export async function ownTree(path: string, options: OwnTree): Promise<number> {
  const root = await fs.lstat(path);
  if (options.policy === 'OnRootMismatch' && isRight(root, options)) return 0;
  const parent = await openTop(dirname(path));
  try {
    return await ownEntry(parent, Buffer.from(basename(path)), options);
  } finally {
    await parent.close();
  }
}

async function ownEntry(parent: Directory, name: Uint8Array, options: OwnTree): Promise<number> {
  const stat = await unlessChanged(fs.lstat(entryOf(parent, name)));
  if (stat === undefined) return 0;
  if (stat.isDirectory()) return ownDirectory(parent, name, options);
  if (isRight(stat, options)) return 0;
  const pinned = await unlessChanged(pinChild(parent, name));
  if (pinned === undefined) return 0;
  try {
    return await ownOne(pinned, options);
  } finally {
    await pinned.close();
  }
}

/** Children before their directory: an interrupted run leaves the root wrong, so that OnRootMismatch repeats it. */
async function ownDirectory(parent: Directory, name: Uint8Array, options: OwnTree): Promise<number> {
  const directory = await unlessChanged(openChild(parent, name));
  if (directory === undefined) return 0;
  try {
    let changed = 0;
    for (const entry of await entriesOf(directory)) changed += await ownEntry(directory, entry.name, options);
    return changed + (await ownOne(directory, options));
  } finally {
    await directory.close();
  }
}

async function ownOne(handle: fs.FileHandle, options: OwnTree): Promise<number> {
  const stat = await handle.stat();
  if (isRight(stat, options)) return 0;
  // By /proc: a descriptor that only names a file can be changed in no other way. It leads to the file itself, a link too.
  if (stat.gid !== options.gid) await fs.chown(byDescriptor(handle), -1, options.gid);
  // chown clears setuid and setgid, and the bits of a link are nobody's: set bits afterwards, and only on what is no link.
  if (!stat.isSymbolicLink()) await fs.chmod(byDescriptor(handle), (stat.mode & 0o7777) | wanted(stat, options));
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
