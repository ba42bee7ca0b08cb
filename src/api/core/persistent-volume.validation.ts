import { type FieldError, type FieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { getOwn } from '../../machinery/record.ts';
import { asJson, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import { semanticEqual } from '../equal.ts';
import type * as core from '../gen/types/core.v1.ts';
import { validateNodeSelector } from './affinity.validation.ts';
import { checkNoBacksteps } from './path.validation.ts';
import { checkClassName } from './persistent-volume-claim.validation.ts';
import { checkAccessModes, REMOTE_SOURCES } from './remote-volume.validation.ts';
import { quantityOf } from './resources.validation.ts';
import { validateHostPath } from './volume.validation.ts';

const SPEC = root('spec');
const RECLAIM_POLICIES = ['Delete', 'Recycle', 'Retain'];
const VOLUME_MODES = ['Block', 'Filesystem'];

/** The fields of the spec of which exactly one says where the bytes are. */
const SOURCE_FIELDS: readonly string[] = ['hostPath', 'local', ...REMOTE_SOURCES.map(([name]) => name)];

export function validatePersistentVolume({ spec }: core.PersistentVolume): readonly FieldError[] {
  const errors: Errors = [];
  const of = spec ?? {};
  if ((of.accessModes ?? []).length === 0) errors.push(required(SPEC.child('accessModes')));
  checkAccessModes(errors, of.accessModes, SPEC.child('accessModes'));
  errors.push(...validateCapacity(of.capacity));
  const policy = of.persistentVolumeReclaimPolicy;
  if (!isEmpty(policy) && !RECLAIM_POLICIES.includes(policy)) errors.push(notSupported(SPEC.child('persistentVolumeReclaimPolicy'), policy, RECLAIM_POLICIES));
  const needed = of.nodeAffinity?.required;
  if (of.nodeAffinity !== undefined) {
    const path = SPEC.child('nodeAffinity');
    errors.push(
      ...(needed === undefined
        ? [required(path.child('required'), 'must specify required node constraints')]
        : validateNodeSelector(needed, path.child('required'))),
    );
  }
  errors.push(...validateSource(of));
  if (of.hostPath !== undefined && normal(of.hostPath.path) === '/' && policy === 'Recycle') {
    errors.push(forbidden(SPEC.child('persistentVolumeReclaimPolicy'), "may not be 'recycle' for a hostPath mount of '/'"));
  }
  checkClassName(errors, SPEC.child('storageClassName'), of.storageClassName);
  if (of.volumeMode !== undefined && !VOLUME_MODES.includes(of.volumeMode)) errors.push(notSupported(SPEC.child('volumeMode'), of.volumeMode, VOLUME_MODES));
  return errors;
}

const normal = (path: string): string => path.replace(/\/+/g, '/').replace(/(.)\/$/, '$1');

function validateCapacity(capacity: Readonly<Record<string, string>> | undefined): Errors {
  const errors: Errors = [];
  const path = SPEC.child('capacity');
  const names = Object.keys(capacity ?? {});
  if (names.length === 0) errors.push(required(path));
  if (getOwn(capacity, 'storage') === undefined || names.length > 1) errors.push(notSupported(path, asJson(capacity ?? null), ['storage']));
  for (const name of names)
    if (quantityOf(capacity?.[name]).nanos <= 0n) errors.push(invalid(path.key(name), capacity?.[name] ?? '', 'must be greater than zero'));
  return errors;
}

function validateSource(spec: core.PersistentVolumeSpec): Errors {
  const errors: Errors = [];
  let found = 0;
  const take = (name: string, check: (path: FieldPath) => Errors | undefined): void => {
    const own = check(SPEC.child(name));
    if (own === undefined) return;
    if (found++ > 0) errors.push(forbidden(SPEC.child(name), 'may not specify more than 1 volume type'));
    else errors.push(...own);
  };
  take('hostPath', (at) => spec.hostPath && validateHostPath(spec.hostPath, at));
  for (const [name, check] of REMOTE_SOURCES) take(name, (at) => check(spec, at));
  take('local', (at) => spec.local && validateLocal(spec, at));
  if (found === 0) errors.push(required(SPEC, 'must specify a volume type'));
  return errors;
}

function validateLocal({ local, nodeAffinity }: core.PersistentVolumeSpec, path: FieldPath): Errors {
  const errors: Errors = [];
  if (isEmpty(local?.path)) errors.push(required(path.child('path')));
  else checkNoBacksteps(errors, path.child('path'), local?.path ?? '');
  if (nodeAffinity === undefined) errors.push(required(root('metadata').child('annotations'), 'Local volume requires node affinity'));
  return errors;
}

/** Where the bytes are never changes. */
export function validatePersistentVolumeUpdate(volume: core.PersistentVolume, old: core.PersistentVolume): readonly FieldError[] {
  const errors: Errors = [...validatePersistentVolume(volume)];
  const source = (spec: core.PersistentVolumeSpec | undefined): object =>
    Object.fromEntries(Object.entries(spec ?? {}).filter(([field]) => SOURCE_FIELDS.includes(field)));
  if (!semanticEqual(withoutSecrets(source(volume.spec)), withoutSecrets(source(old.spec)))) {
    errors.push(forbidden(SPEC.child('persistentvolumesource'), 'spec.persistentvolumesource is immutable after creation'));
  }
  if (volume.spec?.volumeMode !== old.spec?.volumeMode) errors.push(invalid(SPEC.child('volumeMode'), volume.spec?.volumeMode ?? null, IMMUTABLE));
  if (old.spec?.nodeAffinity !== undefined && !semanticEqual(volume.spec?.nodeAffinity, old.spec.nodeAffinity)) {
    errors.push(invalid(SPEC.child('nodeAffinity'), asJson(volume.spec?.nodeAffinity), 'field is immutable, except for updating from beta label to GA'));
  }
  return errors;
}

/** The secret for expansion may be named later. */
function withoutSecrets(source: object): object {
  const { csi, ...rest } = source as { csi?: Readonly<Record<string, unknown>> };
  if (csi === undefined) return rest;
  const { controllerExpandSecretRef: _expand, nodeExpandSecretRef: _node, ...kept } = csi;
  return { ...rest, csi: kept };
}
