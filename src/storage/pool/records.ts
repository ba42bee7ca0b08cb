import { join } from 'node:path';
import type { FilesystemType, Host } from '../../host/host.ts';
import { PoolError, type SnapshotRecord, type TrashRecord, type VolumeRecord } from './pool.ts';

/** Where things lie in a pool, and their records. The truth is on disk; what is in memory follows it. */
export class Records {
  readonly #host: Host;
  readonly #root: string;
  readonly volumes = new Map<string, VolumeRecord>();
  readonly snapshots = new Map<string, SnapshotRecord>();
  readonly trash = new Map<string, TrashRecord>();

  constructor(host: Host, root: string) {
    this.#host = host;
    this.#root = root;
  }

  readonly folder = {
    work: (name: string): string => join(this.#root, 'work', name),
    volume: (id: string): string => join(this.#root, 'volumes', id),
    snapshot: (id: string): string => join(this.#root, 'snapshots', id),
    trash: (trashId: string): string => join(this.#root, 'trash', trashId),
  };

  /** The directories that hold them: to be synced after a rename. */
  readonly parent = (kind: 'work' | 'volumes' | 'snapshots' | 'trash'): string => join(this.#root, kind);

  async load(): Promise<void> {
    for (const name of await this.#names('volumes')) this.volumes.set(name, await this.#read(join(this.folder.volume(name), 'volume.json'), parseVolume));
    for (const name of await this.#names('snapshots'))
      this.snapshots.set(name, await this.#read(join(this.folder.snapshot(name), 'snapshot.json'), parseSnapshot));
    for (const name of await this.#names('trash')) {
      const volume = await this.#read(join(this.folder.trash(name), 'volume.json'), parseVolume);
      this.trash.set(name, { trashId: name, volume, deletedMs: Number(name.slice(name.lastIndexOf('@') + 1)) });
    }
  }

  async writeVolume(folder: string, record: VolumeRecord): Promise<void> {
    await this.#host.files.writeFileAtomic(join(folder, 'volume.json'), `${JSON.stringify(record)}\n`, { mode: 0o600, durable: true });
  }

  async writeSnapshot(folder: string, record: SnapshotRecord): Promise<void> {
    await this.#host.files.writeFileAtomic(join(folder, 'snapshot.json'), `${JSON.stringify(record)}\n`, { mode: 0o600, durable: true });
  }

  async #names(kind: 'volumes' | 'snapshots' | 'trash'): Promise<readonly string[]> {
    return (await this.#host.files.readDirectory(this.parent(kind))).filter(({ type }) => type === 'directory').map(({ name }) => name);
  }

  async #read<T>(path: string, parse: (value: Record<string, unknown>) => T | undefined): Promise<T> {
    let value: unknown;
    try {
      value = JSON.parse(await this.#host.files.readText(path));
    } catch (thrown) {
      throw new PoolError('failed', `${path} can't be read`, thrown);
    }
    const record = typeof value === 'object' && value !== null ? parse(value as Record<string, unknown>) : undefined;
    if (record === undefined) throw new PoolError('failed', `${path} is not a record of this pool's format`);
    return record;
  }
}

function parseVolume(value: Record<string, unknown>): VolumeRecord | undefined {
  const { id, name, sizeBytes, mode, createdMs, sharedBytes } = value;
  if (typeof id !== 'string' || typeof name !== 'string' || typeof sizeBytes !== 'number') return undefined;
  if ((mode !== 'mount' && mode !== 'block') || typeof createdMs !== 'number') return undefined;
  return {
    id,
    name,
    sizeBytes,
    mode,
    filesystem: parseFilesystem(value['filesystem']),
    from: value['from'] as VolumeRecord['from'],
    claim: value['claim'] as VolumeRecord['claim'],
    createdMs,
    sharedBytes: typeof sharedBytes === 'number' ? sharedBytes : 0,
  };
}

function parseSnapshot(value: Record<string, unknown>): SnapshotRecord | undefined {
  const { id, sourceId, sizeBytes, mode, createdMs, sharedBytes } = value;
  if (typeof id !== 'string' || typeof sourceId !== 'string' || typeof sizeBytes !== 'number') return undefined;
  if ((mode !== 'mount' && mode !== 'block') || typeof createdMs !== 'number') return undefined;
  return {
    id,
    sourceId,
    sizeBytes,
    mode,
    filesystem: parseFilesystem(value['filesystem']),
    createdMs,
    sharedBytes: typeof sharedBytes === 'number' ? sharedBytes : 0,
  };
}

const TYPES: readonly string[] = ['ext4', 'xfs', 'btrfs'] satisfies readonly FilesystemType[];

function parseFilesystem(value: unknown): VolumeRecord['filesystem'] {
  if (typeof value !== 'object' || value === null) return undefined;
  const { type, bytes } = value as Record<string, unknown>;
  if (typeof type !== 'string' || !TYPES.includes(type) || typeof bytes !== 'number') return undefined;
  return { type: type as FilesystemType, bytes };
}
