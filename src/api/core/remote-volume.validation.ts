import { type FieldPath, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { dns1123SubdomainFaults } from '../../machinery/names.ts';
import { addFaults, type Errors, isEmpty } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';

/**
 * Sources that reach other storage, as pods and persistent volumes name them. Both know them under the same names, with a few
 * fields that differ; the fields checked here are in both. A check answers undefined when its source is not given.
 */
type RemoteVolume =
  | Pick<core.Volume, Extract<keyof core.Volume, keyof core.PersistentVolumeSpec>>
  | Pick<core.PersistentVolumeSpec, Extract<keyof core.Volume, keyof core.PersistentVolumeSpec>>;

type Check = (volume: RemoteVolume, path: FieldPath) => Errors | undefined;

/** A source of which some fields must be given. */
const needs = (name: keyof RemoteVolume, ...fields: readonly string[]): readonly [string, Check] => [
  name,
  (volume, path) => {
    const source = volume[name] as Readonly<Record<string, unknown>> | undefined;
    return source && missing(source, path, fields);
  },
];

function missing(source: Readonly<Record<string, unknown>>, path: FieldPath, fields: readonly string[]): Errors {
  return fields.filter((field) => isMissing(source[field])).map((field) => required(path.child(field)));
}

const isMissing = (value: unknown): boolean => value === undefined || value === '' || (Array.isArray(value) && value.length === 0);

/** The first three have their places between the local sources of a pod. */
export const REMOTE_SOURCES: readonly (readonly [string, Check])[] = [
  needs('gcePersistentDisk', 'pdName'),
  needs('awsElasticBlockStore', 'volumeID'),
  ['nfs', (volume, path) => volume.nfs && validateNfs(volume.nfs, path)],
  ['iscsi', (volume, path) => volume.iscsi && validateIscsi(volume.iscsi, path)],
  needs('glusterfs', 'endpoints', 'path'),
  needs('flocker'),
  needs('rbd', 'monitors', 'image'),
  needs('cinder', 'volumeID'),
  needs('cephfs', 'monitors'),
  ['fc', (volume, path) => volume.fc && validateFibre(volume.fc, path)],
  needs('flexVolume', 'driver'),
  ['azureFile', (volume, path) => volume.azureFile && missing({ ...volume.azureFile }, path, ['secretName', 'shareName'])],
  needs('azureDisk', 'diskName', 'diskURI'),
  needs('vsphereVolume', 'volumePath'),
  needs('photonPersistentDisk', 'pdID'),
  needs('portworxVolume', 'volumeID'),
  needs('quobyte', 'registry', 'volume'),
  needs('scaleIO', 'gateway', 'system', 'volumeName'),
  needs('storageos'),
  ['csi', (volume, path) => volume.csi && validateCsi(volume.csi, path)],
];

function validateNfs({ server, path: exported }: core.NFSVolumeSource, path: FieldPath): Errors {
  const errors: Errors = [];
  if (isEmpty(server)) errors.push(required(path.child('server')));
  if (isEmpty(exported)) errors.push(required(path.child('path')));
  if (!(exported ?? '').startsWith('/')) errors.push(invalid(path.child('path'), exported ?? '', 'must be an absolute path'));
  return errors;
}

function validateIscsi({ targetPortal, iqn, lun }: Pick<core.ISCSIVolumeSource, 'targetPortal' | 'iqn' | 'lun'>, path: FieldPath): Errors {
  const errors: Errors = [];
  if (isEmpty(targetPortal)) errors.push(required(path.child('targetPortal')));
  if (isEmpty(iqn)) errors.push(required(path.child('iqn')));
  else if (!/^(iqn\.\d{4}-\d{2}\.[^:]+(:.+)?|eui\.[0-9A-Fa-f]{16}|naa\.[0-9A-Fa-f]{16,32})$/.test(iqn))
    errors.push(invalid(path.child('iqn'), iqn, 'must be valid format'));
  if (lun < 0 || lun > 255) errors.push(invalid(path.child('lun'), lun, 'must be between 0 and 255, inclusive'));
  return errors;
}

function validateFibre({ targetWWNs = [], wwids = [], lun }: core.FCVolumeSource, path: FieldPath): Errors {
  const errors: Errors = [];
  if (targetWWNs.length < 1 && wwids.length < 1) errors.push(required(path.child('targetWWNs'), 'must specify either targetWWNs or wwids, but not both'));
  if (targetWWNs.length > 0 && wwids.length > 0)
    errors.push(invalid(path.child('targetWWNs'), [...targetWWNs], 'targetWWNs and wwids can not be specified simultaneously'));
  if (targetWWNs.length > 0 && lun === undefined) errors.push(required(path.child('lun'), 'lun is required if targetWWNs is specified'));
  else if (targetWWNs.length > 0 && lun !== undefined && (lun < 0 || lun > 255))
    errors.push(invalid(path.child('lun'), lun, 'must be between 0 and 255, inclusive'));
  return errors;
}

const MAX_DRIVER_LENGTH = 63;

export function validateCsi(source: core.CSIVolumeSource | core.CSIPersistentVolumeSource, path: FieldPath): Errors {
  const errors: Errors = checkDriverName(source.driver, path.child('driver'));
  if ('volumeHandle' in source && isEmpty(source.volumeHandle)) errors.push(required(path.child('volumeHandle')));
  return errors;
}

export function checkDriverName(driver: string | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  if (isEmpty(driver)) return [required(path)];
  if (driver.length > MAX_DRIVER_LENGTH)
    errors.push({ type: 'FieldValueTooLong', field: path.toString(), detail: `may not be more than ${MAX_DRIVER_LENGTH} bytes` });
  addFaults(errors, path, driver, dns1123SubdomainFaults(driver.toLowerCase()));
  return errors;
}

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

/** `path`: of the list. */
export function checkAccessModes(errors: Errors, modes: readonly string[] | undefined, path: FieldPath): void {
  for (const mode of modes ?? []) if (!ACCESS_MODES.includes(mode)) errors.push(notSupported(path, mode, ACCESS_MODES));
  if ((modes ?? []).length > 1 && (modes ?? []).includes('ReadWriteOncePod')) {
    errors.push({ type: 'FieldValueForbidden', field: path.toString(), detail: 'may not use ReadWriteOncePod with other access modes' });
  }
}
