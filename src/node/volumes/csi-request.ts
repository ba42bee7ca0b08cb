import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { CSIDriver } from '../../api/gen/types/storage.v1.ts';
import { type CsiAccessMode, type CsiDriver, CsiError, type Secrets, type StringMap, type VolumeCapability } from '../../csi/driver.ts';
import { type PodIdentity, spec } from '../pods/pod.ts';
import { VolumeError } from './volume.ts';

/** A volume of a CSI driver as a pod wants it. */
export interface CsiRequest {
  readonly id: PodIdentity;
  readonly pod: Pod;
  readonly driver: string;
  readonly handle: string;
  /** The persistent volume's name; of an inline volume, the pod's volume's. */
  readonly name: string;
  readonly lifecycle: 'Persistent' | 'Ephemeral';
  readonly mode: 'Filesystem' | 'Block';
  readonly fsType: string;
  readonly access: string;
  readonly mountOptions: readonly string[];
  readonly readOnly: boolean;
  /** One pod at a time: ReadWriteOncePod. */
  readonly exclusive: boolean;
  readonly attributes: StringMap;
  readonly publishContext: StringMap;
  readonly stageSecrets?: Secrets | undefined;
  readonly publishSecrets?: Secrets | undefined;
}

/** What the driver is told of the pod: keys of the CSI documentation, "Pod Info on Mount". */
export function podInfo({ pod, id, lifecycle }: CsiRequest): StringMap {
  return {
    'csi.storage.k8s.io/pod.name': id.name,
    'csi.storage.k8s.io/pod.namespace': id.namespace,
    'csi.storage.k8s.io/pod.uid': id.uid,
    'csi.storage.k8s.io/serviceAccount.name': spec(pod).serviceAccountName ?? '',
    'csi.storage.k8s.io/ephemeral': String(lifecycle === 'Ephemeral'),
  };
}

export async function capabilityOf(request: CsiRequest, driver: CsiDriver, csiDriver: CSIDriver | undefined): Promise<VolumeCapability> {
  const capabilities = await driver.nodeCapabilities();
  const access = accessOf(request.access, capabilities.includes('single-node-multi-writer'));
  if (request.mode === 'Block') return { access, as: { type: 'block' } };
  const gid = spec(request.pod).securityContext?.fsGroup;
  const group = gid !== undefined && capabilities.includes('volume-mount-group') && csiDriver?.spec.fsGroupPolicy !== 'None' ? { mountGroup: String(gid) } : {};
  return { access, as: { type: 'mount', fsType: request.fsType, mountFlags: request.mountOptions, ...group } };
}

function accessOf(mode: string, finer: boolean): CsiAccessMode {
  switch (mode) {
    case 'ReadOnlyMany':
      return 'multi-node-reader-only';
    case 'ReadWriteMany':
      return 'multi-node-multi-writer';
    case 'ReadWriteOncePod':
      return finer ? 'single-node-single-writer' : 'single-node-writer';
    default:
      return finer ? 'single-node-multi-writer' : 'single-node-writer';
  }
}

/** By the driver's fsGroupPolicy; its default asks for a file system type and a volume that one node writes. */
export function wantsOwnership({ fsType, access }: CsiRequest, { as }: VolumeCapability, csiDriver: CSIDriver | undefined): boolean {
  if (as.type === 'mount' && as.mountGroup !== undefined) return false;
  const policy = csiDriver?.spec.fsGroupPolicy ?? 'ReadWriteOnceWithFSType';
  if (policy === 'None') return false;
  return policy === 'File' || (fsType !== '' && (access === 'ReadWriteOnce' || access === 'ReadWriteOncePod'));
}

export async function translated<T>(step: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof CsiError)) throw thrown;
    throw new VolumeError('failed', `rpc error: code = ${grpcName(thrown.code)} desc = ${thrown.message}`, {
      step,
      reason: step.startsWith('MapVolume') ? 'FailedMapVolume' : 'FailedMount',
      cause: thrown,
    });
  }
}

/** Codes after which a driver may still do what it was asked, by the CSI specification's table of errors. */
const UNCERTAIN: readonly unknown[] = ['deadline-exceeded', 'unavailable', 'aborted', 'resource-exhausted'];

export function isFinal(thrown: unknown): boolean {
  const cause = thrown instanceof VolumeError ? thrown.cause : undefined;
  return cause instanceof CsiError && !UNCERTAIN.includes(cause.code);
}

/** gRPC's name of a code: `already-exists` → `AlreadyExists`. */
function grpcName(code: string): string {
  return code
    .split('-')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('');
}
