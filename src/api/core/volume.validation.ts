import { duplicate, type FieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { dns1123LabelFaults } from '../../machinery/names.ts';
import { addFaults, checkSupported, type Errors, isEmpty } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';
import { validateFileFieldRef, validateResourceFieldRef } from './env.validation.ts';
import { checkDescendingPath, checkFileName, checkMode, checkNoBacksteps } from './path.validation.ts';
import { validateClaimSpec } from './persistent-volume-claim.validation.ts';
import { REMOTE_SOURCES } from './remote-volume.validation.ts';
import { quantityOf } from './resources.validation.ts';

/** Names of the volumes that are well-formed, with their sources, for whoever mounts them. */
export interface Volumes {
  readonly errors: Errors;
  readonly byName: ReadonlyMap<string, core.Volume>;
}

export function validateVolumes(volumes: readonly core.Volume[] | undefined, path: FieldPath): Volumes {
  const errors: Errors = [];
  const byName = new Map<string, core.Volume>();
  for (const [i, volume] of (volumes ?? []).entries()) {
    const at = path.index(i);
    const own: Errors = validateSource(volume, at);
    if (isEmpty(volume.name)) own.push(required(at.child('name')));
    else addFaults(own, at.child('name'), volume.name, dns1123LabelFaults(volume.name));
    if (byName.has(volume.name)) own.push(duplicate(at.child('name'), volume.name));
    if (own.length === 0) byName.set(volume.name, volume);
    errors.push(...own);
  }
  return { errors, byName };
}

type Source = (volume: core.Volume, path: FieldPath) => Errors | undefined;

/** In the order in which they are looked at: from the second one on, each is one too many. */
const SOURCES: readonly (readonly [name: string, check: Source])[] = [
  ['emptyDir', (v, at) => v.emptyDir && validateEmptyDir(v.emptyDir, at)],
  ['hostPath', (v, at) => v.hostPath && validateHostPath(v.hostPath, at)],
  ['gitRepo', (v, at) => v.gitRepo && validateGitRepo(v.gitRepo, at)],
  ...REMOTE_SOURCES.slice(0, 2),
  ['secret', (v, at) => v.secret && validateSecret(v.secret, at)],
  ...REMOTE_SOURCES.slice(2, 3),
  ['persistentVolumeClaim', (v, at) => v.persistentVolumeClaim && (isEmpty(v.persistentVolumeClaim.claimName) ? [required(at.child('claimName'))] : [])],
  ...REMOTE_SOURCES.slice(3),
  ['configMap', (v, at) => v.configMap && validateConfigMap(v.configMap, at)],
  ['downwardAPI', (v, at) => v.downwardAPI && validateDownward(v.downwardAPI, at)],
  ['projected', (v, at) => v.projected && validateProjected(v.projected, at)],
  ['ephemeral', (v, at) => v.ephemeral && validateEphemeral(v.ephemeral, at)],
  ['image', (v, at) => v.image && validateImage(v.image, at)],
];

function validateSource(volume: core.Volume, path: FieldPath): Errors {
  const errors: Errors = [];
  let found = 0;
  for (const [name, check] of SOURCES) {
    const own = check(volume, path.child(name));
    if (own === undefined) continue;
    if (found > 0) errors.push(forbidden(path.child(name), 'may not specify more than 1 volume type'));
    else errors.push(...own);
    found++;
  }
  if (found === 0) errors.push(required(path, 'must specify a volume type'));
  return errors;
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
  for (const [i, item] of (items ?? []).entries()) {
    const at = path.index(i);
    if (isEmpty(item.key)) errors.push(required(at.child('key')));
    if (isEmpty(item.path)) errors.push(required(at.child('path')));
    checkFileName(errors, at.child('path'), item.path ?? '');
    checkMode(errors, at.child('mode'), item.mode);
  }
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

/** `files`: the paths that other sources have taken. */
function validateProjection(source: core.VolumeProjection, at: FieldPath, volume: FieldPath, files: Set<string>): Errors {
  const errors: Errors = [];
  let found = 0;
  const take = (name: string, present: boolean, check: (path: FieldPath) => void): void => {
    if (!present) return;
    if (found++ > 0) errors.push(forbidden(at.child(name), 'may not specify more than 1 volume type per source'));
    else check(at.child(name));
  };
  const claim = (name: string, path: string | undefined): void => {
    if (isEmpty(path)) return;
    if (files.has(path)) errors.push(invalid(volume, name, 'conflicting duplicate paths'));
    files.add(path);
  };
  for (const name of ['secret', 'configMap'] as const) {
    take(name, source[name] !== undefined, (path) => {
      if (isEmpty(source[name]?.name)) errors.push(required(path.child('name')));
      checkItems(errors, source[name]?.items, path.child('items'));
      for (const item of source[name]?.items ?? []) claim(source[name]?.name ?? '', item.path);
    });
  }
  take('downwardAPI', source.downwardAPI !== undefined, (path) => {
    for (const file of source.downwardAPI?.items ?? []) {
      errors.push(...validateDownwardFile(file, path));
      claim('downwardAPI', file.path);
    }
  });
  take('serviceAccountToken', source.serviceAccountToken !== undefined, (path) => {
    const seconds = source.serviceAccountToken?.expirationSeconds ?? 3600;
    if (seconds < MIN_TOKEN_SECONDS) errors.push(invalid(path.child('expirationSeconds'), seconds, 'may not specify a duration less than 10 minutes'));
    if (seconds > 2 ** 32) errors.push(invalid(path.child('expirationSeconds'), seconds, 'may not specify a duration larger than 2^32 seconds'));
    if (isEmpty(source.serviceAccountToken?.path)) errors.push(required(path.child('path')));
    else checkFileName(errors, path.child('path'), source.serviceAccountToken?.path ?? '');
    claim('serviceAccountToken', source.serviceAccountToken?.path);
  });
  take('clusterTrustBundle', source.clusterTrustBundle !== undefined, (path) => {
    const { name, signerName, path: file } = source.clusterTrustBundle ?? { path: '' };
    if (isEmpty(name) && isEmpty(signerName)) errors.push(required(path, 'either name or signerName must be specified'));
    else if (!isEmpty(name) && !isEmpty(signerName)) errors.push(invalid(path, name, 'only one of name and signerName may be specified'));
    if (isEmpty(file)) errors.push(required(path.child('path')));
    else checkFileName(errors, path.child('path'), file);
  });
  take('podCertificate', source.podCertificate !== undefined, () => {});
  if (found === 0) errors.push(required(at, 'must specify a volume type'));
  return errors;
}

function validateEphemeral({ volumeClaimTemplate }: core.EphemeralVolumeSource, path: FieldPath): Errors {
  if (volumeClaimTemplate === undefined) return [required(path.child('volumeClaimTemplate'))];
  return validateClaimSpec(volumeClaimTemplate.spec, path.child('volumeClaimTemplate', 'spec'));
}

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];

function validateImage({ reference, pullPolicy }: core.ImageVolumeSource, path: FieldPath): Errors {
  const errors: Errors = [];
  if (isEmpty(reference)) errors.push(required(path.child('reference')));
  if (pullPolicy !== undefined && !PULL_POLICIES.includes(pullPolicy)) errors.push(notSupported(path.child('pullPolicy'), pullPolicy, PULL_POLICIES));
  return errors;
}
