import type { PersistentVolume, Pod } from '../../api/gen/types/core.v1.ts';
import type { CSIDriver, VolumeAttachment } from '../../api/gen/types/storage.v1.ts';

/** One volume at one node. */
export interface Attachment {
  readonly driver: string;
  readonly handle: string;
  readonly volumeName: string;
  readonly node: string;
}

export interface AttachSnapshot {
  readonly volume: PersistentVolume;
  /** Undefined: the driver has no object, and then it wants attaching. */
  readonly driver: CSIDriver | undefined;
  /** Pods that use the volume's claim and have a node. */
  readonly pods: readonly Pod[];
  /** All that name this volume. */
  readonly attachments: readonly VolumeAttachment[];
  /** Whether a node still reports the volume as in use. A node that is gone reports nothing. */
  readonly inUse: (node: string) => boolean;
}

export interface AttachDecision {
  readonly create: readonly Attachment[];
  /** Names. */
  readonly remove: readonly string[];
  /** Pods that wait for another node to let go: they are told. */
  readonly blocked: readonly { readonly pod: Pod; readonly message: string }[];
}

const NOTHING: AttachDecision = { create: [], remove: [], blocked: [] };

/** Where a volume is to be attached, as Kubernetes' attach-detach controller decides. Never detaches while the node says that it is in use. */
export function decideAttach({ volume, driver, pods, attachments, inUse }: AttachSnapshot): AttachDecision {
  const source = volume.spec?.csi;
  if (source === undefined || driver?.spec.attachRequired === false) return NOTHING;
  const users = pods.filter(isUser);
  const wanted = new Set(users.map(({ spec }) => spec?.nodeName ?? ''));
  const at = new Set(attachments.filter(({ metadata }) => metadata?.deletionTimestamp === undefined).map(({ spec }) => spec.nodeName));
  const remove = attachments.filter(({ metadata, spec }) => metadata?.deletionTimestamp === undefined && !wanted.has(spec.nodeName) && !inUse(spec.nodeName));
  const missing = [...wanted].filter((node) => !at.has(node)).sort();
  const elsewhere = attachments.map(({ spec }) => spec.nodeName);
  const blockedNodes = isExclusive(volume) ? missing.filter((node, i) => i > 0 || elsewhere.some((other) => other !== node)) : [];
  return {
    create: missing
      .filter((node) => !blockedNodes.includes(node))
      .map((node) => ({ driver: source.driver, handle: source.volumeHandle, volumeName: volume.metadata?.name ?? '', node })),
    remove: remove.map(({ metadata }) => metadata?.name ?? ''),
    blocked: users.filter(({ spec }) => blockedNodes.includes(spec?.nodeName ?? '')).map((pod) => ({ pod, message: multiAttach(volume) })),
  };
}

function isUser({ spec, status }: Pod): boolean {
  return (spec?.nodeName ?? '') !== '' && status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}

/** One node at a time, unless some mode allows more. */
function isExclusive({ spec }: PersistentVolume): boolean {
  const modes = spec?.accessModes ?? [];
  return !modes.includes('ReadWriteMany') && !modes.includes('ReadOnlyMany');
}

function multiAttach({ metadata }: PersistentVolume): string {
  return `Multi-Attach error for volume ${JSON.stringify(metadata?.name)} Volume is already exclusively attached to one node and can't be attached to another`;
}
