import { join } from 'node:path';
import { type Clock, sleep } from '../../base/clock.ts';
import { failure, type Log, silentLog } from '../../base/log.ts';
import type { FilesystemType, Host, ProcessId } from '../../host/host.ts';
import { openBtrfsGround } from './btrfs.ts';
import type { Ground } from './ground.ts';
import { ImagePool } from './image-pool.ts';
import { chooseFilesystem } from './inner-filesystem.ts';
import { openDirectoryGround, openPlainGround } from './plain.ts';
import { type Pool, PoolError } from './pool.ts';

export interface PoolOptions {
  readonly host: Host;
  readonly clock: Clock;
  /** The pool's own directory; made when it is missing, refused as `foreign` when it is another cluster's or has other contents. */
  readonly root: string;
  /** Who owns it: the cluster's mark (law 11). */
  readonly mark: string;
  /** `auto`: what the pool was made as; else btrfs where the root lies on btrfs, else plain, else (no loop devices) directory. */
  readonly kind?: 'auto' | Pool['kind'] | undefined;
  readonly maxBytes?: number | undefined;
  readonly keepFreeBytes?: number | undefined;
  /** By how much a btrfs pool file grows at least. Default 2 GiB. */
  readonly stepBytes?: number | undefined;
  /** Default 24 hours. */
  readonly trashMs?: number | undefined;
  readonly log?: Log | undefined;
}

/** `pool.json`: what was decided when the pool was made. */
interface PoolFile {
  readonly format: 1;
  readonly mark: string;
  readonly kind: Pool['kind'];
}

const DAY_MS = 86_400_000;

export async function openPool(given: PoolOptions): Promise<Pool> {
  const { host, clock, maxBytes, trashMs = DAY_MS, log = silentLog } = given;
  await host.files.makeDirectory(given.root, { mode: 0o700 });
  // Devices are found by the path that the kernel shows.
  const options: PoolOptions = { ...given, root: await host.files.realPath(given.root) };
  const { kind } = await readOrMake(options);
  await takeOver(options);
  // Lives as long as the host.
  host.onHelper(() => void signIn(options).catch((thrown: unknown) => log.error('the pool has not signed in anew', failure(thrown))));
  const ground = await openGround(options, kind);
  for (const name of ['work', 'volumes', 'snapshots', 'trash', 'unannounced']) await host.files.makeDirectory(join(ground.root, name), { mode: 0o700 });
  const { sysResource, filesystems } = await host.capabilities();
  const growsOnline = (type: FilesystemType): boolean => type !== 'ext4' || sysResource;
  return ImagePool.open({ host, clock, ground, maxBytes, trashMs, log, growsOnline, filesystem: chooseFilesystem({ sysResource, filesystems }) });
}

async function readOrMake(options: PoolOptions): Promise<PoolFile> {
  const { host, root, mark, kind = 'auto' } = options;
  const path = join(root, 'pool.json');
  const there = await host.files.readDirectory(root);
  if (there.some(({ name }) => name === 'pool.json')) {
    const found = parsePoolFile(path, await host.files.readText(path));
    if (found.format !== 1) throw new PoolError('newer', `${root} has the format ${String(found.format)}; this version knows 1`);
    if (found.mark !== mark) throw new PoolError('foreign', `${root} belongs to the cluster ${found.mark}`);
    if (kind !== 'auto' && kind !== found.kind) throw new PoolError('unsupported', `${root} is a ${found.kind} pool, not a ${kind} pool`);
    return found;
  }
  // What a killed predecessor may have left before it wrote the file is ours; anything else is not.
  const foreign = there.find(({ name }) => !name.startsWith('.'));
  if (foreign !== undefined) throw new PoolError('foreign', `${root} holds ${foreign.name} and no pool.json: not made a pool`);
  const made: PoolFile = { format: 1, mark, kind: kind === 'auto' ? await chooseKind(options) : kind };
  await host.files.writeFileAtomic(path, `${JSON.stringify(made)}\n`, { mode: 0o600, durable: true });
  return made;
}

function parsePoolFile(path: string, text: string): PoolFile {
  try {
    return JSON.parse(text) as PoolFile;
  } catch (thrown) {
    throw new PoolError('damaged', `${path} is damaged; restore it from a copy (it holds format, mark and kind of the pool, nothing else)`, thrown);
  }
}

const TAKE_OVER_MS = 120_000;
const LOOK_MS = 20;

/** A killed predecessor's helper may be in the middle of a mkfs or a copy: waits until it is gone, then signs in. */
async function takeOver({ host, clock, root }: PoolOptions): Promise<void> {
  const path = join(root, '.owner.json');
  const self = await host.helper();
  const before = (await host.files.stat(path)) === undefined ? undefined : readOwner(await host.files.readText(path));
  const untilMs = clock.monotonic() + TAKE_OVER_MS;
  while (before !== undefined && before.pid !== self.pid && (await host.processes.alive(before))) {
    if (clock.monotonic() > untilMs) throw new PoolError('in-use', `${root} is used by the process ${before.pid}`);
    await sleep(clock, LOOK_MS);
  }
  await signIn({ host, root });
}

async function signIn({ host, root }: Pick<PoolOptions, 'host' | 'root'>): Promise<void> {
  const { pid, startTicks } = await host.helper();
  await host.files.writeFileAtomic(join(root, '.owner.json'), JSON.stringify({ pid, startTicks }), { mode: 0o600 });
}

/** It is not flushed: after a power cut it may be empty, and then there is nobody to wait for. */
function readOwner(text: string): ProcessId | undefined {
  const [, pid, startTicks] = /^{"pid":(\d+),"startTicks":(\d+)}$/.exec(text) ?? [];
  return pid === undefined || startTicks === undefined ? undefined : { pid: Number(pid), startTicks: Number(startTicks) };
}

const BTRFS_MAGIC = 0x9123683e;

async function chooseKind({ host, root }: PoolOptions): Promise<Pool['kind']> {
  const { loopDevices, filesystems } = await host.capabilities();
  if (!loopDevices || filesystems.length === 0) return 'directory';
  return (await host.files.statfs(root)).magic === BTRFS_MAGIC ? 'btrfs' : 'plain';
}

function openGround(options: PoolOptions, kind: Pool['kind']): Promise<Ground> {
  if (kind === 'directory') return openDirectoryGround(options);
  return kind === 'btrfs' ? openBtrfsGround(options) : openPlainGround(options);
}
