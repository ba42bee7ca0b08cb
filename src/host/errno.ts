import { HostError, type HostErrorCode } from './host.ts';

const CODES: Readonly<Record<string, HostErrorCode>> = {
  ENOENT: 'missing',
  ENOTDIR: 'not-directory',
  EEXIST: 'exists',
  ENOTEMPTY: 'not-empty',
  EBUSY: 'busy',
  ETXTBSY: 'busy',
  ENOSPC: 'no-space',
  EDQUOT: 'no-space',
  EPERM: 'not-permitted',
  EACCES: 'not-permitted',
  EROFS: 'read-only',
  ENOTSUP: 'unsupported',
  EOPNOTSUPP: 'unsupported',
  ENOSYS: 'unsupported',
  EFBIG: 'too-large',
  ENXIO: 'no-device',
  ENODEV: 'no-device',
  EIO: 'input-output',
  EUCLEAN: 'input-output',
  ETIMEDOUT: 'timeout',
  EXDEV: 'cross-device',
};

/** Node's system errors, once, at the boundary. */
export function hostError(thrown: unknown): HostError {
  if (thrown instanceof HostError) return thrown;
  if (!(thrown instanceof Error)) return new HostError('failed', String(thrown));
  const errno = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
  return new HostError(CODES[errno] ?? 'failed', thrown.message, thrown);
}

/** Words of util-linux, e2fsprogs, xfsprogs and btrfs-progs under LC_ALL=C, which have no exit codes of their own for these. */
const WORDS: readonly (readonly [RegExp, HostErrorCode])[] = [
  [/target is busy|device or resource busy|already mounted|Device busy/i, 'busy'],
  [/no space left on device|disk quota exceeded/i, 'no-space'],
  [/cannot find an unused loop device|could not find any free loop device|failed to set up loop device: No such device/i, 'no-device'],
  [/operation not permitted|permission denied|must be superuser|not permitted/i, 'not-permitted'],
  [/read-only file system/i, 'read-only'],
  [/input\/output error|structure needs cleaning|bad superblock|can't read superblock|corrupt/i, 'input-output'],
  [/operation not supported|unknown filesystem type|inappropriate ioctl|function not implemented/i, 'unsupported'],
  [/no such file or directory|does not exist|mount point does not exist/i, 'missing'],
  [/appears to contain|already contains|contains a .* file system/i, 'exists'],
  [/file exists/i, 'exists'],
  [/file too large/i, 'too-large'],
  [/invalid cross-device link/i, 'cross-device'],
];

/** What a failed command of ours meant. */
export function commandError(command: string, args: readonly string[], code: number, stderr: string): HostError {
  const said = stderr.trim().slice(0, 2000);
  const found = WORDS.find(([words]) => words.test(said));
  return new HostError(found === undefined ? 'failed' : found[1], `${command} ${args.join(' ')}: exit status ${code}${said === '' ? '' : `: ${said}`}`);
}
