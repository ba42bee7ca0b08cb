import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Where things lie in the store's data directory. */
export function filesOf(directory: string) {
  return {
    database: join(directory, 'state.db'),
    marks: join(directory, 'marks'),
    lock: join(directory, 'lock'),
    pid: join(directory, 'pid'),
    ballast: join(directory, 'ballast'),
  };
}

/**
 * Keeps a second process out: an exclusive lock of SQLite's on an empty file, which the kernel lets go when the process ends,
 * however it ends. The pid beside it is only for the message. Returns undefined and the holder's pid when it is taken.
 */
export function takeLock(directory: string): { readonly lock: DatabaseSync } | { readonly heldBy: string } {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const files = filesOf(directory);
  const lock = new DatabaseSync(files.lock, { timeout: 0 });
  try {
    lock.exec('PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE');
  } catch (thrown) {
    lock.close();
    if (errcodeOf(thrown) === SQLITE_BUSY) return { heldBy: existsSync(files.pid) ? readFileSync(files.pid, 'utf8').trim() : 'unknown' };
    throw thrown;
  }
  try {
    writeFileSync(files.pid, `${process.pid}\n`, { mode: 0o600 });
  } catch {
    // A full disk: the lock holds without it.
    rmSync(files.pid, { force: true });
  }
  return { lock };
}

/** A file that is given up first when the disk is full: without a little room even deleting fails. */
export class Ballast {
  readonly #path: string;
  readonly #bytes: number;

  constructor(path: string, bytes: number) {
    this.#path = path;
    this.#bytes = bytes;
  }

  /** Makes it unless it is there. Throws when the disk has no room for it. */
  take(): void {
    if (existsSync(this.#path)) return;
    const fd = openSync(this.#path, 'wx', 0o600);
    try {
      const block = new Uint8Array(256 * 1024);
      for (let left = this.#bytes; left > 0; ) left -= writeSync(fd, block, 0, Math.min(left, block.length));
      fsyncSync(fd);
    } catch (thrown) {
      rmSync(this.#path, { force: true });
      throw thrown;
    } finally {
      closeSync(fd);
    }
  }

  /** Says whether there was any. */
  giveUp(): boolean {
    if (!existsSync(this.#path)) return false;
    rmSync(this.#path);
    return true;
  }
}

const ROOM_BYTES = 64 * 1024;

/**
 * Throws ENOSPC when the disk has not even the room for SQLite's index of the WAL. It maps that file into memory, and where a block that it
 * writes to can't be had then (a file system of small blocks, or one that copies on write) the kernel ends the process without a word.
 */
export function assertRoom(directory: string): void {
  const path = join(directory, 'room');
  try {
    writeFileSync(path, new Uint8Array(ROOM_BYTES), { mode: 0o600 });
  } finally {
    rmSync(path, { force: true });
  }
}

export const SQLITE_BUSY = 5;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;

/** SQLite's primary result code; undefined for other errors. */
export function errcodeOf(thrown: unknown): number | undefined {
  return thrown instanceof Error && 'errcode' in thrown && typeof thrown.errcode === 'number' ? thrown.errcode & 0xff : undefined;
}

/** Whether more room on the disk might help. */
export function wantsRoom(thrown: unknown): boolean {
  const code = errcodeOf(thrown);
  if (code === SQLITE_FULL || code === SQLITE_IOERR || code === SQLITE_CANTOPEN) return true;
  return thrown instanceof Error && 'code' in thrown && (thrown.code === 'ENOSPC' || thrown.code === 'EDQUOT');
}

export function isDamage(thrown: unknown): boolean {
  const code = errcodeOf(thrown);
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB;
}
