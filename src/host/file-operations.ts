import { constants, type Dirent, type Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { dirname } from 'node:path';
import { bindWithin } from './bind-within.ts';
import { HostError, type FileStat, type FilesystemStat, type FileType } from './host.ts';
import { ownTree } from './own-tree.ts';
import { removeTree } from './remove-tree.ts';

/**
 * What the helper (or a child of it) does to files, by name: arguments and answers are plain values that cross a process
 * boundary. Thrown errors are Node's; the process that answers translates them.
 */
export const fileOperations = {
  stat: async (path: string, follow: boolean): Promise<FileStat | undefined> => {
    try {
      return fileStat(await (follow ? fs.stat(path) : fs.lstat(path)));
    } catch (thrown) {
      if (errno(thrown) === 'ENOENT' || errno(thrown) === 'ENOTDIR') return undefined;
      throw thrown;
    }
  },

  statfs: async (path: string): Promise<FilesystemStat> => {
    const s = await fs.statfs(path);
    return {
      totalBytes: s.blocks * s.bsize,
      freeBytes: s.bfree * s.bsize,
      availableBytes: s.bavail * s.bsize,
      totalInodes: s.files,
      freeInodes: s.ffree,
      magic: s.type,
    };
  },

  readDirectory: async (path: string): Promise<{ name: string; type: FileType }[]> => {
    const entries = await fs.readdir(path, { withFileTypes: true });
    return entries.map((entry) => ({ name: entry.name, type: fileType(entry) })).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  },

  readFile: async (path: string, maxBytes: number): Promise<Uint8Array> => {
    const handle = await fs.open(path, 'r');
    try {
      const chunks: Uint8Array[] = [];
      let total = 0;
      // Sizes in /proc and /sys are not true: read until the end.
      for (;;) {
        const chunk = new Uint8Array(64 * 1024);
        const { bytesRead } = await handle.read(chunk, 0, chunk.length);
        if (bytesRead === 0) break;
        total += bytesRead;
        if (total > maxBytes) throw new HostError('too-large', `${path} is longer than ${maxBytes} bytes`);
        chunks.push(chunk.subarray(0, bytesRead));
      }
      return Buffer.concat(chunks, total);
    } finally {
      await handle.close();
    }
  },

  /** `temporary`: the name beside it to write first. -1 for uid or gid: unchanged. */
  writeFileAtomic: async (
    path: string,
    temporary: string,
    data: string | Uint8Array,
    mode: number,
    uid: number,
    gid: number,
    durable: boolean,
  ): Promise<void> => {
    try {
      const handle = await fs.open(temporary, 'w', mode);
      try {
        await handle.writeFile(data);
        await handle.chmod(mode);
        if (uid !== -1 || gid !== -1) await handle.chown(uid, gid);
        if (durable) await handle.datasync();
      } finally {
        await handle.close();
      }
      await fs.rename(temporary, path);
    } catch (thrown) {
      await fs.rm(temporary, { force: true });
      throw thrown;
    }
    if (durable) await syncPath(dirname(path));
  },

  write: async (path: string, data: string): Promise<void> => {
    const handle = await fs.open(path, constants.O_WRONLY);
    try {
      await handle.write(data);
    } finally {
      await handle.close();
    }
  },

  makeDirectory: async (path: string, mode: number, uid: number, gid: number): Promise<void> => {
    const made = await makeOne(path);
    if (!made) return;
    await fs.chmod(path, mode);
    if (uid !== -1 || gid !== -1) await fs.chown(path, uid, gid);
  },

  removeDirectory: async (path: string): Promise<void> => {
    await unlessGone(fs.rmdir(path));
  },

  removeFile: async (path: string): Promise<void> => {
    await unlessGone(fs.unlink(path));
  },

  removeTree,
  bindWithin,

  rename: (from: string, to: string): Promise<void> => fs.rename(from, to),

  symlink: async (target: string, path: string): Promise<void> => {
    try {
      await fs.symlink(target, path);
    } catch (thrown) {
      if (errno(thrown) !== 'EEXIST') throw thrown;
      const there = await fs.readlink(path).catch(() => undefined);
      if (there !== target) throw thrown;
    }
  },

  readLink: async (path: string): Promise<string | undefined> => {
    try {
      return await fs.readlink(path);
    } catch (thrown) {
      if (errno(thrown) === 'ENOENT' || errno(thrown) === 'EINVAL' || errno(thrown) === 'ENOTDIR') return undefined;
      throw thrown;
    }
  },

  realPath: (path: string): Promise<string> => fs.realpath(path),
  chmod: (path: string, mode: number): Promise<void> => fs.chmod(path, mode),
  chown: (path: string, uid: number, gid: number): Promise<void> => fs.lchown(path, uid, gid),
  ownTree,

  truncate: async (path: string, sizeBytes: number): Promise<void> => {
    const handle = await fs.open(path, constants.O_WRONLY | constants.O_CREAT, 0o600);
    try {
      await handle.truncate(sizeBytes);
    } finally {
      await handle.close();
    }
  },

  sync: (path: string): Promise<void> => syncPath(path),
} as const;

export type FileOperation = keyof typeof fileOperations;

async function syncPath(path: string): Promise<void> {
  const handle = await fs.open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Whether it was made now. Parents keep 0o755. */
async function makeOne(path: string): Promise<boolean> {
  try {
    await fs.mkdir(path);
    return true;
  } catch (thrown) {
    if (errno(thrown) === 'EEXIST') {
      if ((await fs.stat(path)).isDirectory()) return false;
      throw thrown;
    }
    if (errno(thrown) !== 'ENOENT') throw thrown;
    const parent = dirname(path);
    await makeOne(parent);
    await fs.chmod(parent, 0o755);
    return makeOne(path);
  }
}

async function unlessGone(done: Promise<void>): Promise<void> {
  try {
    await done;
  } catch (thrown) {
    if (errno(thrown) !== 'ENOENT') throw thrown;
  }
}

function errno(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
}

function fileStat(s: Stats): FileStat {
  return {
    type: fileType(s),
    sizeBytes: s.size,
    allocatedBytes: s.blocks * 512,
    mode: s.mode & 0o7777,
    uid: s.uid,
    gid: s.gid,
    device: s.dev,
    inode: s.ino,
    rdev: s.rdev,
    modifiedMs: s.mtimeMs,
  };
}

function fileType(of: Stats | Dirent): FileType {
  if (of.isDirectory()) return 'directory';
  if (of.isSymbolicLink()) return 'symlink';
  if (of.isSocket()) return 'socket';
  if (of.isFIFO()) return 'fifo';
  if (of.isCharacterDevice()) return 'character-device';
  if (of.isBlockDevice()) return 'block-device';
  return 'file';
}
