import { duplicate, type FieldPath, forbidden, invalid, required } from '../../machinery/field-error.ts';
import { validateLabelSelector } from '../../machinery/labels.ts';
import { dns1123LabelFaults, dns1123SubdomainFaults } from '../../machinery/names.ts';
import { validateSignerName } from '../certificates/certificate-signing-request.validation.ts';
import { addFaults, asJson, checkOneOf, checkSupported, type Errors, isEmpty } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';
import { validateFileFieldRef, validateResourceFieldRef } from './env.validation.ts';
import { checkDescendingPath, checkFileName, checkMode, checkNoBacksteps } from './path.validation.ts';
import { validateClaimTemplate } from './persistent-volume-claim.validation.ts';
import { iscsiNameErrors, REMOTE_SOURCES, type RemoteSource, validateOneSource } from './remote-volume.validation.ts';
import { quantityOf } from './resources.validation.ts';

/** Names of the volumes that are well-formed, with their sources, for whoever mounts them. */
export interface Volumes {
  readonly errors: Errors;
  readonly byName: ReadonlyMap<string, core.Volume>;
}

/** Whose volumes they are. */
export interface VolumeOwner {
  /** Of a pod; a template has none, and may leave some things open. */
  readonly podName: string | undefined;
  readonly isPod: boolean;
  /** The kubelet made the pod of a file. */
  readonly isMirror?: boolean;
}

export function validateVolumes(volumes: readonly core.Volume[] | undefined, path: FieldPath, owner: VolumeOwner): Volumes {
  const errors: Errors = [];
  const byName = new Map<string, core.Volume>();
  const made = new Set(
    (volumes ?? []).filter(({ ephemeral }) => ephemeral !== undefined && !isEmpty(owner.podName)).map(({ name }) => `${owner.podName}-${name}`),
  );
  for (const [i, volume] of (volumes ?? []).entries()) {
    const at = path.index(i);
    const own: Errors = [...validateSource(volume, at, owner), ...iscsiNameErrors(volume, at), ...madeNameErrors(volume, at, owner)];
    if (isEmpty(volume.name)) own.push(required(at.child('name')));
    else addFaults(own, at.child('name'), volume.name, dns1123LabelFaults(volume.name));
    if (byName.has(volume.name)) own.push(duplicate(at.child('name'), volume.name));
    if (own.length === 0) byName.set(volume.name, volume);
    errors.push(...own);
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim !== undefined && made.has(claim))
      errors.push(invalid(at.child('persistentVolumeClaim', 'claimName'), claim, 'must not reference a PVC that gets created for an ephemeral volume'));
  }
  return { errors, byName };
}

/** The claim that is made for an ephemeral volume bears the pod's name and its own. */
function madeNameErrors({ name, ephemeral }: core.Volume, path: FieldPath, { podName }: VolumeOwner): Errors {
  if (ephemeral === undefined || isEmpty(podName) || isEmpty(name)) return [];
  const claim = `${podName}-${name}`;
  return dns1123SubdomainFaults(claim).map((fault) => invalid(path.child('name'), name, `PVC name ${JSON.stringify(claim)}: ${fault}`));
}

type Source = (volume: core.Volume, path: FieldPath, owner: VolumeOwner) => Errors | undefined;

function remote(...names: readonly RemoteSource[]): readonly (readonly [string, Source])[] {
  return names.map((name) => [name, (volume, path) => REMOTE_SOURCES[name](volume, path, { name: volume.name, persistent: false })]);
}

/** In the order in which they are looked at. */
const SOURCES: readonly (readonly [name: string, check: Source])[] = [
  ['emptyDir', (v, at) => v.emptyDir && validateEmptyDir(v.emptyDir, at)],
  ['hostPath', (v, at) => v.hostPath && validateHostPath(v.hostPath, at)],
  ['gitRepo', (v, at) => v.gitRepo && validateGitRepo(v.gitRepo, at)],
  ...remote('gcePersistentDisk', 'awsElasticBlockStore'),
  ['secret', (v, at) => v.secret && validateSecret(v.secret, at)],
  ...remote('nfs', 'iscsi', 'glusterfs', 'flocker'),
  ['persistentVolumeClaim', (v, at) => v.persistentVolumeClaim && (isEmpty(v.persistentVolumeClaim.claimName) ? [required(at.child('claimName'))] : [])],
  ...remote('rbd', 'cinder', 'cephfs', 'quobyte'),
  ['downwardAPI', (v, at) => v.downwardAPI && validateDownward(v.downwardAPI, at)],
  ...remote('fc', 'flexVolume'),
  ['configMap', (v, at) => v.configMap && validateConfigMap(v.configMap, at)],
  ...remote('azureFile', 'vsphereVolume', 'photonPersistentDisk', 'portworxVolume', 'azureDisk', 'storageos'),
  ['projected', (v, at) => v.projected && validateProjected(v.projected, at)],
  ...remote('scaleIO', 'csi'),
  ['ephemeral', (v, at) => v.ephemeral && validateEphemeral(v.ephemeral, at)],
  ['image', (v, at, owner) => v.image && validateImage(v.image, at, owner)],
];

