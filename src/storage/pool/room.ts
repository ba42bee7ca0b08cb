import type { Ground } from './ground.ts';
import { KeyedLock } from '../../base/keyed-lock.ts';
import { PoolError, type PoolSpace } from './pool.ts';
import type { Records } from './records.ts';

/**
 * What may still be promised. On ground of the pool's own (btrfs in a file) everything that a volume or a snapshot may ever hold is
 * counted, shared or not. On a file system with other users, what is free is counted, less what shared bytes may still cost when
 * they part.
 */
export class Room {
  readonly #ground: Ground;
  readonly #records: Records;
  readonly #maxBytes: number | undefined;
  readonly #purgeOldest: () => Promise<boolean>;
  /** Looking and reserving is one step: two at once do not get the same bytes. */
  readonly #lock = new KeyedLock();
  /** Of work in progress. */
  #reserved = 0;

  constructor(ground: Ground, records: Records, maxBytes: number | undefined, purgeOldest: () => Promise<boolean>) {
    this.#ground = ground;
    this.#records = records;
    this.#maxBytes = maxBytes;
    this.#purgeOldest = purgeOldest;
  }

  /** Reserves, sees to it that the bytes are really free (by emptying the trash, oldest first), works, and lets go. */
  async with<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    await this.#lock.run('reserve', async () => {
      const { availableBytes } = await this.space();
      if (bytes > availableBytes) throw new PoolError('no-space', `the pool can promise ${availableBytes} bytes more, ${bytes} are needed`);
      this.#reserved += bytes;
    });
    try {
      while ((await this.#reallyFree()) < bytes && (await this.#purgeOldest()));
      return await work();
    } finally {
      this.#reserved -= bytes;
    }
  }

  async space(): Promise<PoolSpace> {
    const { volumes, snapshots, trash, damaged } = this.#records;
    const { freeBytes, growableBytes, totalBytes, own } = await this.#ground.space();
    const promised =
      sum(volumes.values(), ({ sizeBytes }) => sizeBytes) +
      sum(damaged.values(), ({ sizeBytes }) => sizeBytes) +
      sum(snapshots.values(), ({ sharedBytes, sizeBytes }) => (own ? sharedBytes : sizeBytes));
    const parting = sum(volumes.values(), ({ sharedBytes }) => sharedBytes) + sum(snapshots.values(), ({ sharedBytes }) => sharedBytes);
    const trashBytes = sum(trash.values(), ({ volume }) => volume.sizeBytes);
    const physical = own ? totalBytes - promised : freeBytes + growableBytes + trashBytes - parting;
    const allowed = this.#maxBytes === undefined ? physical : Math.min(physical, this.#maxBytes - promised);
    return {
      totalBytes: Math.min(totalBytes, this.#maxBytes ?? totalBytes),
      availableBytes: Math.max(0, allowed - this.#reserved),
      trashBytes,
    };
  }

  async #reallyFree(): Promise<number> {
    const { freeBytes, growableBytes } = await this.#ground.space();
    return freeBytes + growableBytes;
  }
}

function sum<T>(all: Iterable<T>, bytes: (of: T) => number): number {
  let total = 0;
  for (const one of all) total += bytes(one);
  return total;
}
