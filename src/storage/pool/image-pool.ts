import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { failure, type Log } from '../../base/log.ts';
import { type FilesystemType, type Host, HostError } from '../../host/host.ts';
import type { Ground } from './ground.ts';
import { KeyedLock } from '../../base/keyed-lock.ts';
import {
  type CreateImage,
  type DamagedRecord,
  type Freeze,
  type Pool,
  PoolError,
  type PoolSpace,
  type SnapshotRecord,
  type TrashRecord,
  type VolumeRecord,
} from './pool.ts';
import { Records } from './records.ts';
import { Room } from './room.ts';

const IMAGE_STEP = 4096;
/** Below this the ground counts as used up. */
const LEAST_FREE = 32 * 2 ** 20;

export interface ImagePoolOptions {
  readonly host: Host;
  readonly clock: Clock;
  readonly ground: Ground;
  readonly filesystem: FilesystemType;
  readonly growsOnline: (type: FilesystemType) => boolean;
  /** At most this much is promised to volumes; undefined: what the ground has. */
  readonly maxBytes?: number | undefined;
  /** How long a deleted volume can come back. 0: not at all. */
  readonly trashMs: number;
  readonly log: Log;
}

/** A pool of image files (of directories on directory ground), on any ground. See Pool for its promises. */
export class ImagePool implements Pool {
  readonly kind: Pool['kind'];
  readonly copying: Pool['copying'];
  readonly enforcesSize: boolean;
  readonly filesystem: FilesystemType;
  readonly #options: ImagePoolOptions;
  readonly #host: Host;
  readonly #ground: Ground;
  readonly #records: Records;
  readonly #room: Room;
  readonly #lock = new KeyedLock();
  #workNumber = 0;
  #tight = false;
  #purging: Disposable | undefined;

  private constructor(options: ImagePoolOptions) {
    this.#options = options;
    this.#host = options.host;
    this.#ground = options.ground;
    this.kind = options.ground.kind;
    this.copying = options.ground.copying;
    this.enforcesSize = options.ground.kind !== 'directory';
    this.filesystem = options.filesystem;
    this.#records = new Records(options.host, options.ground.root);
    this.#room = new Room(options.ground, this.#records, options.maxBytes, () => this.#purgeOldest());
  }

  /** The directories are there (`layout.ts`). What a killed predecessor left half made is removed. */
  static async open(options: ImagePoolOptions): Promise<ImagePool> {
    const pool = new ImagePool(options);
    for (const { name } of await options.host.files.readDirectory(pool.#records.parent('work'))) {
      await options.ground.removeFolder(pool.#records.folder.work(name));
    }
    await pool.#records.load();
    for (const { message } of pool.damaged()) options.log.error('a volume is out of order', { cause: message });
    await pool.purge('old');
    pool.#armPurge();
    return pool;
  }

  growsOnline(type: FilesystemType): boolean {
    return this.#options.growsOnline(type);
  }
  volumes(): readonly VolumeRecord[] {
    return [...this.#records.volumes.values()];
  }
  volume(id: string): VolumeRecord | undefined {
    return this.#records.volumes.get(id);
  }
  snapshots(): readonly SnapshotRecord[] {
    return [...this.#records.snapshots.values()];
  }
  snapshot(id: string): SnapshotRecord | undefined {
    return this.#records.snapshots.get(id);
  }
  trash(): readonly TrashRecord[] {
    return [...this.#records.trash.values()];
  }
  damaged(): readonly DamagedRecord[] {
    return [...this.#records.damaged.values()];
  }
  async find(id: string): Promise<VolumeRecord | undefined> {
    // A volume in order is never waited for: it may be in the middle of a long copy.
    if (!this.#records.damaged.has(`volumes ${id}`)) return this.volume(id);
    return this.#guarded([id], async () => {
      await this.#records.check('volumes', id);
      return this.volume(id);
    });
  }
  unannounced(): readonly string[] {
    return [...this.#records.unannounced];
  }
  announced(id: string): Promise<void> {
    return this.#guarded([`unannounced ${id}`], () => this.#records.announce(id));
  }
  path(id: string): string {
    return this.#content(this.#records.folder.volume(id));
  }

  create(request: CreateImage): Promise<VolumeRecord> {
    const source = request.from === undefined ? [] : ['volumeId' in request.from ? request.from.volumeId : request.from.snapshotId];
    return this.#guarded([request.id, ...source], async () => {
      await this.#records.check('volumes', request.id);
      const there = this.volume(request.id);
      if (there !== undefined) return sameAs(there, request);
      if (request.from !== undefined) await this.#source(request.from);
      return this.#room.with(roundUp(request.sizeBytes), () => this.#make(request));
    });
  }

  resize(id: string, sizeBytes: number): Promise<VolumeRecord> {
    return this.#guarded([id], async () => {
      const record = await this.#volume(id);
      if (sizeBytes <= record.sizeBytes) return record;
      return this.#room.with(roundUp(sizeBytes) - roundUp(record.sizeBytes), async () => {
        if (this.enforcesSize) await this.#extend(this.path(id), roundUp(sizeBytes));
        return this.#update({ ...record, sizeBytes });
      });
    });
  }

