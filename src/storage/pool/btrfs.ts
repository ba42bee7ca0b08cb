import { join } from 'node:path';
import { commandError } from '../../host/errno.ts';
import type { Host } from '../../host/host.ts';
import type { Ground, GroundSpace } from './ground.ts';
import { KeyedLock } from '../../base/keyed-lock.ts';
import { PoolError } from './pool.ts';

export interface BtrfsGroundOptions {
  readonly host: Host;
  readonly root: string;
  /** Of the file system that `root` lies on: never used up. By default 2 %, at least 512 MiB. */
  readonly keepFreeBytes?: number | undefined;
  /** The pool file grows up to this. Undefined: what the file system has. */
  readonly maxBytes?: number | undefined;
  /** How large the pool file is at first, and by how much it grows at least. Default 2 GiB. */
  readonly stepBytes?: number | undefined;
}

const MAGIC = 0x9123683e;
const FILE = 'pool.btrfs';
const GiB = 2 ** 30;
/** The inode of a subvolume's root. */
const SUBVOLUME_INODE = 256;
/** Kept from volumes: metadata in two copies, and room for btrfs to move in (it must never run out). */
const OWN_SHARE = 0.06;
const OWN_LEAST = 320 * 2 ** 20;
/** A file inside, part of what is kept: given up when everything else is used. */
const BALLAST = 'ballast';
const BALLAST_BYTES = 64 * 2 ** 20;

/** A btrfs: the one that `root` lies on, or one in a preallocated file in `root` that grows. Folders are subvolumes, without qgroups. */
export async function openBtrfsGround(options: BtrfsGroundOptions): Promise<Ground> {
  const { host, root } = options;
  if ((await host.files.statfs(root)).magic === MAGIC) return new BtrfsGround(options, root, undefined);
  const file = join(root, FILE);
  const mountpoint = join(root, 'mnt');
  if ((await host.files.stat(file)) === undefined) await makeFile(options, file);
  await host.files.makeDirectory(mountpoint, { mode: 0o700 });
  const { device } = (await host.loops.find(file))[0] ?? (await host.loops.attach(file, { directIo: true, keepAllocated: true }));
  if ((await host.mounts.at(mountpoint)) === undefined) {
    // No discard: it would punch the reserve out of the pool file. No copy on write but for snapshots: an image is a disk.
    await host.mounts.mount({ source: device, target: mountpoint, type: 'btrfs', options: ['noatime', 'nodiscard', 'nodatacow'] });
  }
  const ground = new BtrfsGround(options, mountpoint, { file, device });
  await ground.catchUp();
  await ground.reserve(true);
  return ground;
}

/** Under another name until it is whole. */
async function makeFile({ host, stepBytes = 2 * GiB, ...options }: BtrfsGroundOptions, file: string): Promise<void> {
  const unfinished = join(options.root, `.${FILE}.new`);
  await host.files.removeFile(unfinished);
  const room = await outerRoom({ host, ...options });
  const bytes = Math.min(stepBytes, options.maxBytes ?? stepBytes, room);
  if (bytes < GiB / 2) throw new PoolError('no-space', `a btrfs pool starts with 512 MiB; ${options.root} has ${room} bytes to spare`);
  await host.files.allocate(unfinished, 0, Math.floor(bytes / 4096) * 4096);
  await host.filesystems.make(unfinished, { type: 'btrfs', label: 'berth-pool', force: true, extra: ['--nodiscard'] });
  await host.files.sync(unfinished);
  await host.files.rename(unfinished, file);
  await host.files.sync(options.root);
}

/** What the machine's file system can still give to the pool file. */
async function outerRoom({ host, root, keepFreeBytes }: Pick<BtrfsGroundOptions, 'host' | 'root' | 'keepFreeBytes'>): Promise<number> {
  const { totalBytes, availableBytes } = await host.files.statfs(root);
  return Math.max(0, availableBytes - (keepFreeBytes ?? Math.max(GiB / 2, Math.floor(totalBytes * 0.02))));
}

class BtrfsGround implements Ground {
  readonly kind = 'btrfs';
  readonly copying = 'instant';
  readonly root: string;
  readonly #options: BtrfsGroundOptions;
  readonly #host: Host;
  /** Absent: the btrfs is the machine's, and others write to it too. */
  readonly #own: { readonly file: string; readonly device: string } | undefined;
  readonly #lock = new KeyedLock();

  constructor(options: BtrfsGroundOptions, root: string, own: { readonly file: string; readonly device: string } | undefined) {
    this.#options = options;
    this.#host = options.host;
    this.root = root;
    this.#own = own;
  }

