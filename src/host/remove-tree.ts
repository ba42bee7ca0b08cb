import * as fs from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { byDescriptor, type Directory, entriesOf, entryOf, openChild, openTop, unlessChanged } from './descent.ts';
import { HostError } from './host.ts';

/**
 * Removes what lies at the path, links themselves and not what they lead to, and never what is on another device. The caller has
 * made sure that nothing is mounted below. Holds a descriptor for each level. Gone is a success.
 */
export async function removeTree(path: string): Promise<void> {
  const parent = await unlessChanged(openTop(dirname(path)));
  if (parent === undefined) return;
  try {
    const name = Buffer.from(basename(path));
    const there = await unlessChanged(fs.lstat(entryOf(parent, name)));
    if (there?.isDirectory() === true) await removeDirectory(parent, name, there.dev);
    else if (there !== undefined) await unlessChanged(fs.unlink(entryOf(parent, name)));
  } finally {
    await parent.close();
  }
}

async function removeDirectory(parent: Directory, name: Uint8Array, device: number): Promise<void> {
  const directory = await unlessChanged(openChild(parent, name));
  if (directory === undefined) return;
  try {
    if ((await directory.stat()).dev !== device)
      throw new HostError('busy', `${await fs.readlink(byDescriptor(directory))} lies on another device: not removed`);
    for (const entry of await entriesOf(directory)) {
      if (entry.isDirectory()) await removeDirectory(directory, entry.name, device);
      else await unlessChanged(fs.unlink(entryOf(directory, entry.name)));
    }
  } finally {
    await directory.close();
  }
  await unlessChanged(fs.rmdir(entryOf(parent, name)));
}
