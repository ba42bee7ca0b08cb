import { CsiError, type NodePublish, type NodeStage, type VolumeStats } from '../../csi/driver.ts';
import type { FilesystemType, Host, LoopDevice } from '../../host/host.ts';
import { formatArguments, mountOptions } from '../pool/inner-filesystem.ts';
import { KeyedLock } from '../../base/keyed-lock.ts';
import type { Pool, VolumeRecord } from '../pool/pool.ts';
import type { Attachments } from './attachments.ts';
import { wantedFilesystem } from './requests.ts';

/** The node's part of the driver: format on first use, attach, mount, bind, grow. One call at a time for each volume. */
export class NodeService {
  readonly #host: Host;
  readonly #pool: Pool;
  readonly #attachments: Attachments;
  readonly #lock = new KeyedLock();

  constructor(host: Host, pool: Pool, attachments: Attachments) {
    this.#host = host;
    this.#pool = pool;
    this.#attachments = attachments;
  }

  /** While nothing of the volume is staged, published or grown: a deletion does not take the device from under a mount that is being made. */
  alone<T>(volumeId: string, work: () => Promise<T>): Promise<T> {
    return this.#lock.run(volumeId, work);
  }

  stage(given: VolumeRecord, { stagingPath, capability }: NodeStage): Promise<void> {
    return this.#lock.run(given.id, async () => {
      const volume = this.#fresh(given);
      if (volume.mode !== capability.as.type) throw new CsiError('invalid-argument', `${volume.id} is a ${volume.mode} volume`);
      if (!this.#pool.enforcesSize) return this.#stageDirectory(volume, stagingPath);
      if (capability.as.type === 'block') {
        await this.#attachments.attach(volume.id);
        return;
      }
      if (await this.#isStaged(volume, stagingPath)) return this.#finishGrowth(volume);
      const type = await this.#formatted(volume, wantedFilesystem([capability], this.#pool.filesystem));
      const { device } = await this.#attachments.attach(volume.id);
      await this.#mount(volume, type, device, stagingPath, capability.as.mountFlags);
    });
  }

  unstage(volumeId: string, stagingPath: string): Promise<void> {
    return this.#lock.run(volumeId, async () => {
      await this.#attachments.unmount(volumeId, stagingPath);
      if (!this.#pool.enforcesSize) return;
      if ((await this.#attachments.mounts(volumeId)).length === 0) await this.#attachments.detach(volumeId);
    });
  }

  publish(given: VolumeRecord, { stagingPath, targetPath, readOnly, capability }: NodePublish): Promise<void> {
    return this.#lock.run(given.id, async () => {
      const volume = this.#fresh(given);
      if (volume.mode !== capability.as.type) throw new CsiError('invalid-argument', `${volume.id} is a ${volume.mode} volume`);
      if ((await this.#host.mounts.at(targetPath)) !== undefined) return;
      const isReadOnly = readOnly || capability.access.endsWith('reader-only');
      if (volume.mode === 'block') return this.#publishDevice(volume, targetPath);
      if ((await this.#host.mounts.at(stagingPath)) === undefined) throw new CsiError('failed-precondition', `${volume.id} is not staged at ${stagingPath}`);
      await this.#host.files.makeDirectory(targetPath, { mode: 0o750 });
      await this.#host.mounts.bind({ source: stagingPath, target: targetPath, readOnly: isReadOnly });
    });
  }

  unpublish(volumeId: string, targetPath: string): Promise<void> {
    return this.#lock.run(volumeId, async () => {
      await this.#host.mounts.unmount(targetPath);
      const left = await this.#host.files.stat(targetPath);
      if (left === undefined) return;
      await (left.type === 'directory' ? this.#host.files.removeDirectory(targetPath) : this.#host.files.removeFile(targetPath));
    });
  }

  expand(given: VolumeRecord, requiredBytes: number): Promise<{ readonly capacityBytes: number }> {
    return this.#lock.run(given.id, async () => {
      const volume = this.#fresh(given);
      if (requiredBytes > volume.sizeBytes) throw new CsiError('out-of-range', `${volume.id} has ${volume.sizeBytes} bytes; expand it first`);
      const attached = await this.#attachments.device(volume.id);
      if (attached === undefined || !this.#pool.enforcesSize) return { capacityBytes: volume.sizeBytes };
      await this.#host.loops.refresh(attached.device);
      if (volume.mode === 'mount') await this.#growMounted(volume, attached);
      return { capacityBytes: volume.sizeBytes };
    });
  }

  /**
   * Controller and node are one machine here: a volume in use grows at once. False when it is not in use, or can't grow while it is
   * (then it grows when it is next staged).
   */
  growInUse(given: VolumeRecord): Promise<boolean> {
    return this.#lock.run(given.id, async () => {
      const volume = this.#fresh(given);
      const attached = await this.#attachments.device(volume.id);
      if (attached === undefined) return false;
      await this.#host.loops.refresh(attached.device);
      if (volume.mode === 'block') return true;
      if (volume.filesystem === undefined || !this.#pool.growsOnline(volume.filesystem.type)) return false;
      await this.#growMounted(volume, attached);
      return this.#fresh(given).filesystem?.bytes === volume.sizeBytes;
    });
  }

