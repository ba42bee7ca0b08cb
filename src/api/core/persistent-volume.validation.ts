import { type FieldError, type FieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { getOwn } from '../../machinery/record.ts';
import { asJson, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import { semanticEqual } from '../equal.ts';
import type * as core from '../gen/types/core.v1.ts';
import { hasBadValues, validateNodeSelector } from './affinity.validation.ts';
import { checkNoBacksteps } from './path.validation.ts';
import { checkClassName } from './persistent-volume-claim.validation.ts';
import { checkAccessModes, REMOTE_SOURCES, type RemoteSource, validateOneSource } from './remote-volume.validation.ts';
import { checkCapacity, quantityOf } from './resources.validation.ts';
import { validateHostPath } from './volume.validation.ts';

const SPEC = root('spec');
const RECLAIM_POLICIES = ['Delete', 'Recycle', 'Retain'];
const VOLUME_MODES = ['Block', 'Filesystem'];

/** The fields of the spec of which exactly one says where the bytes are. */
const SOURCE_FIELDS: readonly string[] = ['hostPath', 'local', ...Object.keys(REMOTE_SOURCES)];

export const validatePersistentVolume = (volume: core.PersistentVolume): readonly FieldError[] => validateVolume(volume, undefined);

/** Values that `old` selects nodes by may be no values of labels. */
function validateVolume({ metadata, spec }: core.PersistentVolume, old: core.PersistentVolume | undefined): Errors {
  const errors: Errors = [];
  const of = spec ?? {};
  if ((of.accessModes ?? []).length === 0) errors.push(required(SPEC.child('accessModes')));
  checkAccessModes(errors, of.accessModes, SPEC.child('accessModes'));
  errors.push(...validateCapacity(of.capacity));
  const policy = of.persistentVolumeReclaimPolicy;
  if (!isEmpty(policy) && !RECLAIM_POLICIES.includes(policy)) errors.push(notSupported(SPEC.child('persistentVolumeReclaimPolicy'), policy, RECLAIM_POLICIES));
  errors.push(...validateNodes(of.nodeAffinity, hasBadValues(old?.spec?.nodeAffinity?.required)));
  errors.push(...validateSource(of, metadata?.name ?? ''));
  if (of.hostPath !== undefined && normal(of.hostPath.path) === '/' && policy === 'Recycle') {
    errors.push(forbidden(SPEC.child('persistentVolumeReclaimPolicy'), "may not be 'recycle' for a hostPath mount of '/'"));
  }
  checkClassName(errors, SPEC.child('storageClassName'), of.storageClassName);
  if (of.volumeMode !== undefined && !VOLUME_MODES.includes(of.volumeMode)) errors.push(notSupported(SPEC.child('volumeMode'), of.volumeMode, VOLUME_MODES));
  return [...errors, ...validateAttributesClass(of)];
}

function validateNodes(affinity: core.VolumeNodeAffinity | undefined, anyValues: boolean): Errors {
  const path = SPEC.child('nodeAffinity', 'required');
  if (affinity === undefined) return [];
  if (affinity.required === undefined) return [required(path, 'must specify required node constraints')];
  return validateNodeSelector(affinity.required, path, anyValues);
}

function validateAttributesClass({ volumeAttributesClassName: name, csi }: core.PersistentVolumeSpec): Errors {
  const errors: Errors = [];
  const path = SPEC.child('volumeAttributesClassName');
  if (name === undefined) return errors;
  if (name === '') errors.push(required(path, 'an empty string is disallowed'));
  checkClassName(errors, path, name);
  if (csi === undefined) errors.push(required(SPEC.child('csi'), 'has to be specified when using volumeAttributesClassName'));
  return errors;
}

const normal = (path: string): string => path.replace(/\/+/g, '/').replace(/(.)\/$/, '$1');

function validateCapacity(capacity: Readonly<Record<string, string>> | undefined): Errors {
  const errors: Errors = [];
  const path = SPEC.child('capacity');
  const names = Object.keys(capacity ?? {});
  if (names.length === 0) errors.push(required(path));
  if (getOwn(capacity, 'storage') === undefined || names.length > 1) errors.push(notSupported(path, asJson(capacity ?? null), ['storage']));
  for (const name of names) {
    checkCapacity(errors, path.key(name), capacity?.[name] ?? '');
    if (quantityOf(capacity?.[name]).nanos <= 0n) errors.push(invalid(path.key(name), capacity?.[name] ?? '', 'must be greater than zero'));
  }
  return errors;
}

/** In the order in which they are looked at. */
const SOURCES: readonly RemoteSource[] = [
  ...(['gcePersistentDisk', 'awsElasticBlockStore', 'glusterfs', 'flocker', 'nfs', 'rbd', 'quobyte', 'cephfs', 'iscsi', 'cinder', 'fc'] as const),
  ...(['flexVolume', 'azureFile', 'vsphereVolume', 'photonPersistentDisk', 'portworxVolume', 'azureDisk', 'scaleIO'] as const),
];

function validateSource(spec: core.PersistentVolumeSpec, volumeName: string): Errors {
  const remote = (name: RemoteSource): readonly [string, (path: FieldPath) => Errors | undefined] => [
    name,
    (at) => REMOTE_SOURCES[name](spec, at, { name: volumeName, persistent: true }),
  ];
  return validateOneSource(
    [
      ['hostPath', (at) => spec.hostPath && validateHostPath(spec.hostPath, at)],
      ...SOURCES.map(remote),
      ['local', (at) => spec.local && validateLocal(spec, at)],
      remote('storageos'),
      remote('csi'),
    ],
    SPEC,
  );
}

function validateLocal({ local, nodeAffinity }: core.PersistentVolumeSpec, path: FieldPath): Errors {
  const errors: Errors = [];
  if (isEmpty(local?.path)) errors.push(required(path.child('path')));
  else checkNoBacksteps(errors, path.child('path'), local?.path ?? '');
  if (nodeAffinity === undefined) errors.push(required(SPEC.child('nodeAffinity'), 'Local volume requires node affinity'));
  return errors;
}

/** Where the bytes are never changes. */
export function validatePersistentVolumeUpdate(volume: core.PersistentVolume, old: core.PersistentVolume): readonly FieldError[] {
  const errors: Errors = validateVolume(volume, old);
  if (!semanticEqual(sourceOf(withoutNewSecret(volume.spec, old.spec)), sourceOf(old.spec)))
    errors.push(forbidden(SPEC.child('persistentvolumesource'), 'spec.persistentvolumesource is immutable after creation'));
  // The paths are the ones that Kubernetes gives.
  if (volume.spec?.volumeMode !== old.spec?.volumeMode) errors.push(invalid(root('volumeMode'), volume.spec?.volumeMode ?? null, IMMUTABLE));
  const [affinity, before] = [volume.spec?.nodeAffinity, old.spec?.nodeAffinity];
  if (before !== undefined && !semanticEqual(affinity, before) && !semanticEqual(affinity, withStableLabels(before, affinity)))
    errors.push(invalid(root('nodeAffinity'), asJson(affinity), `${IMMUTABLE}, except for updating from beta label to GA`));
  if (old.spec?.volumeAttributesClassName !== undefined && volume.spec?.volumeAttributesClassName === undefined)
    errors.push(forbidden(SPEC.child('volumeAttributesClassName'), 'update from non-nil value to nil is forbidden'));
  return errors;
}

const sourceOf = (spec: core.PersistentVolumeSpec | undefined): object =>
  Object.fromEntries(Object.entries(spec ?? {}).filter(([field]) => SOURCE_FIELDS.includes(field)));

/** The secret for expansion may be named later, where none was. */
function withoutNewSecret(spec: core.PersistentVolumeSpec | undefined, old: core.PersistentVolumeSpec | undefined): core.PersistentVolumeSpec | undefined {
  if (spec?.csi === undefined || old?.csi === undefined || old.csi.controllerExpandSecretRef !== undefined) return spec;
  const { controllerExpandSecretRef: _secret, ...csi } = spec.csi;
  return { ...spec, csi };
}

const STABLE_LABELS: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'beta.kubernetes.io/os': 'kubernetes.io/os',
  'beta.kubernetes.io/arch': 'kubernetes.io/arch',
  'beta.kubernetes.io/instance-type': 'node.kubernetes.io/instance-type',
};

/** `before`, with the stable name of a label where `now` has it. */
function withStableLabels(before: core.VolumeNodeAffinity, now: core.VolumeNodeAffinity | undefined): core.VolumeNodeAffinity {
  const nodeSelectorTerms = (before.required?.nodeSelectorTerms ?? []).map((term, i) => {
    const renamed = (field: 'matchExpressions' | 'matchFields') =>
      term[field]?.map((requirement, j) => {
        const key = now?.required?.nodeSelectorTerms[i]?.[field]?.[j]?.key;
        return key !== undefined && STABLE_LABELS[requirement.key] === key ? { ...requirement, key } : requirement;
      });
    return { ...term, matchExpressions: renamed('matchExpressions'), matchFields: renamed('matchFields') };
  });
  return { required: { nodeSelectorTerms } };
}
