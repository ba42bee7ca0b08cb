import type { Capabilities, FilesystemType } from '../../host/host.ts';

/**
 * What a volume is formatted with: ext4 where it may grow while mounted (that needs CAP_SYS_RESOURCE), else xfs, else
 * ext4, which then grows only when it is next staged.
 */
export function chooseFilesystem({ sysResource, filesystems }: Pick<Capabilities, 'sysResource' | 'filesystems'>): FilesystemType {
  if (sysResource && filesystems.includes('ext4')) return 'ext4';
  if (filesystems.includes('xfs')) return 'xfs';
  return filesystems.includes('ext4') || !filesystems.includes('btrfs') ? 'ext4' : 'btrfs';
}

/** Under this, mkfs.xfs must be told that we mean it. */
const SMALL_XFS = 300 * 1024 * 1024;

/** The smallest image that can hold a file system of this type and a little more. */
export function minimumBytes(type: FilesystemType): number {
  return type === 'ext4' ? 1024 * 1024 : 16 * 1024 * 1024;
}

/** No discard: it would punch the reserve out of the image. ext4 writes its tables later; nothing is kept for root. */
export function formatArguments(type: FilesystemType, bytes: number): readonly string[] {
  if (type === 'ext4') return ['-m', '0', '-E', 'nodiscard,lazy_itable_init=1,lazy_journal_init=1'];
  if (type === 'xfs') return ['-K', ...(bytes < SMALL_XFS ? ['--unsupported'] : [])];
  return ['--nodiscard', ...(bytes < SMALL_XFS ? ['--mixed'] : [])];
}

/** Clones share an id with their source, which xfs refuses to mount beside it unless told. */
export function mountOptions(type: FilesystemType): readonly string[] {
  return type === 'xfs' ? ['nouuid'] : [];
}
