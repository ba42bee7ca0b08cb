import type { Draft } from '../../machinery/object.ts';
import type * as core from '../gen/types/core.v1.ts';
import { pullPolicyOf } from './container.defaults.ts';

/** Owner may read and write, everybody else read. */
const FILE_MODE = 0o644;

/** Defaults of a pod's volume; a volume without a source is an emptyDir (API reference, Volume v1 core). */
export function defaultVolume(volume: Draft<core.Volume>): void {
  if (Object.keys(volume).every((key) => key === 'name')) volume.emptyDir = {};
  if (volume.secret !== undefined) volume.secret.defaultMode ??= FILE_MODE;
  if (volume.configMap !== undefined) volume.configMap.defaultMode ??= FILE_MODE;
  if (volume.hostPath !== undefined) volume.hostPath.type ??= '';
  if (volume.downwardAPI !== undefined) {
    volume.downwardAPI.defaultMode ??= FILE_MODE;
    defaultDownwardItems(volume.downwardAPI.items);
  }
  if (volume.projected !== undefined) defaultProjected(volume.projected);
  if (volume.ephemeral?.volumeClaimTemplate !== undefined) defaultClaimSpec(volume.ephemeral.volumeClaimTemplate.spec);
  if (volume.image !== undefined) volume.image.pullPolicy ||= pullPolicyOf(volume.image.reference);
  if (volume.iscsi !== undefined) volume.iscsi.iscsiInterface ||= 'default';
  if (volume.rbd !== undefined) defaultRbd(volume.rbd);
  if (volume.scaleIO !== undefined) defaultScaleIO(volume.scaleIO);
  if (volume.azureDisk !== undefined) defaultAzureDisk(volume.azureDisk);
}

function defaultProjected(projected: Draft<core.ProjectedVolumeSource>): void {
  projected.defaultMode ??= FILE_MODE;
  for (const source of projected.sources ?? []) {
    defaultDownwardItems(source.downwardAPI?.items);
    if (source.serviceAccountToken !== undefined) source.serviceAccountToken.expirationSeconds ??= 3600;
  }
}

function defaultDownwardItems(items: Draft<core.DownwardAPIVolumeFile>[] | undefined): void {
  for (const { fieldRef } of items ?? []) if (fieldRef !== undefined) fieldRef.apiVersion ||= 'v1';
}

export function defaultClaimSpec(spec: Draft<core.PersistentVolumeClaimSpec> | undefined): void {
  if (spec !== undefined) spec.volumeMode ??= 'Filesystem';
}

export function defaultRbd(rbd: { pool?: string | undefined; user?: string | undefined; keyring?: string | undefined }): void {
  rbd.pool ||= 'rbd';
  rbd.user ||= 'admin';
  rbd.keyring ||= '/etc/ceph/keyring';
}

export function defaultScaleIO(scaleIO: { storageMode?: string | undefined; fsType?: string | undefined }): void {
  scaleIO.storageMode ||= 'ThinProvisioned';
  scaleIO.fsType ||= 'xfs';
}

export function defaultAzureDisk(disk: Draft<core.AzureDiskVolumeSource>): void {
  disk.cachingMode ??= 'ReadWrite';
  disk.kind ??= 'Shared';
  disk.fsType ??= 'ext4';
  disk.readOnly ??= false;
}
