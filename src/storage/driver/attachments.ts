import { KeyedLock } from '../../base/keyed-lock.ts';
import { CsiError } from '../../csi/driver.ts';
import type { Host, LoopDevice, Mount } from '../../host/host.ts';
import type { Freeze, Pool } from '../pool/pool.ts';

/** Which loop devices and mounts belong to which volume. Read from the kernel each time: nothing to forget, nothing to adopt. */
export class Attachments {
  readonly #host: Host;
  readonly #pool: Pool;
  /** By volume: freezing with all that is done meanwhile, and unmounting. */
  readonly #quiet = new KeyedLock();

  constructor(host: Host, pool: Pool) {
    this.#host = host;
    this.#pool = pool;
  }

  async device(volumeId: string): Promise<LoopDevice | undefined> {
    return (await this.#host.loops.find(this.#pool.path(volumeId)))[0];
  }

  async attach(volumeId: string): Promise<LoopDevice> {
    return (await this.device(volumeId)) ?? (await this.#host.loops.attach(this.#pool.path(volumeId), { directIo: true, keepAllocated: true }));
  }

  /** Lets the devices go once nothing uses them any more. */
  async detach(volumeId: string): Promise<void> {
    const file = this.#pool.path(volumeId);
    for (const { device } of await this.#host.loops.find(file)) await this.#host.loops.detach(device, file);
  }

  /** Where the volume is mounted: its staging place and its bind mounts alike. */
  async mounts(volumeId: string): Promise<readonly Mount[]> {
    const all = await this.#host.mounts.list();
    if (!this.#pool.enforcesSize) return all.filter(({ root }) => root.endsWith(this.#directoryTail(volumeId)));
    const devices = (await this.#host.loops.find(this.#pool.path(volumeId))).map(({ device }) => device);
    return all.filter(({ source, type, root }) => devices.includes(source) || (type === 'devtmpfs' && devices.includes(`/dev${root}`)));
  }

  async refuseInUse(volumeId: string): Promise<void> {
    const [mount] = await this.mounts(volumeId);
    if (mount !== undefined) throw new CsiError('failed-precondition', `the volume ${volumeId} is in use: mounted at ${mount.target}`);
    // A stage that was killed half-way leaves a device without a mount.
    if (this.#pool.enforcesSize) await this.detach(volumeId);
  }

  /** Runs work while the volume's file system, if it is mounted, takes no writes and has none under way. */
  freezer(volumeId: string): Freeze {
    return (work) =>
      this.#quiet.run(volumeId, async () => {
        const mountpoint = this.#pool.enforcesSize ? (await this.mounts(volumeId)).find(({ type }) => type !== 'devtmpfs')?.target : undefined;
        if (mountpoint === undefined) return work();
        await this.#host.filesystems.freeze(mountpoint);
        try {
          return await work();
        } finally {
          await this.#host.filesystems.thaw(mountpoint);
        }
      });
  }

  /**
   * The last mount of a volume. One that is frozen would stay so in the kernel after it, where nobody can thaw it, and hold its device: it
   * is waited for until a copy has been taken, and what a guard has frozen is thawed.
   */
  async unmount(volumeId: string, stagingPath: string): Promise<void> {
    await this.#quiet.run(volumeId, async () => {
      const there = this.#pool.enforcesSize ? await this.#host.mounts.at(stagingPath) : undefined;
      if (there !== undefined) await this.#host.filesystems.thaw(stagingPath);
      await this.#host.mounts.unmount(stagingPath);
    });
  }

  async thawAll(): Promise<void> {
    if (!this.#pool.enforcesSize) return;
    const ours = new Set([...this.#pool.volumes(), ...this.#pool.damaged()].map(({ id }) => this.#pool.path(id)));
    const devices = (await this.#host.loops.list()).filter(({ file }) => ours.has(file)).map(({ device }) => device);
    const mounted = (await this.#host.mounts.list()).filter(({ source, type }) => type !== 'devtmpfs' && devices.includes(source));
    for (const device of devices) {
      const mount = mounted.find(({ source }) => source === device);
      if (mount !== undefined) await this.#host.filesystems.thaw(mount.target);
    }
  }

  /** A bind mount of a directory shows the directory below its file system's root, not below ours. */
  #directoryTail(volumeId: string): string {
    return `/volumes/${volumeId}/data`;
  }
}
