import { join } from 'node:path';
import { type Host, HostError } from '../../host/host.ts';
import type { Ground, GroundSpace } from './ground.ts';
import { PoolError } from './pool.ts';

export interface PlainGroundOptions {
  readonly host: Host;
  readonly root: string;
  /** Never given to volumes, so that the machine lives: by default 2 % of the file system, at least 512 MiB. */
  readonly keepFreeBytes?: number | undefined;
}

/** Any directory on any file system; folders are directories, copied by reflink where the file system can. */
export async function openPlainGround(options: PlainGroundOptions): Promise<Ground> {
  await options.host.files.makeDirectory(options.root, { mode: 0o700 });
  return new PlainGround(options, (await canReflink(options)) ? 'shared' : 'full', 'plain');
}

/** The same for volumes that are directories: where loop devices are not to be had. */
export async function openDirectoryGround(options: PlainGroundOptions): Promise<Ground> {
  await options.host.files.makeDirectory(options.root, { mode: 0o700 });
  return new PlainGround(options, 'full', 'directory');
}

class PlainGround implements Ground {
  readonly kind: 'plain' | 'directory';
  readonly copying: 'shared' | 'full';
  readonly root: string;
  readonly #host: Host;
  readonly #options: PlainGroundOptions;

  constructor(options: PlainGroundOptions, copying: 'shared' | 'full', kind: 'plain' | 'directory') {
    this.#host = options.host;
    this.#options = options;
    this.root = options.root;
    this.copying = copying;
    this.kind = kind;
  }

  async makeFolder(path: string): Promise<void> {
    await this.#host.files.makeDirectory(path, { mode: 0o700 });
  }

  async copyFolder(from: string, to: string): Promise<void> {
    if (this.kind === 'directory') {
      const { code, stderr } = await this.#host.run('cp', ['--archive', '--reflink=auto', '--no-target-directory', '--', from, to], { timeoutMs: 600_000 });
      if (code !== 0) throw new HostError(/no space left/i.test(stderr) ? 'no-space' : 'failed', `cp: ${stderr.trim()}`);
      return;
    }
    await this.makeFolder(to);
    for (const { name } of await this.#host.files.readDirectory(from)) {
      await this.#host.files.copyFile(join(from, name), join(to, name), { reflink: this.copying === 'shared' ? 'require' : 'never' });
    }
  }

  async removeFolder(path: string): Promise<void> {
    await this.#host.files.removeTree(path);
  }

  async settle(): Promise<void> {}
  async durable(): Promise<void> {}
  async reserve(): Promise<void> {}

  async space(): Promise<GroundSpace> {
    const { totalBytes, availableBytes } = await this.#host.files.statfs(this.root);
    const keep = this.#options.keepFreeBytes ?? Math.max(512 * 1024 * 1024, Math.floor(totalBytes * 0.02));
    const freeBytes = Math.max(0, availableBytes - keep);
    return { freeBytes, growableBytes: 0, totalBytes: Math.max(0, totalBytes - keep), own: false };
  }

  async ensure(bytes: number): Promise<void> {
    const { freeBytes } = await this.space();
    if (freeBytes < bytes) throw new PoolError('no-space', `the pool has ${freeBytes} bytes left, ${bytes} are needed`);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Tried, not guessed: xfs can be made with and without. */
async function canReflink({ host, root }: PlainGroundOptions): Promise<boolean> {
  const from = join(root, '.reflink-probe');
  const to = join(root, '.reflink-probe-copy');
  try {
    await host.files.writeFileAtomic(from, 'probe');
    await host.files.copyFile(from, to, { reflink: 'require' });
    return true;
  } catch (thrown) {
    if (thrown instanceof HostError && ['unsupported', 'failed', 'cross-device', 'exists'].includes(thrown.code)) return false;
    throw thrown;
  } finally {
    await host.files.removeFile(from);
    await host.files.removeFile(to);
  }
}