function validateSource(volume: core.Volume, path: FieldPath, owner: VolumeOwner): Errors {
  return validateOneSource(
    SOURCES.map(([name, check]) => [name, (at) => check(volume, at, owner)]),
    path,
  );
}

function validateEmptyDir({ sizeLimit }: core.EmptyDirVolumeSource, path: FieldPath): Errors {
  return sizeLimit !== undefined && quantityOf(sizeLimit).nanos < 0n
    ? [forbidden(path.child('sizeLimit'), 'SizeLimit field must be a valid resource quantity')]
    : [];
}

const HOST_PATH_TYPES = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];

export function validateHostPath({ path: hostPath, type }: core.HostPathVolumeSource, path: FieldPath): Errors {
  if (isEmpty(hostPath)) return [required(path.child('path'))];
  const errors: Errors = [];
  checkNoBacksteps(errors, path.child('path'), hostPath);
  checkSupported(errors, path.child('type'), type, HOST_PATH_TYPES);
  return errors;
}

function validateGitRepo({ repository, directory }: core.GitRepoVolumeSource, path: FieldPath): Errors {
  const errors: Errors = [];
  if (isEmpty(repository)) errors.push(required(path.child('repository')));
  checkDescendingPath(errors, path.child('directory'), directory ?? '');
  return errors;
}

function validateSecret({ secretName, defaultMode, items }: core.SecretVolumeSource, path: FieldPath): Errors {
  const errors: Errors = [];
  if (isEmpty(secretName)) errors.push(required(path.child('secretName')));
  checkMode(errors, path.child('defaultMode'), defaultMode);
  checkItems(errors, items, path.child('items'));
  return errors;
}

function validateConfigMap({ name, defaultMode, items }: core.ConfigMapVolumeSource, path: FieldPath): Errors {
  const errors: Errors = [];
  if (isEmpty(name)) errors.push(required(path.child('name')));
  checkMode(errors, path.child('defaultMode'), defaultMode);
  checkItems(errors, items, path.child('items'));
  return errors;
}

function checkItems(errors: Errors, items: readonly core.KeyToPath[] | undefined, path: FieldPath): void {
  for (const [i, item] of (items ?? []).entries()) checkItem(errors, item, path.index(i));
}

function checkItem(errors: Errors, item: core.KeyToPath, path: FieldPath): void {
  if (isEmpty(item.key)) errors.push(required(path.child('key')));
  if (isEmpty(item.path)) errors.push(required(path.child('path')));
  checkFileName(errors, path.child('path'), item.path ?? '');
  checkMode(errors, path.child('mode'), item.mode);
}

function validateDownward({ defaultMode, items }: core.DownwardAPIVolumeSource, path: FieldPath): Errors {
  const errors: Errors = [];
  checkMode(errors, path.child('defaultMode'), defaultMode);
  for (const file of items ?? []) errors.push(...validateDownwardFile(file, path));
  return errors;
}

