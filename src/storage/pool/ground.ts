/**
 * What a pool stands on: folders that can be made, copied and removed, and space. `plain.ts` is any directory, `btrfs.ts` a btrfs
 * whose folders are subvolumes. Rejects with HostError, or PoolError `no-space`.
 */
export interface Ground extends AsyncDisposable {
  readonly kind: 'btrfs' | 'plain' | 'directory';
  readonly copying: 'instant' | 'shared' | 'full';
  /** Where the pool's folders lie. */
  readonly root: string;
  /** An empty folder; its parent is there. */
  makeFolder(path: string): Promise<void>;
  /** A folder with the same contents; `to` is not there. Files in it are not in use while it runs. */
  copyFolder(from: string, to: string): Promise<void>;
  /** Idempotent. */
  removeFolder(path: string): Promise<void>;
  /** Waits until space of removed folders can be used again. */
  settle(): Promise<void>;
  /** What was done before survives a power cut. Called after a rename; files were synced, and so were directories. */
  durable(): Promise<void>;
  space(): Promise<GroundSpace>;
  /**
   * Gives up (or takes back) what is held in reserve inside it, so that the file system can go on committing while writers are held.
   * Nothing where there is no reserve.
   */
  reserve(hold: boolean): Promise<void>;
  /** Sees to it that this many bytes are free, by growing if that is how; rejects `no-space`. */
  ensure(bytes: number): Promise<void>;
}

export interface GroundSpace {
  /** Free now, less what is kept back for the machine or for the file system itself. Never negative. */
  readonly freeBytes: number;
  /** What it could still grow by. */
  readonly growableBytes: number;
  /** Used and free and growable. */
  readonly totalBytes: number;
  /** Nothing but this pool lives on it. */
  readonly own: boolean;
}
