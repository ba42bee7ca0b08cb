import { basename, dirname, join } from 'node:path';
import type { Random } from '../base/random.ts';
import { commandError } from './errno.ts';
import type { FileOperation, fileOperations } from './file-operations.ts';
import type { Files, FileStat, FilesystemStat, FileType, Host, OwnTree, WriteFileOptions } from './host.ts';

/** Sends file work to the helper. */
export type PerformFileWork = (operation: FileOperation, args: readonly unknown[], timeoutMs: number) => Promise<unknown>;

type Operations = typeof fileOperations;

const TREE_MS = 600_000;
const BIND_MS = 70_000;

export class SystemFiles implements Files {
  readonly #perform: PerformFileWork;
  readonly #run: Host['run'];
  readonly #random: Random;
  readonly #refuseMountsBelow: (path: string) => Promise<void>;
  readonly #quickMs: number;

  constructor(perform: PerformFileWork, run: Host['run'], random: Random, refuseMountsBelow: (path: string) => Promise<void>, quickMs: number) {
    this.#quickMs = quickMs;
    this.#perform = perform;
    this.#run = run;
    this.#random = random;
    this.#refuseMountsBelow = refuseMountsBelow;
  }

  stat(path: string, { follow = false }: { readonly follow?: boolean } = {}): Promise<FileStat | undefined> {
    return this.#do('stat', [path, follow]);
  }
  statfs(path: string): Promise<FilesystemStat> {
    return this.#do('statfs', [path]);
  }
  readDirectory(path: string): Promise<readonly { readonly name: string; readonly type: FileType }[]> {
    return this.#do('readDirectory', [path]);
  }
  readFile(path: string, { maxBytes = 16 * 1024 * 1024 }: { readonly maxBytes?: number } = {}): Promise<Uint8Array> {
    return this.#do('readFile', [path, maxBytes]);
  }
  async readText(path: string, options?: { readonly maxBytes?: number }): Promise<string> {
    return new TextDecoder().decode(await this.readFile(path, options));
  }
  writeFileAtomic(path: string, data: string | Uint8Array, { mode = 0o644, uid = -1, gid = -1, durable = false }: WriteFileOptions = {}): Promise<void> {
    const suffix = Array.from(this.#random.bytes(4), (b) => b.toString(16).padStart(2, '0')).join('');
    return this.#do('writeFileAtomic', [path, join(dirname(path), `.${basename(path)}.${suffix}.tmp`), data, mode, uid, gid, durable]);
  }
  write(path: string, data: string): Promise<void> {
    return this.#do('write', [path, data]);
  }
  makeDirectory(
    path: string,
    { mode = 0o755, uid = -1, gid = -1 }: { readonly mode?: number; readonly uid?: number; readonly gid?: number } = {},
  ): Promise<void> {
    return this.#do('makeDirectory', [path, mode, uid, gid]);
  }
  removeDirectory(path: string): Promise<void> {
    return this.#do('removeDirectory', [path]);
  }
  removeFile(path: string): Promise<void> {
    return this.#do('removeFile', [path], TREE_MS);
  }
  async removeTree(path: string): Promise<void> {
    await this.#refuseMountsBelow(path);
    await this.#do('removeTree', [path], TREE_MS);
  }
  rename(from: string, to: string): Promise<void> {
    return this.#do('rename', [from, to]);
  }
  symlink(target: string, path: string): Promise<void> {
    return this.#do('symlink', [target, path]);
  }
  readLink(path: string): Promise<string | undefined> {
    return this.#do('readLink', [path]);
  }
  realPath(path: string): Promise<string> {
    return this.#do('realPath', [path]);
  }
  chmod(path: string, mode: number): Promise<void> {
    return this.#do('chmod', [path, mode]);
  }
  chown(path: string, uid: number, gid: number): Promise<void> {
    return this.#do('chown', [path, uid, gid]);
  }
  ownTree(path: string, options: OwnTree): Promise<number> {
    return this.#do('ownTree', [path, options], TREE_MS);
  }
  bindWithin(root: string, path: string, target: string, make: boolean): Promise<void> {
    return this.#do('bindWithin', [root, path, target, make], BIND_MS);
  }
  truncate(path: string, sizeBytes: number): Promise<void> {
    return this.#do('truncate', [path, sizeBytes]);
  }
  async allocate(path: string, offsetBytes: number, lengthBytes: number): Promise<void> {
    await this.#command('fallocate', ['--offset', String(offsetBytes), '--length', String(lengthBytes), '--', path]);
  }
  async copyFile(from: string, to: string, { reflink }: { readonly reflink: 'require' | 'try' | 'never' }): Promise<void> {
    const how = { require: 'always', try: 'auto', never: 'never' } as const;
    await this.#command('cp', [`--reflink=${how[reflink]}`, ...(reflink === 'require' ? [] : ['--sparse=always']), '--no-target-directory', '--', from, to]);
  }
  sync(path: string): Promise<void> {
    return this.#do('sync', [path], TREE_MS);
  }

  #do<K extends FileOperation>(operation: K, args: Parameters<Operations[K]>, timeoutMs = this.#quickMs): Promise<Awaited<ReturnType<Operations[K]>>> {
    return this.#perform(operation, args, timeoutMs) as Promise<Awaited<ReturnType<Operations[K]>>>;
  }

  async #command(command: string, args: readonly string[]): Promise<void> {
    const { code, stderr } = await this.#run(command, args, { timeoutMs: TREE_MS });
    if (code !== 0) throw commandError(command, args, code, stderr);
  }
}