  formatted(id: string, filesystem: { readonly type: FilesystemType; readonly bytes: number }): Promise<VolumeRecord> {
    return this.#guarded([id], async () => {
      await this.#host.files.sync(this.path(id));
      return this.#update({ ...(await this.#volume(id)), filesystem });
    });
  }

  remove(id: string): Promise<void> {
    return this.#guarded([id], async () => {
      await this.#records.check('volumes', id);
      const volume = this.volume(id);
      if (volume === undefined) return;
      const deletedMs = this.#options.clock.now();
      const trashId = `${id}@${deletedMs}`;
      await this.#move(this.#records.folder.volume(id), this.#records.folder.trash(trashId), ['volumes', 'trash']);
      this.#records.volumes.delete(id);
      await this.#records.announce(id);
      this.#records.trash.set(trashId, { trashId, volume, deletedMs });
      if (this.#options.trashMs === 0) await this.#purge(trashId);
      this.#armPurge();
    });
  }

  restore(trashId: string): Promise<VolumeRecord> {
    const found = this.#records.trash.get(trashId);
    if (found === undefined) return Promise.reject(new PoolError('missing', `${trashId} is not in the trash`));
    const { id } = found.volume;
    return this.#guarded([id, `trash ${trashId}`], async () => {
      await this.#records.check('volumes', id);
      if (this.volume(id) !== undefined) throw new PoolError('exists', `there is a volume ${id}`);
      if (!this.#records.trash.has(trashId)) throw new PoolError('missing', `${trashId} is not in the trash any more`);
      await this.#move(this.#records.folder.trash(trashId), this.#records.folder.volume(id), ['trash', 'volumes']);
      this.#records.trash.delete(trashId);
      this.#records.volumes.set(id, found.volume);
      return found.volume;
    });
  }

  createSnapshot({ id, sourceId }: { readonly id: string; readonly sourceId: string }, freeze: Freeze): Promise<SnapshotRecord> {
    return this.#guarded([`snapshot ${id}`, sourceId], async () => {
      await this.#records.check('snapshots', id);
      const there = this.snapshot(id);
      if (there !== undefined) {
        if (there.sourceId !== sourceId) throw new PoolError('exists', `the snapshot ${id} is of ${there.sourceId}, not of ${sourceId}`);
        return there;
      }
      const source = await this.#volume(sourceId);
      return this.#room.with(await this.#allocated(sourceId), () => this.#makeSnapshot(id, source, freeze));
    });
  }

  removeSnapshot(id: string): Promise<void> {
    return this.#guarded([`snapshot ${id}`, id], async () => {
      await this.#records.check('snapshots', id);
      if (this.snapshot(id) === undefined) return;
      const work = this.#work(id);
      await this.#move(this.#records.folder.snapshot(id), work, ['snapshots', 'work']);
      this.#records.snapshots.delete(id);
      await this.#ground.removeFolder(work);
    });
  }

  async purge(what: 'old' | 'all'): Promise<void> {
    const before = this.#options.clock.now() - this.#options.trashMs;
    for (const { trashId, deletedMs } of this.trash()) if (what === 'all' || deletedMs <= before) await this.#purge(trashId);
    if (what === 'all') await this.#ground.settle();
  }

  space(): Promise<PoolSpace> {
    return this.#room.space();
  }

  async tight(): Promise<boolean> {
    const isUsedUp = async (): Promise<boolean> => (await this.#ground.space()).freeBytes < LEAST_FREE;
    if (!this.#isSharing() || !(await isUsedUp())) return this.#setTight(false);
    await this.purge('all');
    try {
      await this.#ground.ensure(2 * LEAST_FREE);
    } catch (thrown) {
      if (!(thrown instanceof PoolError) || thrown.code !== 'no-space') throw thrown;
    }
    return this.#setTight(await isUsedUp());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#purging?.[Symbol.dispose]();
    await this.#ground[Symbol.asyncDispose]();
  }

  /** Nothing that is allocated once and for all can use up the ground. */
  #isSharing(): boolean {
    return this.#tight || [...this.volumes(), ...this.snapshots()].some(({ sharedBytes }) => sharedBytes > 0);
  }

  async #setTight(tight: boolean): Promise<boolean> {
    if (tight !== this.#tight) await this.#ground.reserve(!tight);
    this.#tight = tight;
    return tight;
  }

  /** Wakes when the oldest deleted volume has lain long enough. */
  #armPurge(): void {
    this.#purging?.[Symbol.dispose]();
    const { clock, trashMs, log } = this.#options;
    const oldest = Math.min(...this.trash().map(({ deletedMs }) => deletedMs));
    if (!Number.isFinite(oldest)) return;
    this.#purging = clock.setTimer(oldest + trashMs - clock.now(), () => {
      this.purge('old').then(
        () => this.#armPurge(),
        (thrown: unknown) => log.warn('the trash can not be emptied', failure(thrown)),
      );
    });
  }

  async #make(request: CreateImage): Promise<VolumeRecord> {
    const folder = this.#work(request.id);
    const source = await this.#fill(folder, request);
    if (this.enforcesSize) await this.#extend(this.#content(folder), roundUp(request.sizeBytes));
    const record: VolumeRecord = {
      id: request.id,
      name: request.name,
      sizeBytes: request.sizeBytes,
      mode: request.mode,
      filesystem: source?.filesystem,
      from: request.from === undefined ? undefined : 'volumeId' in request.from ? { volumeId: request.from.volumeId } : request.from,
      claim: request.claim,
      createdMs: this.#options.clock.now(),
      sharedBytes: source?.sharedBytes ?? 0,
    };
    await Promise.all([this.#host.files.sync(this.#content(folder)), this.#records.writeVolume(folder, record), this.#records.markUnannounced(request.id)]);
    await this.#move(folder, this.#records.folder.volume(request.id), ['volumes']);
    this.#records.volumes.set(request.id, record);
    return record;
  }

  /** Makes the folder: empty, or a copy of the source, whose record is answered. */
  async #fill(
    folder: string,
    { from, mode }: CreateImage,
  ): Promise<{ readonly filesystem: VolumeRecord['filesystem']; readonly sharedBytes: number } | undefined> {
    if (from === undefined) {
      await this.#ground.makeFolder(folder);
      if (this.kind === 'directory') await this.#host.files.makeDirectory(this.#content(folder), { mode: 0o755 });
      return undefined;
    }
    const source = await this.#source(from);
    if (source.mode !== mode) throw new PoolError('unsupported', `${source.id} holds a ${source.mode} volume; a copy of it can't be a ${mode} volume`);
    const sourceFolder = 'volumeId' in from ? this.#records.folder.volume(source.id) : this.#records.folder.snapshot(source.id);
    const copy = (): Promise<void> => this.#ground.copyFolder(sourceFolder, folder);
    await ('freeze' in from ? from.freeze(copy) : copy());
    await this.#host.files.removeFile(join(folder, 'volume.json'));
    await this.#host.files.removeFile(join(folder, 'snapshot.json'));
    return { filesystem: source.filesystem, sharedBytes: await this.#shared(folder) };
  }

  async #makeSnapshot(id: string, source: VolumeRecord, freeze: Freeze): Promise<SnapshotRecord> {
    const folder = this.#work(id);
    await freeze(() => this.#ground.copyFolder(this.#records.folder.volume(source.id), folder));
    await this.#host.files.removeFile(join(folder, 'volume.json'));
    const record: SnapshotRecord = {
      id,
      sourceId: source.id,
      sizeBytes: source.sizeBytes,
      mode: source.mode,
      filesystem: source.filesystem,
      createdMs: this.#options.clock.now(),
      sharedBytes: await this.#shared(folder),
    };
    await Promise.all([this.#host.files.sync(this.#content(folder)), this.#records.writeSnapshot(folder, record)]);
    await this.#move(folder, this.#records.folder.snapshot(id), ['snapshots']);
    this.#records.snapshots.set(id, record);
    return record;
  }

  /** Every byte is allocated: a volume never learns of a full disk from an I/O error. */
  async #extend(image: string, bytes: number): Promise<void> {
    await this.#ground.ensure(bytes - ((await this.#host.files.stat(image))?.allocatedBytes ?? 0));
    await this.#host.files.allocate(image, 0, bytes);
  }

  async #update(record: VolumeRecord): Promise<VolumeRecord> {
    await this.#records.writeVolume(this.#records.folder.volume(record.id), record);
    this.#records.volumes.set(record.id, record);
    return record;
  }

  async #move(from: string, to: string, parents: readonly ('work' | 'volumes' | 'snapshots' | 'trash')[]): Promise<void> {
    try {
      await this.#host.files.rename(from, to);
    } catch (thrown) {
      // A helper that was killed may have done it before it could say so.
      if ((await this.#host.files.stat(from)) !== undefined || (await this.#host.files.stat(to)) === undefined) throw thrown;
    }
    await Promise.all(parents.map((kind) => this.#host.files.sync(this.#records.parent(kind))));
    await this.#ground.durable();
  }

  /** First out of the trash, so that half of a volume never comes back. */
  #purge(trashId: string): Promise<void> {
    return this.#lock.run(`trash ${trashId}`, async () => {
      if (!this.#records.trash.has(trashId)) return;
      const work = this.#work(trashId);
      await this.#move(this.#records.folder.trash(trashId), work, ['trash']);
      this.#records.trash.delete(trashId);
      await this.#ground.removeFolder(work);
    });
  }

  /** Whether there was anything to purge. */
  async #purgeOldest(): Promise<boolean> {
    const oldest = this.trash().reduce<TrashRecord | undefined>((a, b) => (a === undefined || b.deletedMs < a.deletedMs ? b : a), undefined);
    if (oldest === undefined) return false;
    await this.#purge(oldest.trashId);
    await this.#ground.settle();
    return true;
  }

  #work(name: string): string {
    return this.#records.folder.work(`${name}.${this.#workNumber++}`);
  }
  #content(folder: string): string {
    return join(folder, this.kind === 'directory' ? 'data' : 'image');
  }
  async #allocated(id: string): Promise<number> {
    return this.enforcesSize ? ((await this.#host.files.stat(this.path(id)))?.allocatedBytes ?? 0) : 0;
  }
  async #shared(folder: string): Promise<number> {
    return this.copying === 'full' ? 0 : ((await this.#host.files.stat(this.#content(folder)))?.allocatedBytes ?? 0);
  }
  #source(from: NonNullable<CreateImage['from']>): Promise<VolumeRecord | SnapshotRecord> {
    return 'volumeId' in from ? this.#volume(from.volumeId) : this.#snapshot(from.snapshotId);
  }
  async #volume(id: string): Promise<VolumeRecord> {
    await this.#records.check('volumes', id);
    const found = this.volume(id);
    if (found === undefined) throw new PoolError('missing', `there is no volume ${id}`);
    return found;
  }
  async #snapshot(id: string): Promise<SnapshotRecord> {
    await this.#records.check('snapshots', id);
    const found = this.snapshot(id);
    if (found === undefined) throw new PoolError('missing', `there is no snapshot ${id}`);
    return found;
  }

  async #guarded<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    try {
      return await this.#lock.runAll(keys, work);
    } catch (thrown) {
      if (thrown instanceof HostError)
        throw new PoolError(thrown.code === 'no-space' ? 'no-space' : thrown.code === 'busy' ? 'in-use' : 'failed', thrown.message, thrown);
      throw thrown;
    }
  }
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / IMAGE_STEP) * IMAGE_STEP;
}

function sameAs(there: VolumeRecord, { id, sizeBytes, mode, from }: CreateImage): VolumeRecord {
  const source = (of: VolumeRecord['from'] | CreateImage['from']): string =>
    of === undefined ? '' : 'volumeId' in of ? `volume ${of.volumeId}` : `snapshot ${of.snapshotId}`;
  if (there.sizeBytes === sizeBytes && there.mode === mode && source(there.from) === source(from)) return there;
  throw new PoolError('exists', `there is a volume ${id} of ${there.sizeBytes} bytes (${there.mode}) already`);
}
