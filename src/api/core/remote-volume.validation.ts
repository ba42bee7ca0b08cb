import { type FieldPath, forbidden, invalid, notSupported, required, tooLong } from '../../machinery/field-error.ts';
import { dns1123LabelFaults, dns1123SubdomainFaults } from '../../machinery/names.ts';
import { addFaults, checkName, checkSupported, type Errors, isEmpty } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';

type RemoteVolume =
  | Pick<core.Volume, Extract<keyof core.Volume, keyof core.PersistentVolumeSpec>>
  | Pick<core.PersistentVolumeSpec, Extract<keyof core.Volume, keyof core.PersistentVolumeSpec>>;

/** Whose source it is. */
export interface SourceOwner {
  /** Of the pod's volume, or of the persistent volume. */
  readonly name: string;
  /** A persistent volume: what it names stands in some namespace, which it names too. */
  readonly persistent: boolean;
}

/** A check answers undefined when its source is not given. `path`: of the source. */
type Check = (volume: RemoteVolume, path: FieldPath, owner: SourceOwner) => Errors | undefined;

/** A source of which some fields must be given. */
function needs(name: keyof RemoteVolume, ...fields: readonly string[]): Check {
  return (volume, path) => {
    const source = volume[name] as Readonly<Record<string, unknown>> | undefined;
    return source && missing(source, path, fields);
  };
}

function missing(source: object, path: FieldPath, fields: readonly string[]): Errors {
  const values = source as Readonly<Record<string, unknown>>;
  return fields.filter((field) => isMissing(values[field])).map((field) => required(path.child(field)));
}

const isMissing = (value: unknown): boolean => value === undefined || value === '' || (Array.isArray(value) && value.length === 0);

/** Sources that reach other storage, as pods and persistent volumes name them: both under the same names, with a few fields that differ. */
export const REMOTE_SOURCES = {
  gcePersistentDisk: (volume, path) => volume.gcePersistentDisk && validateDisk(volume.gcePersistentDisk, path, 'pdName'),
  awsElasticBlockStore: (volume, path) => volume.awsElasticBlockStore && validateDisk(volume.awsElasticBlockStore, path, 'volumeID'),
  nfs: (volume, path) => volume.nfs && validateNfs(volume.nfs, path),
  iscsi: (volume, path, owner) => volume.iscsi && validateIscsi(volume.iscsi, path, owner),
  glusterfs: (volume, path) => volume.glusterfs && validateGlusterfs(volume.glusterfs, path),
  flocker: (volume, path) => volume.flocker && validateFlocker(volume.flocker, path),
  rbd: needs('rbd', 'monitors', 'image'),
  cinder: (volume, path, owner) => volume.cinder && [...missing(volume.cinder, path, ['volumeID']), ...secretErrors(volume.cinder.secretRef, path, owner)],
  cephfs: needs('cephfs', 'monitors'),
  quobyte: (volume, path) => volume.quobyte && validateQuobyte(volume.quobyte, path),
  fc: (volume, path) => volume.fc && validateFibre(volume.fc, path),
  flexVolume: (volume, path) => volume.flexVolume && validateFlex(volume.flexVolume, path),
  azureFile: (volume, path) => volume.azureFile && validateAzureFile(volume.azureFile, path),
  vsphereVolume: needs('vsphereVolume', 'volumePath'),
  photonPersistentDisk: needs('photonPersistentDisk', 'pdID'),
  portworxVolume: needs('portworxVolume', 'volumeID'),
  azureDisk: (volume, path) => volume.azureDisk && validateAzureDisk(volume.azureDisk, path),
  storageos: (volume, path, owner) => volume.storageos && validateStorageOS(volume.storageos, path, owner),
  scaleIO: needs('scaleIO', 'gateway', 'system', 'volumeName'),
  csi: (volume, path) => volume.csi && validateCsi(volume.csi, path),
} satisfies Readonly<Record<string, Check>>;

export type RemoteSource = keyof typeof REMOTE_SOURCES;

const SECOND = 'may not specify more than 1 volume type';

