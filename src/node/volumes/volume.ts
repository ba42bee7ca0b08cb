import type { CSIDriver } from '../../api/gen/types/storage.v1.ts';
import type { ConfigMap, Pod, Secret, Volume } from '../../api/gen/types/core.v1.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/component.ts';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Host } from '../../host/host.ts';
import type { Drivers, Machine } from '../options.ts';
import type { PodIdentity } from '../pods/pod.ts';
import type { VolumePaths } from './paths.ts';

/**
 * One sort of volume. All have this shape: `setUp` makes the volume ready for a pod, or brings it up to date, and may be repeated at
 * any time; `tearDown` undoes it from what lies on the disk alone, since pod, claim and volume may be gone by then.
 */
export interface VolumePlugin {
  /** `kubernetes.io/empty-dir`; escaped, the directory of its volumes. */
  readonly name: string;
  supports(volume: Volume): boolean;
  /** Throws VolumeError. */
  setUp(request: VolumeRequest): Promise<MountedVolume>;
  /** Idempotent. `directory`: as `VolumePaths.volume` gave it at set-up. Throws VolumeError, HostError, CsiError. */
  tearDown(request: TearDown): Promise<void>;
}

export interface VolumeRequest {
  readonly pod: Pod;
  readonly id: PodIdentity;
  readonly volume: Volume;
  readonly follow: Follow;
  /** What the last set-up of this volume gave, in this run. */
  readonly before: MountedVolume | undefined;
  readonly nowMs: number;
}

/** Gives the newest value of an object in the pod's namespace, and has `setUp` repeated when it changes; undefined: it is not there. */
export interface Follow {
  configMap(pod: PodIdentity, name: string): Promise<ConfigMap | undefined>;
  secret(pod: PodIdentity, name: string): Promise<Secret | undefined>;
}

export interface MountedVolume {
  /** A directory, file or device on the node. */
  readonly path: string;
  readonly mode: 'Filesystem' | 'Block';
  /** The volume's own: no mount of it is writable. */
  readonly readOnly: boolean;
  /** Below `path`, subPaths are made in it (not for what follows a source: there they must be there). */
  readonly writable: boolean;
  /** `setUp` is due again at this time, without any change (tokens). */
  readonly againAtMs?: number;
  /** Of a claim: for node status, metrics and resize. */
  readonly claim?: MountedClaim;
}

export interface MountedClaim {
  readonly claimName: string;
  readonly volumeName: string;
  /** Of claim and volume, when it was mounted. */
  readonly versions: string;
}

export interface TearDown {
  readonly podUid: string;
  readonly directory: string;
  /** The last part of the directory: the volume's name in the pod, or the persistent volume's. */
  readonly name: string;
}

/** What plugins work with. */
export interface VolumeTools {
  readonly host: Host;
  readonly client: Client;
  readonly recorder: EventRecorder;
  readonly drivers: Drivers;
  readonly paths: VolumePaths;
  readonly clock: Clock;
  readonly log: Log;
  readonly nodeName: string;
  readonly machine: Machine;
  /** The CSIDriver object; undefined when there is none. */
  readonly csiDriver: (name: string) => CSIDriver | undefined;
}

export interface VolumeErrorOptions {
  readonly reason?: VolumeError['reason'];
  readonly step?: string;
  readonly volumeName?: string;
  readonly cause?: unknown;
}

/**
 * Why a volume can't be had (now). `code` decides what the pod does: `waiting` is tried again soon and told only when it lasts,
 * `failed` is told by an event, `refused` as well and is not expected to change.
 */
export class VolumeError extends Error {
  override readonly name = 'VolumeError';
  readonly code: 'waiting' | 'failed' | 'refused';
  /** The event's reason. */
  readonly reason: 'FailedMount' | 'FailedAttachVolume' | 'FailedMapVolume';
  /** What was being done, in the words of events. */
  readonly step: string;
  /** The persistent volume, once it is known. */
  readonly volumeName: string | undefined;

  constructor(code: 'waiting' | 'failed' | 'refused', message: string, options: VolumeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reason = options.reason ?? 'FailedMount';
    this.step =
      options.step ??
      (this.reason === 'FailedAttachVolume' ? 'AttachVolume.Attach' : this.reason === 'FailedMapVolume' ? 'MapVolume.SetUpDevice' : 'MountVolume.SetUp');
    this.volumeName = options.volumeName;
  }

  /** The same, said of a persistent volume. */
  about(volumeName: string): VolumeError {
    return new VolumeError(this.code, this.message, { reason: this.reason, step: this.step, volumeName, cause: this.cause });
  }
}
