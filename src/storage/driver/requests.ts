import { type CsiAccessMode, CsiError, type StringMap, type VolumeCapability } from '../../csi/driver.ts';
import type { FilesystemType } from '../../host/host.ts';

/** An id is a directory's name in the pool. */
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

export function checkId(name: string): void {
  if (!ID.test(name))
    throw new CsiError('invalid-argument', `${JSON.stringify(name)} can't name a volume or snapshot: letters, digits, '.', '_' and '-', at most 128`);
}

/** Metadata that provisioners add, whoever they are. */
const METADATA = 'csi.storage.k8s.io/';

export function checkParameters(parameters: StringMap): void {
  const unknown = Object.keys(parameters).filter((key) => !key.startsWith(METADATA));
  if (unknown.length > 0) throw new CsiError('invalid-argument', `unknown parameters: ${unknown.join(', ')}`);
}

const ONE_NODE: readonly CsiAccessMode[] = ['single-node-writer', 'single-node-reader-only', 'single-node-single-writer', 'single-node-multi-writer'];

/** A pool is one node's: writers on several can't share it. Many readers can, once a copy gave it contents. */
export function checkCapabilities(capabilities: readonly VolumeCapability[], isCopy: boolean): void {
  if (capabilities.length === 0) throw new CsiError('invalid-argument', 'no volume capability was asked for');
  for (const { access, as } of capabilities) {
    if (!ONE_NODE.includes(access) && !(access === 'multi-node-reader-only' && isCopy)) {
      throw new CsiError(
        'invalid-argument',
        `a volume of a pool can't be ${access}: it gives ReadWriteOnce and ReadWriteOncePod, and ReadOnlyMany to a copy of a snapshot or volume`,
      );
    }
    if (as.type === 'mount' && as.fsType !== '' && !isFilesystem(as.fsType))
      throw new CsiError('invalid-argument', `the file system ${JSON.stringify(as.fsType)} is not known: ext4, xfs or btrfs`);
  }
}

export function modeOf(capabilities: readonly VolumeCapability[]): 'mount' | 'block' {
  const types = new Set(capabilities.map(({ as }) => as.type));
  if (types.size > 1) throw new CsiError('invalid-argument', 'a volume is either mounted or a block device');
  return types.has('block') ? 'block' : 'mount';
}

export function wantedFilesystem(capabilities: readonly VolumeCapability[], otherwise: FilesystemType): FilesystemType {
  for (const { as } of capabilities) if (as.type === 'mount' && isFilesystem(as.fsType)) return as.fsType;
  return otherwise;
}

function isFilesystem(type: string): type is FilesystemType {
  return type === 'ext4' || type === 'xfs' || type === 'btrfs';
}