/** How faults of a source are named where that is not by its field: `inside` and when it is one too many. */
const ODD_PATHS: Readonly<Record<string, { readonly inside?: string; readonly second?: string }>> = {
  gcePersistentDisk: { inside: 'persistentDisk' },
  cephfs: { second: 'cephFS' },
  downwardAPI: { second: 'downwarAPI' },
};

/** Exactly one source, looked for in the order given: from the second on, each is one too many. `path`: of what has the sources. */
export function validateOneSource(sources: readonly (readonly [name: string, check: (path: FieldPath) => Errors | undefined])[], path: FieldPath): Errors {
  const errors: Errors = [];
  let found = 0;
  for (const [name, check] of sources) {
    const own = check(path.child(ODD_PATHS[name]?.inside ?? name));
    if (own === undefined) continue;
    if (found++ > 0) errors.push(forbidden(path.child(ODD_PATHS[name]?.second ?? name), SECOND));
    else errors.push(...own);
  }
  if (found === 0) errors.push(required(path, 'must specify a volume type'));
  return errors;
}

function validateDisk(disk: { readonly partition?: number | undefined }, path: FieldPath, name: string): Errors {
  const errors: Errors = missing(disk, path, [name]);
  const { partition = 0 } = disk;
  if (partition < 0 || partition > 255) errors.push(invalid(path.child('partition'), partition, 'must be between 1 and 255, inclusive'));
  return errors;
}

function validateNfs({ server, path: exported }: core.NFSVolumeSource, path: FieldPath): Errors {
  const errors: Errors = [];
  if (isEmpty(server)) errors.push(required(path.child('server')));
  if (isEmpty(exported)) errors.push(required(path.child('path')));
  if (!(exported ?? '').startsWith('/')) errors.push(invalid(path.child('path'), exported ?? '', 'must be an absolute path'));
  return errors;
}

/** What a name that starts with one of these words must look like (RFC 3720). */
const ISCSI_NAMES: Readonly<Record<string, RegExp>> = {
  iqn: /iqn\.\d{4}-\d{2}\.([A-Za-z0-9.-]+)(:[^,;*&$|\s]+)$/,
  eui: /^eui.[A-Za-z0-9]{16}$/,
  naa: /^naa.[A-Za-z0-9]{32}$/,
};

/** `foreign`: the fault of a name that starts with none of the words. */
function checkIscsiName(errors: Errors, path: FieldPath, name: string, foreign: string): void {
  const form = ISCSI_NAMES[name.slice(0, 3)];
  if (form === undefined) errors.push(invalid(path, name, foreign));
  else if (!form.test(name)) errors.push(invalid(path, name, 'must be valid format'));
}

const MAX_ISCSI_NAME = 64;
const LONG_ISCSI_NAME = 'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.';

function validateIscsi(source: core.ISCSIVolumeSource | core.ISCSIPersistentVolumeSource, path: FieldPath, owner: SourceOwner): Errors {
  const errors: Errors = missing(source, path, ['targetPortal']);
  const { targetPortal, iqn, lun, initiatorName: initiator } = source;
  const tooLongTogether = initiator !== undefined && `${owner.name}:${targetPortal}`.length > MAX_ISCSI_NAME;
  const foreign = owner.persistent ? 'must be valid format' : 'must be valid format starting with iqn, eui, or naa';
  if (owner.persistent && tooLongTogether) errors.push(invalid(path.child('targetportal'), targetPortal, LONG_ISCSI_NAME));
  if (isEmpty(iqn)) errors.push(required(path.child('iqn')));
  else checkIscsiName(errors, path.child('iqn'), iqn, foreign);
  checkLun(errors, path, lun);
  if ((source.chapAuthDiscovery === true || source.chapAuthSession === true) && source.secretRef === undefined) errors.push(required(path.child('secretRef')));
  if (owner.persistent && source.secretRef !== undefined && isEmpty(source.secretRef.name)) errors.push(required(path.child('secretRef', 'name')));
  if (initiator !== undefined) checkIscsiName(errors, path.child('initiatorname'), initiator, foreign);
  return errors;
}

/** On a pod's volume, whose path it is: a long name together with the portal. */
export function iscsiNameErrors({ name, iscsi }: core.Volume, path: FieldPath): Errors {
  const isTooLong = iscsi?.initiatorName !== undefined && `${name}:${iscsi.targetPortal}`.length > MAX_ISCSI_NAME;
  return isTooLong ? [invalid(path.child('name'), name, LONG_ISCSI_NAME)] : [];
}

