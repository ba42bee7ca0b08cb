import type { PersistentVolume, PersistentVolumeClaim } from '../../api/gen/types/core.v1.ts';
import { PROVISIONED_BY, sameVolumeMode } from '../../api/core/persistent-volume.rules.ts';
import { getOwn } from '../../machinery/record.ts';
import type { Notice } from './decide-claim.ts';
import { wasBoundByController } from './decide-claim.ts';

export type VolumeDecision =
  | { readonly do: 'nothing' }
  | { readonly do: 'phase'; readonly phase: 'Available' | 'Bound' | 'Released' | 'Failed'; readonly message?: string; readonly notice?: Notice }
  /** Its claim was bound elsewhere: let go of it. `keepName`: a person named the claim, so only the UID goes. */
  | { readonly do: 'unbind'; readonly keepName: boolean }
  | { readonly do: 'notice'; readonly notice: Notice }
  /** A hostPath below /tmp, which is the binder's own to delete. */
  | { readonly do: 'delete-host-path'; readonly path: string };

/**
 * The volume's side of Kubernetes' volume binder. `claim`: what claimRef names, if it is there and has the UID that claimRef has.
 * Pure; safe to repeat on a stale cache.
 */
export function decideVolume(volume: PersistentVolume, claim: PersistentVolumeClaim | undefined): VolumeDecision {
  const ref = volume.spec?.claimRef;
  if (ref === undefined || (ref.uid ?? '') === '') return phase(volume, 'Available');
  if (claim === undefined) return decideReleased(volume);
  const volumeName = claim.spec?.volumeName ?? '';
  if (volumeName === volume.metadata?.name) return phase(volume, 'Bound');
  if (volumeName === '') return sameVolumeMode(volume, claim) ? { do: 'nothing' } : { do: 'notice', notice: modeMismatch(claim) };
  if (isOwnDelete(volume)) return decideReleased(volume);
  return { do: 'unbind', keepName: !wasBoundByController(volume) };
}

function modeMismatch(claim: PersistentVolumeClaim): Notice {
  const message = `Cannot bind PersistentVolume to requested PersistentVolumeClaim ${JSON.stringify(claim.metadata?.name)} due to incompatible volumeMode`;
  return { type: 'Warning', reason: 'VolumeMismatch', message };
}

/** It was made for this claim, which no longer needs it: nobody else may want it. */
function isOwnDelete(volume: PersistentVolume): boolean {
  return getOwn(volume.metadata?.annotations, PROVISIONED_BY) !== undefined && volume.spec?.persistentVolumeReclaimPolicy === 'Delete';
}

function decideReleased(volume: PersistentVolume): VolumeDecision {
  const now = volume.status?.phase;
  if (now !== 'Released' && now !== 'Failed') return { do: 'phase', phase: 'Released' };
  if (now === 'Failed' || volume.metadata?.deletionTimestamp !== undefined) return { do: 'nothing' };
  return reclaim(volume);
}

/** What is left to do for a released volume. CSI and other provisioners see to their own. */
function reclaim(volume: PersistentVolume): VolumeDecision {
  const { spec } = volume;
  const policy = spec?.persistentVolumeReclaimPolicy ?? 'Retain';
  if (policy === 'Recycle') return failed('VolumeFailedRecycle', 'the reclaim policy Recycle is deprecated and does nothing here: use Delete or Retain');
  if (policy !== 'Delete' || spec?.csi !== undefined || getOwn(volume.metadata?.annotations, PROVISIONED_BY) !== undefined) return { do: 'nothing' };
  if (spec?.hostPath !== undefined) {
    const { path } = spec.hostPath;
    if (isBelowTmp(path)) return { do: 'delete-host-path', path };
    return failed('VolumeFailedDelete', `host_path deleter only supports /tmp/.+ but received provided ${path}`);
  }
  return failed(
    'VolumeFailedDelete',
    `error getting deleter volume plugin for volume ${JSON.stringify(volume.metadata?.name)}: no deletable volume plugin matched`,
  );
}

/** `/tmp/.` and `/tmp//` are /tmp itself, which is everybody's. */
function isBelowTmp(path: string): boolean {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  return path.startsWith('/') && parts[0] === 'tmp' && parts.length > 1 && !parts.includes('..');
}

function failed(reason: string, message: string): VolumeDecision {
  return { do: 'phase', phase: 'Failed', message, notice: { type: 'Warning', reason, message } };
}

function phase(volume: PersistentVolume, wanted: 'Available' | 'Bound'): VolumeDecision {
  return volume.status?.phase === wanted ? { do: 'nothing' } : { do: 'phase', phase: wanted };
}