function validateDownwardFile(file: core.DownwardAPIVolumeFile, path: FieldPath): Errors {
  const errors: Errors = [];
  if (isEmpty(file.path)) errors.push(required(path.child('path')));
  checkFileName(errors, path.child('path'), file.path ?? '');
  if (file.fieldRef !== undefined) {
    errors.push(...validateFileFieldRef(file.fieldRef, path.child('fieldRef')));
    if (file.resourceFieldRef !== undefined) errors.push(invalid(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
  } else if (file.resourceFieldRef !== undefined) {
    errors.push(...validateResourceFieldRef(file.resourceFieldRef, path.child('resourceFieldRef'), true));
  } else {
    errors.push(required(path, 'one of fieldRef and resourceFieldRef is required'));
  }
  checkMode(errors, path.child('mode'), file.mode);
  return errors;
}

function validateProjected({ defaultMode, sources }: core.ProjectedVolumeSource, path: FieldPath): Errors {
  const errors: Errors = [];
  checkMode(errors, path.child('defaultMode'), defaultMode);
  const files = new Set<string>();
  for (const [i, source] of (sources ?? []).entries()) errors.push(...validateProjection(source, path.child('sources').index(i), path, files));
  return errors;
}

const MIN_TOKEN_SECONDS = 600;

/** `files`: the paths that other sources have taken. Two sources in one are told of once, and none is let be. */
function validateProjection(source: core.VolumeProjection, at: FieldPath, volume: FieldPath, files: Set<string>): Errors {
  const errors: Errors = [];
  const take = (name: string, path: string | undefined): void => {
    if (isEmpty(path)) return;
    if (files.has(path)) errors.push(invalid(volume, name, 'conflicting duplicate paths'));
    files.add(path);
  };
  for (const name of ['secret', 'configMap'] as const) {
    const projection = source[name];
    if (projection === undefined) continue;
    if (isEmpty(projection.name)) errors.push(required(at.child(name, 'name')));
    for (const [i, item] of (projection.items ?? []).entries()) {
      checkItem(errors, item, at.child(name, 'items').index(i));
      take(projection.name ?? '', item.path);
    }
  }
  for (const file of source.downwardAPI?.items ?? []) {
    errors.push(...validateDownwardFile(file, at.child('downwardAPI')));
    take(file.path, file.path);
  }
  if (source.serviceAccountToken !== undefined) errors.push(...validateToken(source.serviceAccountToken, at.child('serviceAccountToken'), volume));
  if (source.clusterTrustBundle !== undefined) {
    errors.push(...validateTrustBundle(source.clusterTrustBundle, at.child('clusterTrustBundle')));
    take(source.clusterTrustBundle.path, source.clusterTrustBundle.path);
  }
  if (Object.values(source).filter((given) => given !== undefined).length > 1) errors.push(forbidden(at, 'may not specify more than 1 volume type per source'));
  return errors;
}

/** The path of a bad path is the one that Kubernetes gives: `volume`'s. */
function validateToken({ expirationSeconds = 3600, path: file }: core.ServiceAccountTokenProjection, path: FieldPath, volume: FieldPath): Errors {
  const errors: Errors = [];
  const seconds = path.child('expirationSeconds');
  if (expirationSeconds < MIN_TOKEN_SECONDS) errors.push(invalid(seconds, expirationSeconds, 'may not specify a duration less than 10 minutes'));
  if (expirationSeconds > 2 ** 32) errors.push(invalid(seconds, expirationSeconds, 'may not specify a duration larger than 2^32 seconds'));
  if (isEmpty(file)) errors.push(required(volume.child('path')));
  else checkFileName(errors, volume.child('path'), file);
  return errors;
}

function validateTrustBundle(bundle: core.ClusterTrustBundleProjection, path: FieldPath): Errors {
  const errors: Errors = [];
  const { name, signerName, labelSelector, path: file } = bundle;
  if (name !== undefined && signerName !== undefined) {
    errors.push(invalid(path, asJson(bundle), 'only one of name and signerName may be used'));
  } else if (name !== undefined) {
    if (name === '') errors.push(required(path.child('name'), 'must be a valid object name'));
    for (const fault of bundleNameFaults(name)) errors.push(invalid(path.child('name'), name, `not a valid clustertrustbundlename: ${fault}`));
    if (labelSelector !== undefined)
      errors.push(invalid(path.child('labelSelector'), asJson(labelSelector), 'labelSelector must be unset if name is specified'));
  } else if (signerName !== undefined) {
    if (signerName === '') errors.push(required(path.child('signerName'), 'must be a valid signer name'));
    errors.push(...validateSignerName(signerName, path.child('signerName')), ...validateLabelSelector(labelSelector, path.child('labelSelector')));
  } else {
    errors.push(required(path, 'either name or signerName must be specified'));
  }
  if (file === '') errors.push(required(path.child('path')));
  checkFileName(errors, path.child('path'), file);
  return errors;
}

/** Before the last colon stands the signer, behind it a name (KEP-3257). */
const bundleNameFaults = (name: string): readonly string[] => dns1123SubdomainFaults(name.slice(name.lastIndexOf(':') + 1));

function validateEphemeral({ volumeClaimTemplate }: core.EphemeralVolumeSource, path: FieldPath): Errors {
  const at = path.child('volumeClaimTemplate');
  return volumeClaimTemplate === undefined ? [required(at)] : validateClaimTemplate(volumeClaimTemplate, at);
}

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];

function validateImage({ reference, pullPolicy }: core.ImageVolumeSource, path: FieldPath, { isPod }: VolumeOwner): Errors {
  const errors: Errors = [];
  if (isPod && isEmpty(reference)) errors.push(required(path.child('reference')));
  checkOneOf(errors, path.child('pullPolicy'), pullPolicy, PULL_POLICIES);
  return errors;
}
