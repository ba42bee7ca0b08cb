import { type Capabilities, type Files, type FilesystemType, HostError, type Mounts } from './host.ts';

/** Bits of CapEff that somebody asks about, linux/capability.h. */
const BITS: Readonly<Record<string, number>> = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_FOWNER: 3,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_SYS_MODULE: 16,
  CAP_SYS_CHROOT: 18,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_SYS_RESOURCE: 24,
  CAP_MKNOD: 27,
};

const DIRECTORIES = ['/usr/sbin', '/sbin', '/usr/bin', '/bin', '/usr/local/sbin', '/usr/local/bin'];

export async function findCapabilities(files: Files, mounts: Pick<Mounts, 'list'>): Promise<Capabilities> {
  const status = await files.readText('/proc/self/status');
  const uid = /^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1];
  const mask = BigInt(`0x${/^CapEff:\s+([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  const effective = Object.entries(BITS).flatMap(([name, bit]) => ((mask >> BigInt(bit)) & 1n ? [name] : []));
  const table = await mounts.list();
  return {
    root: uid === '0',
    effective,
    kernel: (await files.readText('/proc/sys/kernel/osrelease')).trim(),
    bootId: (await files.readText('/proc/sys/kernel/random/boot_id')).trim(),
    loopDevices: effective.includes('CAP_SYS_ADMIN') && (await files.stat('/dev/loop-control')) !== undefined,
    sysResource: effective.includes('CAP_SYS_RESOURCE'),
    filesystems: await usableFilesystems(files),
    sharedRoot: table.findLast(({ target }) => target === '/')?.propagation === 'shared',
  };
}

async function usableFilesystems(files: Files): Promise<readonly FilesystemType[]> {
  const known = (await files.readText('/proc/filesystems')).split('\n').map((line) => line.split('\t')[1]);
  const usable: FilesystemType[] = [];
  for (const type of ['ext4', 'xfs', 'btrfs'] as const) if (known.includes(type) && (await hasCommand(files, `mkfs.${type}`))) usable.push(type);
  return usable;
}

async function hasCommand(files: Files, command: string): Promise<boolean> {
  for (const directory of DIRECTORIES) {
    try {
      if ((await files.stat(`${directory}/${command}`, { follow: true })) !== undefined) return true;
    } catch (thrown) {
      if (!(thrown instanceof HostError) || thrown.code !== 'not-permitted') throw thrown;
    }
  }
  return false;
}
