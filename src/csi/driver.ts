/**
 * A CSI driver as Kubernetes uses it: the calls of CSI 1.x that Berth makes, as plain values above gRPC. Implemented by
 * `client.ts` (any driver, over its socket) and directly by Berth's own (`storage/driver`). Errors: CsiError.
 * Sizes are bytes as numbers (up to 2^53).
 */
export interface CsiDriver {
  readonly name: string;
  identity(): Promise<{
    readonly version: string;
    readonly capabilities: readonly ('controller-service' | 'accessibility-constraints' | 'group-controller' | 'online-expansion' | 'offline-expansion')[];
  }>;
  controllerCapabilities(): Promise<readonly ControllerCapability[]>;
  nodeCapabilities(): Promise<readonly NodeCapability[]>;

  createVolume(request: CreateVolume): Promise<CsiVolume>;
  /** Idempotent: a volume that is gone is a success. */
  deleteVolume(volumeId: string, secrets?: Secrets): Promise<void>;
  controllerPublish(request: {
    readonly volumeId: string;
    readonly nodeId: string;
    readonly capability: VolumeCapability;
    readonly readOnly: boolean;
    readonly context: StringMap;
    readonly secrets?: Secrets;
  }): Promise<StringMap>;
  controllerUnpublish(volumeId: string, nodeId: string, secrets?: Secrets): Promise<void>;
  controllerExpand(
    volumeId: string,
    requiredBytes: number,
    capability: VolumeCapability | undefined,
    secrets?: Secrets,
  ): Promise<{ readonly capacityBytes: number; readonly nodeExpansionRequired: boolean }>;
  createSnapshot(name: string, sourceVolumeId: string, parameters: StringMap, secrets?: Secrets): Promise<CsiSnapshot>;
  deleteSnapshot(snapshotId: string, secrets?: Secrets): Promise<void>;
  /** Bytes available for a new volume with these parameters; undefined when the driver does not say. */
  capacity(parameters: StringMap): Promise<{ readonly availableBytes: number; readonly maximumVolumeBytes?: number } | undefined>;

  nodeInfo(): Promise<{ readonly nodeId: string; readonly maxVolumes: number; readonly topology: StringMap }>;
  nodeStage(request: NodeStage): Promise<void>;
  nodeUnstage(volumeId: string, stagingPath: string): Promise<void>;
  nodePublish(request: NodePublish): Promise<void>;
  nodeUnpublish(volumeId: string, targetPath: string): Promise<void>;
  nodeExpand(request: {
    readonly volumeId: string;
    readonly volumePath: string;
    readonly stagingPath: string;
    readonly requiredBytes: number;
    readonly capability: VolumeCapability;
  }): Promise<{ readonly capacityBytes: number }>;
  nodeStats(volumeId: string, volumePath: string): Promise<VolumeStats>;
}

export type StringMap = Readonly<Record<string, string>>;
/** Never logged. */
export type Secrets = Readonly<Record<string, string>>;

export type ControllerCapability =
  | 'create-delete-volume'
  | 'publish-unpublish-volume'
  | 'create-delete-snapshot'
  | 'clone-volume'
  | 'expand-volume'
  | 'get-capacity'
  | 'publish-readonly'
  | 'single-node-multi-writer'
  | 'modify-volume';
export type NodeCapability =
  | 'stage-unstage-volume'
  | 'get-volume-stats'
  | 'expand-volume'
  | 'single-node-multi-writer'
  | 'volume-mount-group'
  | 'volume-condition';

export type CsiAccessMode =
  | 'single-node-writer'
  | 'single-node-reader-only'
  | 'multi-node-reader-only'
  | 'multi-node-single-writer'
  | 'multi-node-multi-writer'
  | 'single-node-single-writer'
  | 'single-node-multi-writer';

export interface VolumeCapability {
  readonly access: CsiAccessMode;
  readonly as:
    | { readonly type: 'mount'; readonly fsType: string; readonly mountFlags: readonly string[]; readonly mountGroup?: string }
    | { readonly type: 'block' };
}

export interface CreateVolume {
  readonly name: string;
  readonly requiredBytes: number;
  readonly limitBytes?: number;
  readonly capabilities: readonly VolumeCapability[];
  readonly parameters: StringMap;
  readonly source?: { readonly snapshotId: string } | { readonly volumeId: string };
  readonly topology?: { readonly requisite: readonly StringMap[]; readonly preferred: readonly StringMap[] };
  readonly secrets?: Secrets;
}

export interface CsiVolume {
  readonly volumeId: string;
  readonly capacityBytes: number;
  readonly context: StringMap;
  readonly topology: readonly StringMap[];
}

export interface CsiSnapshot {
  readonly snapshotId: string;
  readonly sourceVolumeId: string;
  readonly sizeBytes: number;
  readonly createdAtMs: number;
  readonly ready: boolean;
}

export interface NodeStage {
  readonly volumeId: string;
  readonly stagingPath: string;
  readonly publishContext: StringMap;
  readonly context: StringMap;
  readonly capability: VolumeCapability;
  readonly secrets?: Secrets;
}

export interface NodePublish extends NodeStage {
  readonly targetPath: string;
  readonly readOnly: boolean;
}

export interface VolumeStats {
  readonly totalBytes: number;
  readonly usedBytes: number;
  readonly availableBytes: number;
  readonly totalInodes: number;
  readonly usedInodes: number;
  readonly freeInodes: number;
}

/** gRPC's codes that CSI gives a meaning to. */
export type CsiErrorCode =
  | 'invalid-argument'
  | 'not-found'
  | 'already-exists'
  | 'failed-precondition'
  | 'resource-exhausted'
  | 'out-of-range'
  | 'aborted'
  | 'unimplemented'
  | 'unavailable'
  | 'deadline-exceeded'
  | 'permission-denied'
  | 'unauthenticated'
  | 'internal';

export class CsiError extends Error {
  override readonly name = 'CsiError';
  readonly code: CsiErrorCode;

  constructor(code: CsiErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
