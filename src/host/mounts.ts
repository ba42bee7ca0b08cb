import { basename, dirname, join } from 'node:path';
import { commandError } from './errno.ts';
import { type Files, type Host, HostError, type Mount, type MountRequest, type Mounts, type Propagation } from './host.ts';
import { mountsBelow, parseMountinfo } from './mountinfo.ts';

/** As bind-within.ts has it, done by the helper. */
type BindWithin = (root: string, path: string, target: string, make: boolean) => Promise<void>;

/** mount(8) and umount(8). Helpers such as mount.nfs are used; paths are never canonicalised behind our back. */
export class SystemMounts implements Mounts {
  readonly #run: Host['run'];
  readonly #files: Pick<Files, 'readText' | 'realPath'>;
  readonly #bindWithin: BindWithin;

  constructor(run: Host['run'], files: Pick<Files, 'readText' | 'realPath'>, bindWithin: BindWithin) {
    this.#run = run;
    this.#files = files;
    this.#bindWithin = bindWithin;
  }

  async list(): Promise<readonly Mount[]> {
    return parseMountinfo(await this.#files.readText('/proc/self/mountinfo', { maxBytes: 64 * 1024 * 1024 }));
  }

  async at(target: string): Promise<Mount | undefined> {
    const all = await this.list();
    const found = all.findLast((mount) => mount.target === target);
    if (found !== undefined) return found;
    const real = await this.#real(target);
    return real === target ? undefined : all.findLast((mount) => mount.target === real);
  }

  async below(path: string): Promise<readonly Mount[]> {
    const real = await this.#real(path);
    return mountsBelow(await this.list(), real);
  }

  async mount({ source, target, type, options = [] }: MountRequest): Promise<void> {
    await this.#command(
      'mount',
      [...(type === undefined ? [] : ['-t', type]), ...(options.length === 0 ? [] : ['-o', options.join(',')]), '--', source, target],
      120_000,
    );
  }

  async bind({
    source,
    target,
    readOnly,
    recursive,
    propagation,
  }: {
    readonly source: string;
    readonly target: string;
    readonly readOnly?: boolean;
    readonly recursive?: boolean;
    readonly propagation?: Propagation;
  }): Promise<void> {
    await this.#command('mount', ['--no-canonicalize', recursive === true ? '--rbind' : '--bind', '--', source, target]);
    try {
      if (propagation !== undefined) await this.setPropagation(target, propagation);
      if (readOnly === true) await this.remount(target, ['bind', 'ro']);
    } catch (thrown) {
      await this.unmount(target);
      throw thrown;
    }
  }

  bindWithin({ root, path, target, make }: Parameters<Mounts['bindWithin']>[0]): Promise<void> {
    return this.#bindWithin(root, path, target, make);
  }

  async remount(target: string, options: readonly string[]): Promise<void> {
    await this.#command('mount', ['-o', ['remount', ...options].join(','), '--', target]);
  }

  async setPropagation(target: string, propagation: Propagation): Promise<void> {
    await this.#command('mount', [`--make-${propagation}`, '--', target]);
  }

  async unmount(target: string, { lazy = false, timeoutMs = 60_000 }: { readonly lazy?: boolean; readonly timeoutMs?: number } = {}): Promise<void> {
    const args = ['--no-canonicalize', ...(lazy ? ['--lazy'] : []), '--', target];
    const { code, stderr } = await this.#run('umount', args, { timeoutMs });
    if (code === 0) return;
    // umount has one exit status for everything; the kernel's table says whether there was anything to do.
    if ((await this.at(target)) === undefined) return;
    throw commandError('umount', args, code, stderr);
  }

  /** As the kernel's table has it: links on the way resolved. Not the last part: what is mounted there may hang. */
  async #real(path: string): Promise<string> {
    if (path === '/') return path;
    try {
      return join(await this.#files.realPath(dirname(path)), basename(path));
    } catch (thrown) {
      if (thrown instanceof HostError && (thrown.code === 'missing' || thrown.code === 'not-directory')) return path;
      throw thrown;
    }
  }

  async #command(command: string, args: readonly string[], timeoutMs = 60_000): Promise<void> {
    const { code, stderr } = await this.#run(command, args, { timeoutMs });
    if (code !== 0) throw commandError(command, args, code, stderr);
  }
}

/** Refuses what would remove below a mount point (law 11). */
export async function refuseMountsBelow(mounts: Pick<Mounts, 'below'>, path: string): Promise<void> {
  const [first] = await mounts.below(path);
  if (first !== undefined) throw new HostError('busy', `${path} is not removed: ${first.target} is mounted`);
}
