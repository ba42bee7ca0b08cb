import type { PersistentVolume, PersistentVolumeClaim } from '../../api/gen/types/core.v1.ts';
import type { StorageClass } from '../../api/gen/types/storage.v1.ts';
import { claimClass, PROVISIONED_BY, requestedStorage, selectedNode, waitsForConsumer } from '../../api/core/persistent-volume.rules.ts';
import type { CreateVolume, CsiAccessMode, CsiVolume, StringMap, VolumeCapability } from '../../csi/driver.ts';
import { formatQuantity, quantityNumber, quantityOf } from '../../machinery/quantity.ts';
import { getOwn } from '../../machinery/record.ts';

/** A claim waits for deletion of its volume's bytes by whoever made them (HonorPVReclaimPolicy). */
export const DELETION_FINALIZER = 'external-provisioner.volume.kubernetes.io/finalizer';

/** Who decides: one driver on one node. */
export interface Provisioner {
  readonly driver: string;
  readonly node: string;
  /** The node's segment: what a volume made here is reachable from. Empty: from everywhere. */
  readonly topology: StringMap;
  /** No other node has this driver: a claim that may be made anywhere needs no agreement. */
  readonly alone: boolean;
}

export type ProvisionDecision =
  | { readonly do: 'nothing' }
  /** Any node may make it: say that this one does, so that no other starts too. */
  | { readonly do: 'take' }
  | { readonly do: 'create'; readonly request: CreateVolume }
  /** It can't be made at all; the message says why and what would do. */
  | { readonly do: 'refuse'; readonly message: string };

export interface ProvisionSnapshot {
  readonly claim: PersistentVolumeClaim;
  readonly storageClass: StorageClass | undefined;
  readonly provisioner: Provisioner;
  /** The volume of the claim that `dataSource` names; undefined when that is not bound to one of this driver. */
  readonly sourceHandle: (claimName: string) => string | undefined;
}

/** Whether this driver on this node is to make a volume for a claim, and which. Pure. */
export function decideProvision({ claim, storageClass, provisioner, sourceHandle }: ProvisionSnapshot): ProvisionDecision {
  if (!isWanted(claim) || storageClass?.provisioner !== provisioner.driver) return { do: 'nothing' };
  const node = selectedNode(claim);
  if (node === undefined && (waitsForConsumer(storageClass) || !allows(storageClass, provisioner.topology))) return { do: 'nothing' };
  if (node !== undefined && node !== provisioner.node) return { do: 'nothing' };
  const modes = accessModes(claim);
  if (typeof modes === 'string') return { do: 'refuse', message: modes };
  const source = sourceOf(claim, sourceHandle);
  if (typeof source === 'string') return { do: 'refuse', message: source };
  if (node === undefined && !provisioner.alone) return { do: 'take' };
  return { do: 'create', request: createRequest(claim, storageClass, provisioner, modes, source) };
}

function isWanted({ metadata, spec, status }: PersistentVolumeClaim): boolean {
  return metadata?.deletionTimestamp === undefined && (spec?.volumeName ?? '') === '' && status?.phase !== 'Bound' && status?.phase !== 'Lost';
}

/** For claims of any node: the class may leave this one out. */
function allows({ allowedTopologies = [] }: StorageClass, topology: StringMap): boolean {
  if (allowedTopologies.length === 0) return true;
  return allowedTopologies.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => values.includes(getOwn(topology, key) ?? '')),
  );
}

const MODES: Readonly<Record<string, CsiAccessMode>> = {
  ReadWriteOnce: 'single-node-multi-writer',
  ReadWriteOncePod: 'single-node-single-writer',
  ReadOnlyMany: 'multi-node-reader-only',
  ReadWriteMany: 'multi-node-multi-writer',
};

function accessModes({ spec }: PersistentVolumeClaim): readonly CsiAccessMode[] | string {
  const wanted = spec?.accessModes ?? [];
  const modes = wanted.map((mode) => getOwn(MODES, mode));
  return modes.every((mode) => mode !== undefined) ? modes : `access modes ${wanted.join(', ')} are not known`;
}

type Source = NonNullable<CreateVolume['source']>;

function sourceOf({ spec }: PersistentVolumeClaim, handleOf: ProvisionSnapshot['sourceHandle']): Source | undefined | string {
  const source = spec?.dataSourceRef ?? spec?.dataSource;
  if (source === undefined) return undefined;
  const group = source.apiGroup ?? '';
  if (group !== '' || source.kind !== 'PersistentVolumeClaim')
    return `a data source of kind ${source.kind} ${group === '' ? '' : `in ${group} `}is not supported`;
  const volumeId = handleOf(source.name);
  return volumeId === undefined ? `the claim ${source.name}, which is to be copied, is not bound to a volume of this class's driver` : { volumeId };
}

