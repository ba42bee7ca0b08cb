import type { FilesystemType } from '../../host/host.ts';

/**
 * A node's pool: the place on its disk that local volumes are cut from. A volume is one image file (in the directory pool: a
 * directory). Every method is idempotent and survives kill -9 at any point: things are made in `work/` and come into being, or go,
 * by one rename. Rejects with PoolError.
 */
export interface Pool extends AsyncDisposable {
  readonly kind: 'btrfs' | 'plain' | 'directory';
  /** False: nothing keeps a volume from growing past its size (the directory pool). */
  readonly enforcesSize: boolean;
  /** How a snapshot or clone comes about: in constant time, sharing bytes, or copying them. */
  readonly copying: 'instant' | 'shared' | 'full';
  /** What a volume is formatted with unless its class names another. */
  readonly filesystem: FilesystemType;
  /** Whether a mounted file system of this type can grow here. */
  growsOnline(type: FilesystemType): boolean;

  volumes(): readonly VolumeRecord[];
  volume(id: string): VolumeRecord | undefined;
  snapshots(): readonly SnapshotRecord[];
  snapshot(id: string): SnapshotRecord | undefined;
  trash(): readonly TrashRecord[];
  /** What was found with a record that can't be read. It is left as it is, counts as used, and everything on it rejects with `damaged`. */
  damaged(): readonly DamagedRecord[];
  /** The volume as it is now; undefined when there is none. One whose record was damaged is read again. */
  find(id: string): Promise<VolumeRecord | undefined>;
  /** Volumes that were made, and of which nobody has said yet that those who asked for them know: whoever asked may have died in between. */
  unannounced(): readonly string[];
  announced(id: string): Promise<void>;
  /** The image file of a volume, or its directory. */
  path(id: string): string;

  /** The same id and size again answers the volume that is there; another size or source: `exists`. */
  create(request: CreateImage): Promise<VolumeRecord>;
  /** Only grows; smaller is a success that changes nothing. */
  resize(id: string, sizeBytes: number): Promise<VolumeRecord>;
  /** After its file system was made or grown. `bytes`: the image size that it fills. */
  formatted(id: string, filesystem: { readonly type: FilesystemType; readonly bytes: number }): Promise<VolumeRecord>;
  /** Into the trash. Gone is a success. */
  remove(id: string): Promise<void>;
  /** Out of the trash; `exists` when there is a volume of this id again. */
  restore(trashId: string): Promise<VolumeRecord>;
  /** `freeze` runs its argument while nothing writes to the volume. */
  createSnapshot(request: { readonly id: string; readonly sourceId: string }, freeze: Freeze): Promise<SnapshotRecord>;
  removeSnapshot(id: string): Promise<void>;
  /** Removes from the trash what is older than the pool's time, or everything. */
  purge(what: 'old' | 'all'): Promise<void>;
  space(): Promise<PoolSpace>;
  /**
   * Whether writers must be held: the ground is used up although less was promised (copies that part, metadata). Before it says so
   * it has emptied the trash and tried to grow. Then the reserve is given up; when there is room again it is taken back.
   */
  tight(): Promise<boolean>;
}

export type Freeze = <T>(work: () => Promise<T>) => Promise<T>;

export interface CreateImage {
  readonly id: string;
  /** What people know it by: the name that the driver was asked for. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly mode: 'mount' | 'block';
  readonly from?: { readonly snapshotId: string } | { readonly volumeId: string; readonly freeze: Freeze };
  /** The claim that it was made for, where known. */
  readonly claim?: ClaimName | undefined;
}

export interface ClaimName {
  readonly namespace: string;
  readonly name: string;
}

/** `volume.json` beside the image. */
export interface VolumeRecord {
  readonly id: string;
  readonly name: string;
  readonly sizeBytes: number;
  readonly mode: 'mount' | 'block';
  /** Absent until it was formatted, which happens when it is first staged. */
  readonly filesystem?: { readonly type: FilesystemType; readonly bytes: number } | undefined;
  readonly from?: { readonly snapshotId: string } | { readonly volumeId: string } | undefined;
  readonly claim?: ClaimName | undefined;
  readonly createdMs: number;
  /** Bytes that it may yet take from the pool, because they are shared with a copy. */
  readonly sharedBytes: number;
}

export interface SnapshotRecord {
  readonly id: string;
  readonly sourceId: string;
  readonly sizeBytes: number;
  readonly mode: 'mount' | 'block';
  readonly filesystem?: VolumeRecord['filesystem'];
  readonly createdMs: number;
  readonly sharedBytes: number;
}

export interface TrashRecord {
  /** `<volume id>@<ms when it was deleted>`. */
  readonly trashId: string;
  readonly volume: VolumeRecord;
  readonly deletedMs: number;
}

export interface DamagedRecord {
  readonly kind: 'volumes' | 'snapshots' | 'trash';
  /** The volume, the snapshot or the trash id. */
  readonly id: string;
  /** Of its image. */
  readonly sizeBytes: number;
  /** A sentence that names the file. */
  readonly message: string;
}

export interface PoolSpace {
  /** All that may be promised to volumes, used or not. */
  readonly totalBytes: number;
  /** What may still be promised; trash counts as free. */
  readonly availableBytes: number;
  readonly trashBytes: number;
}

/** `no-space`: more was asked for than may be promised. `exists`, `missing`, `in-use`, `foreign` (the directory is another's), `newer`, `damaged` (a record). */
export type PoolErrorCode = 'damaged' | 'no-space' | 'exists' | 'missing' | 'in-use' | 'foreign' | 'newer' | 'unsupported' | 'failed';

export class PoolError extends Error {
  override readonly name = 'PoolError';
  readonly code: PoolErrorCode;

  constructor(code: PoolErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
