import { constants, type Dirent } from 'node:fs';
import * as fs from 'node:fs/promises';

/** Linux's own on every architecture that Node runs on. Node does not name it. */
export const O_PATH = 0o10000000;
const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;

/**
 * Steps down a directory that others change meanwhile (pods own what is in their volumes). Each step starts at the descriptor of the
 * directory that was reached, never at a path again, and follows no link: what is swapped for a link in between is not followed out.
 * Names are bytes, as Linux has them. openat2(2) would do it in one call; Node has none.
 */
export type Directory = fs.FileHandle;

/** By whatever links there are on the way: for a directory of our own, where a descent starts. */
export function openTop(path: string): Promise<Directory> {
  return fs.open(path, O_RDONLY | O_DIRECTORY);
}

/** Rejects with ENOTDIR or ELOOP when it is a link or no directory (any more). */
export function openChild(directory: Directory, name: Uint8Array): Promise<Directory> {
  return fs.open(entryOf(directory, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

/** Whatever it is, a link itself too, without opening it: for fstat, and for `byDescriptor`. */
export function pinChild(directory: Directory, name: Uint8Array): Promise<fs.FileHandle> {
  return fs.open(entryOf(directory, name), O_PATH | O_NOFOLLOW);
}

/** A path to an entry of an open directory, for calls that don't follow a link at its end (lstat, unlink, rmdir, lchown, mkdir, readlink). */
export function entryOf(directory: Directory, name: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${byDescriptor(directory)}/`), name]);
}

/** A path to the very file that is open, for this process. */
export function byDescriptor(handle: fs.FileHandle): string {
  return `/proc/self/fd/${handle.fd}`;
}

export function entriesOf(directory: Directory): Promise<Dirent<Buffer>[]> {
  return fs.readdir(byDescriptor(directory), { withFileTypes: true, encoding: 'buffer' });
}

/** The answer, or undefined when the entry went or became something else meanwhile. */
export async function unlessChanged<T>(done: Promise<T>): Promise<T | undefined> {
  try {
    return await done;
  } catch (thrown) {
    if (CHANGED.has(thrown instanceof Error && 'code' in thrown ? thrown.code : undefined)) return undefined;
    throw thrown;
  }
}

const CHANGED: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR']);
