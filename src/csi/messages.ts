import type { ControllerCapability, CsiAccessMode, CsiSnapshot, CsiVolume, NodeCapability, VolumeCapability, VolumeStats } from './driver.ts';
import type {
  ControllerServiceCapabilityRPCType,
  NodeServiceCapabilityRPCType,
  Snapshot,
  Volume,
  VolumeCapabilityInput,
  VolumeUsage,
} from './gen/csi.types.ts';

/** Between CSI's messages and plain values: `SINGLE_NODE_WRITER` is `single-node-writer`. */
type EnumWord<T extends string> = Uppercase<T> extends infer U ? (U extends string ? Replace<U> : never) : never;
type Replace<T extends string> = T extends `${infer A}-${infer B}` ? `${A}_${Replace<B>}` : T;

export function enumOf<T extends string>(word: T): EnumWord<T> {
  return word.replaceAll('-', '_').toUpperCase() as EnumWord<T>;
}

function wordOf(value: string): string {
  return value.replaceAll('_', '-').toLowerCase();
}

export function capabilityMessage({ access, as }: VolumeCapability): VolumeCapabilityInput {
  const access_mode = { mode: enumOf(access) };
  if (as.type === 'block') return { access_mode, block: {} };
  return { access_mode, mount: { fs_type: as.fsType, mount_flags: as.mountFlags, volume_mount_group: as.mountGroup ?? '' } };
}

/** Undefined when the message does not say enough. */
export function capabilityValue(message: VolumeCapabilityInput | null | undefined): VolumeCapability | undefined {
  const mode = message?.access_mode?.mode;
  if (message === null || message === undefined || mode === undefined || mode === 'UNKNOWN') return undefined;
  const access = wordOf(mode) as CsiAccessMode;
  if (message.block !== undefined && message.block !== null) return { access, as: { type: 'block' } };
  const { fs_type = '', mount_flags = [], volume_mount_group = '' } = message.mount ?? {};
  return { access, as: { type: 'mount', fsType: fs_type, mountFlags: mount_flags, ...(volume_mount_group === '' ? {} : { mountGroup: volume_mount_group }) } };
}

export function volumeValue({ volume_id, capacity_bytes, volume_context, accessible_topology }: Volume): CsiVolume {
  return { volumeId: volume_id, capacityBytes: capacity_bytes, context: volume_context, topology: accessible_topology.map(({ segments }) => segments) };
}

export function snapshotValue({ snapshot_id, source_volume_id, size_bytes, creation_time, ready_to_use }: Snapshot): CsiSnapshot {
  const createdAtMs = (creation_time?.seconds ?? 0) * 1000 + Math.floor((creation_time?.nanos ?? 0) / 1e6);
  return { snapshotId: snapshot_id, sourceVolumeId: source_volume_id, sizeBytes: size_bytes, createdAtMs, ready: ready_to_use };
}

export function statsValue(usage: readonly VolumeUsage[]): VolumeStats {
  const of = (unit: VolumeUsage['unit']): VolumeUsage | undefined => usage.find((each) => each.unit === unit);
  const bytes = of('BYTES');
  const inodes = of('INODES');
  return {
    totalBytes: bytes?.total ?? 0,
    usedBytes: bytes?.used ?? 0,
    availableBytes: bytes?.available ?? 0,
    totalInodes: inodes?.total ?? 0,
    usedInodes: inodes?.used ?? 0,
    freeInodes: inodes?.available ?? 0,
  };
}

const CONTROLLER: readonly ControllerCapability[] = [
  'create-delete-volume',
  'publish-unpublish-volume',
  'create-delete-snapshot',
  'clone-volume',
  'expand-volume',
  'get-capacity',
  'publish-readonly',
  'single-node-multi-writer',
  'modify-volume',
];
const NODE: readonly NodeCapability[] = [
  'stage-unstage-volume',
  'get-volume-stats',
  'expand-volume',
  'single-node-multi-writer',
  'volume-mount-group',
  'volume-condition',
];

/** What nothing here uses is left out. */
export function controllerCapability(type: ControllerServiceCapabilityRPCType | undefined): readonly ControllerCapability[] {
  return CONTROLLER.filter((known) => enumOf(known) === type);
}
export function nodeCapability(type: NodeServiceCapabilityRPCType | undefined): readonly NodeCapability[] {
  return NODE.filter((known) => enumOf(known) === type);
}