function checkLun(errors: Errors, path: FieldPath, lun = 0): void {
  if (lun < 0 || lun > 255) errors.push(invalid(path.child('lun'), lun, 'must be between 0 and 255, inclusive'));
}

function validateGlusterfs(source: core.GlusterfsVolumeSource | core.GlusterfsPersistentVolumeSource, path: FieldPath): Errors {
  const errors: Errors = missing(source, path, ['endpoints', 'path']);
  const namespace = 'endpointsNamespace' in source ? source.endpointsNamespace : undefined;
  const at = path.child('endpointsNamespace');
  if (namespace === '') errors.push(invalid(at, '', 'if the endpointnamespace is set, it must be a valid namespace name'));
  else if (namespace !== undefined) addFaults(errors, at, namespace, dns1123LabelFaults(namespace));
  return errors;
}

function validateFlocker({ datasetName = '', datasetUUID = '' }: core.FlockerVolumeSource, path: FieldPath): Errors {
  const errors: Errors = [];
  if (datasetName === '' && datasetUUID === '') errors.push(required(path, 'one of datasetName and datasetUUID is required'));
  if (datasetName !== '' && datasetUUID !== '') errors.push(invalid(path, 'resource', 'datasetName and datasetUUID can not be specified simultaneously'));
  if (datasetName.includes('/')) errors.push(invalid(path.child('datasetName'), datasetName, "must not contain '/'"));
  return errors;
}

const REGISTRY_FAULT = 'must be a host:port pair or multiple pairs separated by commas';
const MAX_TENANT = 64;
const HOST_PORT = /^([^:[\]]*|\[[^[\]]*\]):[^:[\]]*$/;

function validateQuobyte({ registry, tenant = '', volume }: core.QuobyteVolumeSource, path: FieldPath): Errors {
  const errors: Errors = [];
  if (registry === '') errors.push(required(path.child('registry'), REGISTRY_FAULT));
  else if (tenant.length > MAX_TENANT) errors.push(required(path.child('tenant'), 'must be a UUID and may not exceed a length of 64 characters'));
  else for (const pair of registry.split(',')) if (!HOST_PORT.test(pair)) errors.push(invalid(path.child('registry'), registry, REGISTRY_FAULT));
  if (isEmpty(volume)) errors.push(required(path.child('volume')));
  return errors;
}

function validateFibre({ targetWWNs = [], wwids = [], lun }: core.FCVolumeSource, path: FieldPath): Errors {
  const errors: Errors = [];
  if (targetWWNs.length < 1 && wwids.length < 1) errors.push(required(path.child('targetWWNs'), 'must specify either targetWWNs or wwids, but not both'));
  if (targetWWNs.length > 0 && wwids.length > 0)
    errors.push(invalid(path.child('targetWWNs'), [...targetWWNs], 'targetWWNs and wwids can not be specified simultaneously'));
  if (targetWWNs.length === 0) return errors;
  if (lun === undefined) errors.push(required(path.child('lun'), 'lun is required if targetWWNs is specified'));
  else checkLun(errors, path, lun);
  return errors;
}

function validateFlex(source: core.FlexVolumeSource | core.FlexPersistentVolumeSource, path: FieldPath): Errors {
  const errors: Errors = missing(source, path, ['driver']);
  for (const key of Object.keys(source.options ?? {})) {
    const domain = `.${(key.includes('/') ? key.slice(0, key.indexOf('/')) : key).toLowerCase()}`;
    if (domain.endsWith('.kubernetes.io') || domain.endsWith('.k8s.io'))
      errors.push(invalid(path.child('options').key(key), key, 'kubernetes.io and k8s.io namespaces are reserved'));
  }
  return errors;
}

function validateAzureFile(source: core.AzureFileVolumeSource | core.AzureFilePersistentVolumeSource, path: FieldPath): Errors {
  const errors: Errors = missing(source, path, ['secretName', 'shareName']);
  if ('secretNamespace' in source && source.secretNamespace === '') errors.push(required(path.child('secretNamespace')));
  return errors;
}