  /** After a kill between growing the file and growing what is on it. */
  async catchUp(): Promise<void> {
    if (this.#own !== undefined) await this.#takeOver(this.#own.device);
  }

  async makeFolder(path: string): Promise<void> {
    await this.#btrfs('subvolume', 'create', path);
    // On a btrfs of ours the mount option says it; a subvolume does not inherit it from its directory.
    if (this.#own === undefined) await this.#command('chattr', ['+C', path]);
  }

  async copyFolder(from: string, to: string): Promise<void> {
    await this.#btrfs('subvolume', 'snapshot', from, to);
  }

  async removeFolder(path: string): Promise<void> {
    const stat = await this.#host.files.stat(path);
    if (stat === undefined) return;
    if (stat.inode === SUBVOLUME_INODE) await this.#btrfs('subvolume', 'delete', path);
    else await this.#host.files.removeTree(path);
  }

  async settle(): Promise<void> {
    await this.#btrfs('filesystem', 'sync', this.root);
    await this.#btrfs('subvolume', 'sync', this.root);
  }

  async durable(): Promise<void> {
    await this.#btrfs('filesystem', 'sync', this.root);
  }

  async reserve(hold: boolean): Promise<void> {
    if (this.#own === undefined) return;
    const ballast = join(this.root, BALLAST);
    if (hold) await this.#host.files.allocate(ballast, 0, BALLAST_BYTES);
    else await this.#host.files.removeFile(ballast);
  }

  async space(): Promise<GroundSpace> {
    const { totalBytes, availableBytes } = await this.#host.files.statfs(this.root);
    if (this.#own === undefined) {
      const keep = this.#options.keepFreeBytes ?? Math.max(GiB / 2, Math.floor(totalBytes * 0.02));
      return { freeBytes: Math.max(0, availableBytes - keep), growableBytes: 0, totalBytes: Math.max(0, totalBytes - keep), own: false };
    }
    const room = await outerRoom(this.#options);
    const growable = Math.max(0, this.#options.maxBytes === undefined ? room : Math.min(room, this.#options.maxBytes - totalBytes));
    return {
      freeBytes: Math.max(0, availableBytes + BALLAST_BYTES - kept(totalBytes)),
      growableBytes: usable(growable),
      totalBytes: usable(totalBytes + growable),
      own: true,
    };
  }

  async ensure(bytes: number): Promise<void> {
    if (bytes <= 0) return;
    await this.#lock.run('grow', async () => {
      const { freeBytes, growableBytes } = await this.space();
      if (freeBytes >= bytes) return;
      if (this.#own === undefined || freeBytes + growableBytes < bytes)
        throw new PoolError('no-space', `the pool has ${freeBytes + growableBytes} bytes left, ${bytes} are needed`);
      await this.#grow(this.#own, bytes - freeBytes);
    });
  }

  /** The subvolumes stay mounted: pods outlive this process. */
  async [Symbol.asyncDispose](): Promise<void> {}

  /** Preallocates first: what the file system believes to have is really there. */
  async #grow({ file, device }: { readonly file: string; readonly device: string }, bytes: number): Promise<void> {
    const size = (await this.#host.files.stat(file))?.sizeBytes ?? 0;
    const room = await outerRoom(this.#options);
    const least = Math.ceil(bytes / (1 - OWN_SHARE) / 2 ** 20 + 64) * 2 ** 20;
    const wanted = Math.max(least, this.#options.stepBytes ?? 2 * GiB);
    const more = Math.min(wanted, room, (this.#options.maxBytes ?? Number.POSITIVE_INFINITY) - size);
    await this.#host.files.allocate(file, 0, size + Math.floor(more / 4096) * 4096);
    await this.#host.files.sync(file);
    await this.#takeOver(device);
  }

  async #takeOver(device: string): Promise<void> {
    await this.#host.loops.refresh(device);
    await this.#host.filesystems.grow({ type: 'btrfs', device, mountedAt: this.root });
  }

  async #btrfs(...args: readonly string[]): Promise<void> {
    await this.#command('btrfs', args);
  }

  async #command(command: string, args: readonly string[]): Promise<void> {
    const { code, stderr } = await this.#host.run(command, args, { timeoutMs: 600_000 });
    if (code !== 0) throw commandError(command, args, code, stderr);
  }
}

function kept(totalBytes: number): number {
  return Math.max(OWN_LEAST, Math.floor(totalBytes * OWN_SHARE));
}

function usable(bytes: number): number {
  return Math.max(0, Math.floor(bytes * (1 - OWN_SHARE)) - OWN_LEAST);
}
