import type { PersistentVolume, PersistentVolumeClaim } from '../api/gen/types/core.v1.ts';
import type { CSIDriver, CSINode, CSIStorageCapacity, StorageClass } from '../api/gen/types/storage.v1.ts';
import type { Stored } from '../machinery/object.ts';

/** What the volume plugins may look at. */
export interface VolumeView {
  /** `key`: `namespace/name`. With what this scheduler has assumed (selected nodes). */
  readonly claim: (key: string) => Stored<PersistentVolumeClaim> | undefined;
  /** With what this scheduler has assumed (claimRef). */
  readonly volume: (name: string) => Stored<PersistentVolume> | undefined;
  readonly volumesOfClass: (name: string) => readonly Stored<PersistentVolume>[];
  readonly class: (name: string) => Stored<StorageClass> | undefined;
  readonly csiNode: (name: string) => Stored<CSINode> | undefined;
  readonly csiDriver: (name: string) => Stored<CSIDriver> | undefined;
  readonly capacitiesOfClass: (name: string) => readonly Stored<CSIStorageCapacity>[];
  /** Bytes of claims that were promised from where this capacity is, and that it does not count yet. */
  readonly promised: (capacity: Stored<CSIStorageCapacity>) => number;
}

/** What a pod's volumes come to on one node: done before the pod is bound. */
export interface VolumePlan {
  /** Volumes that are to be bound to claims. */
  readonly bind: readonly { readonly claim: Stored<PersistentVolumeClaim>; readonly volume: Stored<PersistentVolume> }[];
  /** Claims that are to be provisioned for the node. */
  readonly provision: readonly Stored<PersistentVolumeClaim>[];
}

export const NO_VOLUMES: VolumePlan = { bind: [], provision: [] };
