import { commandError } from './errno.ts';
import { type Filesystems, type FilesystemType, type Host, HostError, type MakeFilesystem } from './host.ts';

/** The tools of e2fsprogs, xfsprogs, btrfs-progs and util-linux. */
export class SystemFilesystems implements Filesystems {
  readonly #run: Host['run'];

  constructor(run: Host['run']) {
    this.#run = run;
  }

  async make(path: string, options: MakeFilesystem): Promise<void> {
    if (options.force !== true) {
      const there = await this.probe(path);
      if (there !== undefined) throw new HostError('exists', `${path} holds a file system already: ${there.type} ${there.uuid}`);
    }
    await this.#command(`mkfs.${options.type}`, [...makeArguments(options), path], 600_000);
  }

  async probe(path: string): Promise<{ readonly type: string; readonly uuid: string; readonly label: string } | undefined> {
    const args = ['--probe', '--output', 'export', '--', path];
    const { code, stdout, stderr } = await this.#run('blkid', args, { timeoutMs: 30_000 });
    // 2: nothing recognised (or the path can't be read: then the caller's next step says so).
    if (code === 2) return undefined;
    if (code !== 0) throw commandError('blkid', args, code, stderr);
    const tags = new Map(stdout.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const));
    // Partitions and swap are somebody's too: a device that has them is not empty.
    const type = tags.get('TYPE') ?? (tags.has('PTTYPE') ? 'partitions' : undefined);
    return type === undefined ? undefined : { type, uuid: tags.get('UUID') ?? '', label: tags.get('LABEL') ?? '' };
  }

  async grow({ type, device, mountedAt }: { readonly type: FilesystemType; readonly device: string; readonly mountedAt?: string }): Promise<void> {
    if (type === 'ext4') await this.#command('resize2fs', [device], 600_000);
    else if (type === 'xfs') await this.#command('xfs_growfs', ['-d', mountedAt ?? device], 600_000);
    else await this.#command('btrfs', ['filesystem', 'resize', 'max', mountedAt ?? device], 600_000);
  }

  async newUuid(device: string, type: FilesystemType): Promise<void> {
    if (type === 'ext4') await this.#command('tune2fs', ['-f', '-U', 'random', device]);
    else if (type === 'xfs') await this.#command('xfs_admin', ['-U', 'generate', device]);
    else await this.#command('btrfstune', ['-f', '-m', device]);
  }

  async check(device: string, type: FilesystemType): Promise<void> {
    if (type !== 'ext4') return;
    const args = ['-f', '-p', device];
    const { code, stdout, stderr } = await this.#run('e2fsck', args, { timeoutMs: 600_000 });
    // 1: errors were corrected.
    if (code > 1) throw commandError('e2fsck', args, code, `${stderr}${stdout}`);
  }

  async freeze(mountpoint: string): Promise<void> {
    await this.#command('fsfreeze', ['--freeze', mountpoint]);
  }

  async thaw(mountpoint: string): Promise<void> {
    const args = ['--unfreeze', mountpoint];
    const { code, stderr } = await this.#run('fsfreeze', args, { timeoutMs: 60_000 });
    // EINVAL: it is not frozen.
    if (code !== 0 && !/invalid argument/i.test(stderr)) throw commandError('fsfreeze', args, code, stderr);
  }

  async #command(command: string, args: readonly string[], timeoutMs = 60_000): Promise<void> {
    const { code, stdout, stderr } = await this.#run(command, args, { timeoutMs });
    if (code !== 0) throw commandError(command, args, code, stderr === '' ? stdout : stderr);
  }
}

function makeArguments({ type, label, uuid, extra = [] }: MakeFilesystem): readonly string[] {
  const id = uuid === undefined ? [] : type === 'xfs' ? ['-m', `uuid=${uuid}`] : ['-U', uuid];
  // Without it mkfs may ask; what it would ask about has been looked at.
  return ['-q', type === 'ext4' ? '-F' : '-f', ...(label === undefined ? [] : ['-L', label]), ...id, ...extra];
}