  async stats(volume: VolumeRecord, path: string): Promise<VolumeStats> {
    if (volume.mode === 'block') return { totalBytes: volume.sizeBytes, usedBytes: 0, availableBytes: 0, totalInodes: 0, usedInodes: 0, freeInodes: 0 };
    if ((await this.#host.mounts.at(path)) === undefined) throw new CsiError('not-found', `${volume.id} is not mounted at ${path}`);
    const s = await this.#host.files.statfs(path);
    return {
      totalBytes: s.totalBytes,
      usedBytes: s.totalBytes - s.freeBytes,
      availableBytes: s.availableBytes,
      totalInodes: s.totalInodes,
      usedInodes: s.totalInodes - s.freeInodes,
      freeInodes: s.freeInodes,
    };
  }

  /**
   * Formats once. The record says so durably afterwards: an image that was formatted and shows nothing is an error, never a reason
   * to format it again.
   */
  async #formatted(volume: VolumeRecord, wanted: FilesystemType): Promise<FilesystemType> {
    if (volume.filesystem !== undefined) return volume.filesystem.type;
    const image = this.#pool.path(volume.id);
    // Not yet said to be formatted: nothing was ever mounted, whatever a killed mkfs left.
    await this.#attachments.detach(volume.id);
    await this.#host.filesystems.make(image, { type: wanted, force: true, extra: formatArguments(wanted, volume.sizeBytes) });
    await this.#pool.formatted(volume.id, { type: wanted, bytes: volume.sizeBytes });
    return wanted;
  }

  async #mount(volume: VolumeRecord, type: FilesystemType, device: string, stagingPath: string, flags: readonly string[]): Promise<void> {
    const pending = (this.#pool.volume(volume.id)?.filesystem?.bytes ?? 0) < volume.sizeBytes;
    if (pending && !this.#pool.growsOnline(type)) {
      await this.#host.loops.refresh(device);
      await this.#host.filesystems.check(device, type);
      await this.#host.filesystems.grow({ type, device });
      await this.#pool.formatted(volume.id, { type, bytes: volume.sizeBytes });
    }
    await this.#host.files.makeDirectory(stagingPath, { mode: 0o750 });
    await this.#host.mounts.mount({ source: device, target: stagingPath, type, options: [...mountOptions(type), ...flags] });
    if (pending && this.#pool.growsOnline(type)) await this.#grow(volume, type, device, stagingPath);
  }

  /** Something else mounted there is an error, not ours to unmount. */
  async #isStaged(volume: VolumeRecord, stagingPath: string): Promise<boolean> {
    const there = await this.#host.mounts.at(stagingPath);
    if (there === undefined) return false;
    if ((await this.#attachments.mounts(volume.id)).some(({ id }) => id === there.id)) return true;
    throw new CsiError('failed-precondition', `${there.source} is mounted at ${stagingPath}, which is to hold ${volume.id}`);
  }

  /** A stage that was killed between mounting and growing is ended here. */
  async #finishGrowth(volume: VolumeRecord): Promise<void> {
    const attached = await this.#attachments.device(volume.id);
    if (attached !== undefined && volume.filesystem !== undefined && this.#pool.growsOnline(volume.filesystem.type)) await this.#growMounted(volume, attached);
  }

  async #growMounted(volume: VolumeRecord, { device }: LoopDevice): Promise<void> {
    const type = volume.filesystem?.type;
    const mount = (await this.#attachments.mounts(volume.id))[0];
    if (type === undefined || mount === undefined || volume.filesystem?.bytes === volume.sizeBytes) return;
    if (!this.#pool.growsOnline(type))
      throw new CsiError(
        'failed-precondition',
        `${type} can't grow here while it is mounted (CAP_SYS_RESOURCE is missing): it grows when its pod starts again`,
      );
    await this.#grow(volume, type, device, mount.target);
  }

  async #grow(volume: VolumeRecord, type: FilesystemType, device: string, mountedAt: string): Promise<void> {
    await this.#host.loops.refresh(device);
    await this.#host.filesystems.grow({ type, device, mountedAt });
    await this.#pool.formatted(volume.id, { type, bytes: volume.sizeBytes });
  }

  async #publishDevice(volume: VolumeRecord, targetPath: string): Promise<void> {
    const attached = await this.#attachments.device(volume.id);
    if (attached === undefined) throw new CsiError('failed-precondition', `${volume.id} is not staged`);
    if ((await this.#host.files.stat(targetPath)) === undefined) await this.#host.files.writeFileAtomic(targetPath, '', { mode: 0o660 });
    await this.#host.mounts.bind({ source: attached.device, target: targetPath });
  }

  /** As it is now that the lock is held. */
  #fresh(given: VolumeRecord): VolumeRecord {
    const volume = this.#pool.volume(given.id);
    if (volume === undefined) throw new CsiError('not-found', `the volume ${given.id} was deleted meanwhile`);
    return volume;
  }

  async #stageDirectory(volume: VolumeRecord, stagingPath: string): Promise<void> {
    if (volume.mode === 'block') throw new CsiError('invalid-argument', 'a directory pool has no block devices');
    if ((await this.#host.mounts.at(stagingPath)) !== undefined) return;
    await this.#host.files.makeDirectory(stagingPath, { mode: 0o750 });
    await this.#host.mounts.bind({ source: this.#pool.path(volume.id), target: stagingPath });
  }
}