function createRequest(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass,
  { topology }: Provisioner,
  modes: readonly CsiAccessMode[],
  source: Source | undefined,
): CreateVolume {
  const { uid = '', name = '', namespace = '' } = claim.metadata ?? {};
  const { 'csi.storage.k8s.io/fstype': fsType = '', ...parameters } = storageClass.parameters ?? {};
  const as: VolumeCapability['as'] =
    claim.spec?.volumeMode === 'Block' ? { type: 'block' } : { type: 'mount', fsType, mountFlags: storageClass.mountOptions ?? [] };
  const segments = Object.keys(topology).length === 0 ? undefined : [topology];
  return {
    name: volumeName(uid),
    requiredBytes: quantityNumber(requestedStorage(claim)),
    capabilities: modes.map((access) => ({ access, as })),
    parameters: {
      ...parameters,
      'csi.storage.k8s.io/pvc/name': name,
      'csi.storage.k8s.io/pvc/namespace': namespace,
      'csi.storage.k8s.io/pv/name': volumeName(uid),
    },
    ...(source === undefined ? {} : { source }),
    ...(segments === undefined ? {} : { topology: { requisite: segments, preferred: segments } }),
  };
}

export function volumeName(claimUid: string): string {
  return `pvc-${claimUid}`;
}

/** The object for a volume that was made: held for its claim from the first moment, so that nobody else is offered it. */
export function volumeObject(claim: PersistentVolumeClaim, storageClass: StorageClass, provisioner: Provisioner, made: CsiVolume): PersistentVolume {
  const { uid = '', name = '', namespace = '', resourceVersion = '' } = claim.metadata ?? {};
  const fsType = storageClass.parameters?.['csi.storage.k8s.io/fstype'];
  const isBlock = claim.spec?.volumeMode === 'Block';
  const attributesClass = claim.spec?.volumeAttributesClassName;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name: volumeName(uid),
      annotations: {
        [PROVISIONED_BY]: provisioner.driver,
        'volume.kubernetes.io/provisioner-deletion-secret-name': '',
        'volume.kubernetes.io/provisioner-deletion-secret-namespace': '',
      },
      finalizers: [DELETION_FINALIZER],
    },
    spec: {
      accessModes: claim.spec?.accessModes,
      capacity: { storage: formatQuantity(quantityOf(made.capacityBytes, 'BinarySI')) },
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid, resourceVersion },
      csi: {
        driver: provisioner.driver,
        volumeHandle: made.volumeId,
        ...(fsType === undefined || isBlock ? {} : { fsType }),
        ...(Object.keys(made.context).length === 0 ? {} : { volumeAttributes: made.context }),
      },
      ...(storageClass.mountOptions === undefined || isBlock ? {} : { mountOptions: storageClass.mountOptions }),
      ...(made.topology.length === 0 ? {} : { nodeAffinity: { required: { nodeSelectorTerms: made.topology.map(term) } } }),
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      storageClassName: claimClass(claim) ?? '',
      ...(attributesClass === undefined ? {} : { volumeAttributesClassName: attributesClass }),
      volumeMode: claim.spec?.volumeMode ?? 'Filesystem',
    },
  };
}

function term(segment: StringMap): {
  readonly matchExpressions: readonly { readonly key: string; readonly operator: string; readonly values: readonly string[] }[];
} {
  return { matchExpressions: Object.entries(segment).map(([key, value]) => ({ key, operator: 'In', values: [value] })) };
}

export type DeletionDecision =
  | { readonly do: 'nothing' }
  /** The bytes, then the object, then the finalizer. */
  | { readonly do: 'delete' }
  /** The bytes stay: nothing keeps the object from going. */
  | { readonly do: 'drop-finalizer' };

/** Whether the bytes of a volume that this driver made are to go. `isHere`: it is reachable from this node. */
export function decideDeletion(volume: PersistentVolume, { driver }: Provisioner, isHere: boolean): DeletionDecision {
  if (!isHere || volume.spec?.csi?.driver !== driver || getOwn(volume.metadata?.annotations, PROVISIONED_BY) !== driver) return { do: 'nothing' };
  const held = volume.metadata?.finalizers?.includes(DELETION_FINALIZER) === true;
  if (volume.spec.persistentVolumeReclaimPolicy !== 'Delete') return held ? { do: 'drop-finalizer' } : { do: 'nothing' };
  // The bytes have gone, and the object is going: what has come back from the trash since is another's.
  if (!held && volume.metadata?.deletionTimestamp !== undefined) return { do: 'nothing' };
  const released = volume.status?.phase === 'Released' || volume.status?.phase === 'Failed';
  return released ? { do: 'delete' } : { do: 'nothing' };
}
