import type { Host } from '../../host/host.ts';
import type { Ground } from './ground.ts';
import { PoolError } from './pool.ts';

export interface BtrfsGroundOptions {
  readonly host: Host;
  readonly root: string;
  readonly keepFreeBytes?: number | undefined;
}

/** A btrfs: the one that `root` lies on, or one in a preallocated file in `root` that grows. Folders are subvolumes without qgroups. */
export async function openBtrfsGround(_options: BtrfsGroundOptions): Promise<Ground> {
  throw new PoolError('unsupported', 'btrfs');
}
