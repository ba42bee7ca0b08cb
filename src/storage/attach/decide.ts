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

export interface OrphanSnapshot {
  readonly attachments: readonly VolumeAttachment[];
  /** Pods that use a claim which was bound to the volume. */
  readonly pods: readonly Pod[];
  /** What a node reports: `kubernetes.io/csi/<driver>^<handle>`. */
  readonly inUse: (node: string) => readonly string[];
  /** Of the attachment of a volume at a node. */
  readonly nameOf: (handle: string, driver: string, node: string) => string;
}

/** The attachments to remove of a volume whose object was removed by hand. The handle is known only from what the nodes report. */
export function decideWithoutVolume({ attachments, pods, inUse, nameOf }: OrphanSnapshot): readonly string[] {
  const wanted = new Set(pods.filter(isUser).map(({ spec }) => spec?.nodeName ?? ''));
  return attachments.flatMap(({ metadata, spec }) => {
    const name = metadata?.name ?? '';
    const prefix = `kubernetes.io/csi/${spec.attacher}^`;
    const reported = inUse(spec.nodeName).some(
      (unique) => unique.startsWith(prefix) && nameOf(unique.slice(prefix.length), spec.attacher, spec.nodeName) === name,
    );
    return metadata?.deletionTimestamp !== undefined || wanted.has(spec.nodeName) || reported ? [] : [name];
  });
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
