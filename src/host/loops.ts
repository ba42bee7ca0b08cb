import { commandError } from './errno.ts';
import { type AttachLoop, type Files, type Host, HostError, type LoopDevice, type Loops } from './host.ts';

/** losetup(8) for changes, /sys/block for what is there. */
export class SystemLoops implements Loops {
  readonly #run: Host['run'];
  readonly #files: Pick<Files, 'readText' | 'readDirectory' | 'stat' | 'write'>;

  constructor(run: Host['run'], files: Pick<Files, 'readText' | 'readDirectory' | 'stat' | 'write'>) {
    this.#run = run;
    this.#files = files;
  }

  async attach(file: string, { readOnly = false, directIo = false, keepAllocated = false }: AttachLoop = {}): Promise<LoopDevice> {
    const device = await this.#attachOnce(file, readOnly, directIo);
    if (keepAllocated) await this.#refuseDiscards(device.slice('/dev/'.length));
    const found = await this.#describe(device.slice('/dev/'.length));
    if (found === undefined) throw new HostError('no-device', `${device} was let go at once`);
    return found;
  }

  async detach(device: string, file: string): Promise<void> {
    const found = await this.#describe(device.slice('/dev/'.length));
    if (found === undefined || found.file !== file) return;
    const { code, stderr } = await this.#run('losetup', ['--detach', device]);
    if (code !== 0 && (await this.#describe(device.slice('/dev/'.length)))?.file === file) throw commandError('losetup', ['--detach', device], code, stderr);
  }

  async list(): Promise<readonly LoopDevice[]> {
    const names = (await this.#files.readDirectory('/sys/block')).map(({ name }) => name).filter((name) => /^loop\d+$/.test(name));
    const found = await Promise.all(names.map((name) => this.#describe(name)));
    return found.filter((device) => device !== undefined);
  }

  async find(file: string): Promise<readonly LoopDevice[]> {
    return (await this.list()).filter((device) => device.file === file && !device.deleted);
  }

  async refresh(device: string): Promise<void> {
    const { code, stderr } = await this.#run('losetup', ['--set-capacity', device]);
    if (code !== 0) throw commandError('losetup', ['--set-capacity', device], code, stderr);
  }

  async #attachOnce(file: string, readOnly: boolean, directIo: boolean): Promise<string> {
    const args = ['--find', '--show', ...(readOnly ? ['--read-only'] : []), ...(directIo ? ['--direct-io=on'] : []), '--', file];
    const { code, stdout, stderr } = await this.#run('losetup', args);
    if (code === 0) return stdout.trim();
    if ((await this.#files.stat(file)) === undefined) throw new HostError('missing', `${file} does not exist`);
    // Where the file system has no direct I/O, losetup fails as a whole (util-linux 2.38).
    if (directIo) return this.#attachOnce(file, readOnly, false);
    const error = commandError('losetup', args, code, stderr);
    throw error.code === 'missing' ? new HostError('no-device', error.message) : error;
  }

  /** The kernel keeps this for whoever gets the device next, and takes it back from nobody (seen on 6.18): they go without discards. */
  async #refuseDiscards(name: string): Promise<void> {
    try {
      await this.#files.write(`/sys/block/${name}/queue/discard_max_bytes`, '0');
    } catch (thrown) {
      // Where /sys is read-only (some containers) nobody in it can be refused; a file system that is mounted without discard sends none.
      if (!(thrown instanceof HostError) || !['read-only', 'not-permitted', 'missing'].includes(thrown.code)) throw thrown;
    }
  }

  async #describe(name: string): Promise<LoopDevice | undefined> {
    const backing = await this.#attribute(name, 'loop/backing_file');
    if (backing === undefined || backing === '') return undefined;
    const deleted = backing.endsWith(' (deleted)');
    return {
      device: `/dev/${name}`,
      file: deleted ? backing.slice(0, -' (deleted)'.length) : backing,
      deleted,
      readOnly: (await this.#attribute(name, 'ro')) === '1',
      directIo: (await this.#attribute(name, 'loop/dio')) === '1',
    };
  }

  async #attribute(name: string, attribute: string): Promise<string | undefined> {
    try {
      return (await this.#files.readText(`/sys/block/${name}/${attribute}`)).trimEnd();
    } catch (thrown) {
      // Not attached, or let go between listing and reading.
      if (thrown instanceof HostError && (thrown.code === 'missing' || thrown.code === 'no-device')) return undefined;
      throw thrown;
    }
  }
}
