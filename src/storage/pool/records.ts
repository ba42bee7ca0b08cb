import { join } from 'node:path';
import type { FilesystemType, Host } from '../../host/host.ts';
import { type DamagedRecord, PoolError, type SnapshotRecord, type TrashRecord, type VolumeRecord } from './pool.ts';

/** Where things lie in a pool, and their records. The truth is on disk; what is in memory follows it. */
export class Records {
  readonly #host: Host;
  readonly #root: string;
  readonly volumes = new Map<string, VolumeRecord>();
  readonly snapshots = new Map<string, SnapshotRecord>();
  readonly trash = new Map<string, TrashRecord>();
  /** By `<kind> <id>`. */
  readonly damaged = new Map<string, DamagedRecord>();
  readonly unannounced = new Set<string>();

  constructor(host: Host, root: string) {
    this.#host = host;
    this.#root = root;
  }

  readonly folder = {
    work: (name: string): string => join(this.#root, 'work', name),
    volume: (id: string): string => join(this.#root, 'volumes', id),
    snapshot: (id: string): string => join(this.#root, 'snapshots', id),
    trash: (trashId: string): string => join(this.#root, 'trash', trashId),
    /** An empty file. */
    unannounced: (id: string): string => join(this.#root, 'unannounced', id),
  };

  /** The directories that hold them: to be synced after a rename. */
  readonly parent = (kind: 'work' | 'volumes' | 'snapshots' | 'trash' | 'unannounced'): string => join(this.#root, kind);

  async load(): Promise<void> {
    for (const kind of ['volumes', 'snapshots', 'trash'] as const) for (const name of await this.#names(kind)) await this.#loadOne(kind, name);
    for (const { name } of await this.#host.files.readDirectory(this.parent('unannounced'))) {
      if (this.volumes.has(name) || this.damaged.has(`volumes ${name}`)) this.unannounced.add(name);
      else await this.#host.files.removeFile(this.folder.unannounced(name));
    }
  }

  /** Before the volume comes into being. */
  async markUnannounced(id: string): Promise<void> {
    await this.#host.files.writeFileAtomic(this.folder.unannounced(id), '', { mode: 0o600 });
    this.unannounced.add(id);
  }

  async announce(id: string): Promise<void> {
    if (this.unannounced.delete(id)) await this.#host.files.removeFile(this.folder.unannounced(id));
  }

  /** Reads a damaged record again: somebody may have mended it. Rejects with `damaged` when nobody has. */
  async check(kind: DamagedRecord['kind'], id: string): Promise<void> {
    if (!this.damaged.has(`${kind} ${id}`)) return;
    await this.#loadOne(kind, id);
    const damaged = this.damaged.get(`${kind} ${id}`);
    if (damaged !== undefined) throw new PoolError('damaged', damaged.message);
  }

  /** One that can't be read puts that one volume out of order, and nothing else. */
  async #loadOne(kind: DamagedRecord['kind'], id: string): Promise<void> {
    const folder = join(this.parent(kind), id);
    try {
      if (kind === 'snapshots') this.snapshots.set(id, await this.#read(join(folder, 'snapshot.json'), parseSnapshot));
      else {
        const volume = await this.#read(join(folder, 'volume.json'), parseVolume);
        if (kind === 'volumes') this.volumes.set(id, volume);
        else this.trash.set(id, { trashId: id, volume, deletedMs: Number(id.slice(id.lastIndexOf('@') + 1)) });
      }
      this.damaged.delete(`${kind} ${id}`);
    } catch (thrown) {
      if (!(thrown instanceof PoolError)) throw thrown;
      const sizeBytes = (await this.#host.files.stat(join(folder, 'image')))?.sizeBytes ?? 0;
      this.damaged.set(`${kind} ${id}`, { kind, id, sizeBytes, message: `${thrown.message}; what is in ${folder} is left as it is` });
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
      throw new PoolError('damaged', `${path} can't be read (${thrown instanceof Error ? thrown.message : String(thrown)})`, thrown);
    }
    const record = typeof value === 'object' && value !== null ? parse(value as Record<string, unknown>) : undefined;
    if (record === undefined) throw new PoolError('damaged', `${path} is not a record of this pool's format`);
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