const CACHING_MODES = ['None', 'ReadOnly', 'ReadWrite'];
const DISK_KINDS = ['Dedicated', 'Managed', 'Shared'];
const MANAGED_DISK = '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
const BLOB_DISK = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';

function validateAzureDisk(disk: core.AzureDiskVolumeSource, path: FieldPath): Errors {
  const errors: Errors = missing(disk, path, ['diskName', 'diskURI']);
  const { cachingMode, kind, diskURI } = disk;
  checkSupported(errors, path.child('cachingMode'), cachingMode, CACHING_MODES);
  checkSupported(errors, path.child('kind'), kind, DISK_KINDS);
  const [start, form] = kind === 'Managed' ? ['/subscriptions/', MANAGED_DISK] : ['https://', BLOB_DISK];
  if (kind !== undefined && !diskURI.startsWith(start)) errors.push(notSupported(path.child('diskURI'), diskURI, [form]));
  return errors;
}

function validateStorageOS(
  { volumeName, volumeNamespace, secretRef }: core.StorageOSVolumeSource | core.StorageOSPersistentVolumeSource,
  path: FieldPath,
  owner: SourceOwner,
): Errors {
  const errors: Errors = [];
  checkName(errors, path.child('volumeName'), volumeName, dns1123LabelFaults);
  if (!isEmpty(volumeNamespace)) addFaults(errors, path.child('volumeNamespace'), volumeNamespace, dns1123LabelFaults(volumeNamespace));
  return [...errors, ...secretErrors(secretRef, path, owner)];
}

type Secret = core.LocalObjectReference & { readonly namespace?: string | undefined };

/** A pod's is in its own namespace. */
function secretErrors(secret: Secret | undefined, path: FieldPath, owner: SourceOwner): Errors {
  return secret === undefined ? [] : missing(secret, path.child('secretRef'), owner.persistent ? ['name', 'namespace'] : ['name']);
}

const MAX_DRIVER_LENGTH = 63;
const CSI_SECRETS = ['controllerPublishSecretRef', 'controllerExpandSecretRef', 'nodePublishSecretRef', 'nodeExpandSecretRef'] as const;

export function validateCsi(source: core.CSIVolumeSource | core.CSIPersistentVolumeSource, path: FieldPath): Errors {
  const errors: Errors = checkDriverName(source.driver, path.child('driver'));
  if (!('volumeHandle' in source)) {
    const secret = source.nodePublishSecretRef?.name;
    if (source.nodePublishSecretRef === undefined) return errors;
    // The path of a bad name is the one that Kubernetes gives.
    if (isEmpty(secret)) errors.push(required(path.child('nodePublishSecretRef', 'name')));
    else addFaults(errors, path.child('name'), secret, dns1123SubdomainFaults(secret));
    return errors;
  }
  if (isEmpty(source.volumeHandle)) errors.push(required(path.child('volumeHandle')));
  for (const field of CSI_SECRETS) {
    const secret = source[field];
    if (secret === undefined) continue;
    checkName(errors, path.child(field, 'name'), secret.name, dns1123SubdomainFaults);
    checkName(errors, path.child(field, 'namespace'), secret.namespace, dns1123LabelFaults);
  }
  return errors;
}

export function checkDriverName(driver: string | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  const name = driver ?? '';
  if (name === '') return [required(path)];
  if (name.length > MAX_DRIVER_LENGTH) errors.push(tooLong(path, MAX_DRIVER_LENGTH));
  addFaults(errors, path, name, dns1123SubdomainFaults(name.toLowerCase()));
  return errors;
}

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

/** `path`: of the list. */
export function checkAccessModes(errors: Errors, modes: readonly string[] | undefined, path: FieldPath): void {
  for (const mode of modes ?? []) if (!ACCESS_MODES.includes(mode)) errors.push(notSupported(path, mode, ACCESS_MODES));
  const known = new Set((modes ?? []).filter((mode) => ACCESS_MODES.includes(mode)));
  if (known.has('ReadWriteOncePod') && known.size > 1) errors.push(forbidden(path, 'may not use ReadWriteOncePod with other access modes'));
}
