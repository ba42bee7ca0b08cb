import { type FieldError, FieldPath, forbidden, invalid, required, tooLong } from './field-error.ts';
import { validateLabels } from './labels.ts';
import { dns1123LabelFaults, dns1123SubdomainFaults, maskTrailingDash, qualifiedNameFaults } from './names.ts';
import type { Json, ManagedFieldsEntry, ObjectMeta, OwnerReference } from './object.ts';

/** Rules of ObjectMeta that hold for every kind, in Kubernetes' words (apimachinery `validation`). */
export const ANNOTATIONS_LIMIT_BYTES = 256 * 1024;
export const FINALIZER_ORPHAN = 'orphan';
export const FINALIZER_FOREGROUND = 'foregroundDeletion';

export interface MetadataRules {
  readonly namespaced: boolean;
  /** Default: a DNS subdomain. */
  readonly validateName?: ((name: string) => readonly string[]) | undefined;
}

export function validateMetadata(meta: ObjectMeta, rules: MetadataRules, path = new FieldPath('metadata')): readonly FieldError[] {
  const errors: FieldError[] = [];
  const nameFaults = rules.validateName ?? dns1123SubdomainFaults;
  const { name = '', generateName = '', namespace = '' } = meta;
  if (generateName !== '') {
    for (const fault of nameFaults(maskTrailingDash(generateName))) errors.push(invalid(path.child('generateName'), generateName, fault));
  }
  if (name === '') errors.push(required(path.child('name'), 'name or generateName is required'));
  else for (const fault of nameFaults(name)) errors.push(invalid(path.child('name'), name, fault));
  if (!rules.namespaced) {
    if (namespace !== '') errors.push(forbidden(path.child('namespace'), 'not allowed on this type'));
  } else if (namespace === '') errors.push(required(path.child('namespace')));
  else for (const fault of dns1123LabelFaults(namespace)) errors.push(invalid(path.child('namespace'), namespace, fault));
  if ((meta.generation ?? 0) < 0) errors.push(invalid(path.child('generation'), meta.generation, 'must be greater than or equal to 0'));
  return [...errors, ...validateParts(meta, path)];
}

/** Call `carryMetadata` first: it settles what clients may leave out. */
export function validateMetadataUpdate(meta: ObjectMeta, old: ObjectMeta, path = new FieldPath('metadata')): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (old.deletionTimestamp !== undefined) {
    const fresh = (meta.finalizers ?? []).filter((f) => !(old.finalizers ?? []).includes(f)).sort();
    if (fresh.length > 0) {
      const list = `[]string{${fresh.map((f) => JSON.stringify(f)).join(', ')}}`;
      errors.push(forbidden(path.child('finalizers'), `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`));
    }
  }
  if ((meta.resourceVersion ?? '') === '') {
    errors.push(invalid(path.child('resourceVersion'), meta.resourceVersion ?? '', 'must be specified for an update'));
  }
  if ((meta.generation ?? 0) < (old.generation ?? 0)) errors.push(invalid(path.child('generation'), meta.generation ?? 0, 'must not be decremented'));
  for (const field of IMMUTABLE) {
    if (meta[field] !== old[field]) errors.push(invalid(path.child(field), meta[field], 'field is immutable'));
  }
  return [...errors, ...validateParts(meta, path)];
}

const IMMUTABLE = ['name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const;

/** What an update may leave out or may not change without saying so: taken from the stored object. */
export function carryMetadata(draft: { -readonly [K in keyof ObjectMeta]: ObjectMeta[K] }, old: ObjectMeta): void {
  if ((draft.uid ?? '') === '' && old.uid !== undefined) draft.uid = old.uid;
  if (old.creationTimestamp !== undefined) draft.creationTimestamp = old.creationTimestamp;
  if (old.deletionTimestamp !== undefined) draft.deletionTimestamp = old.deletionTimestamp;
  if (draft.deletionGracePeriodSeconds === undefined && old.deletionGracePeriodSeconds !== undefined) {
    draft.deletionGracePeriodSeconds = old.deletionGracePeriodSeconds;
  }
  if (old.generation !== undefined) draft.generation = old.generation;
  else delete draft.generation;
  delete draft.selfLink;
}

function validateParts(meta: ObjectMeta, path: FieldPath): readonly FieldError[] {
  return [
    ...validateLabels(meta.labels, path.child('labels')),
    ...validateAnnotations(meta.annotations, path.child('annotations')),
    ...validateOwnerReferences(meta.ownerReferences, path.child('ownerReferences')),
    ...validateFinalizers(meta.finalizers, path.child('finalizers')),
    ...validateManagedFields(meta.managedFields, path.child('managedFields')),
  ];
}

export function validateAnnotations(annotations: Readonly<Record<string, string>> | undefined, path: FieldPath): readonly FieldError[] {
  if (annotations === undefined) return [];
  const errors: FieldError[] = [];
  let size = 0;
  for (const key of Object.keys(annotations)) {
    for (const fault of qualifiedNameFaults(key.toLowerCase())) errors.push(invalid(path, key, fault));
    size += utf8Length(key) + utf8Length(annotations[key] ?? '');
  }
  if (size > ANNOTATIONS_LIMIT_BYTES) errors.push(tooLong(path, ANNOTATIONS_LIMIT_BYTES));
  return errors;
}

export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) continue;
    if (code < 0x800) bytes += 1;
    else if (code >= 0xd800 && code < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      bytes += 2;
      i++;
    } else bytes += 2;
  }
  return bytes;
}

export function validateOwnerReferences(references: readonly OwnerReference[] | undefined, path: FieldPath): readonly FieldError[] {
  const errors: FieldError[] = [];
  let controller: string | undefined;
  for (const reference of references ?? []) {
    errors.push(...validateOwnerReference(reference, path));
    if (reference.controller !== true) continue;
    const current = `${reference.kind}/${reference.name}`;
    if (controller === undefined) controller = current;
    else {
      const detail = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${current}`;
      errors.push(invalid(path, references as unknown as Json, detail));
    }
  }
  return errors;
}

function validateOwnerReference({ apiVersion, kind, name, uid }: OwnerReference, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  const slash = apiVersion.indexOf('/');
  const wellFormed = slash === apiVersion.lastIndexOf('/');
  if (!wellFormed || apiVersion.slice(slash + 1) === '') errors.push(invalid(path.child('apiVersion'), apiVersion, 'version must not be empty'));
  if (kind === '') errors.push(invalid(path.child('kind'), kind, 'must not be empty'));
  if (name === '') errors.push(invalid(path.child('name'), name, 'must not be empty'));
  if (uid === '') errors.push(invalid(path.child('uid'), uid, 'must not be empty'));
  if (apiVersion === 'v1' && kind === 'Event') {
    errors.push(invalid(path, { apiVersion, kind, name, uid }, '/v1, Kind=Event is disallowed from being an owner'));
  }
  return errors;
}

export function validateFinalizers(finalizers: readonly string[] | undefined, path: FieldPath): readonly FieldError[] {
  if (finalizers === undefined) return [];
  const errors: FieldError[] = [];
  for (const finalizer of finalizers) for (const fault of qualifiedNameFaults(finalizer)) errors.push(invalid(path, finalizer, fault));
  if (finalizers.includes(FINALIZER_ORPHAN) && finalizers.includes(FINALIZER_FOREGROUND)) {
    errors.push(invalid(path, [...finalizers], `finalizer ${FINALIZER_ORPHAN} and ${FINALIZER_FOREGROUND} cannot be both set`));
  }
  return errors;
}

export function validateManagedFields(entries: readonly ManagedFieldsEntry[] | undefined, path: FieldPath): readonly FieldError[] {
  const errors: FieldError[] = [];
  (entries ?? []).forEach((entry, i) => {
    const at = path.index(i);
    const { operation = '', fieldsType = '', manager = '', subresource = '' } = entry;
    if (operation !== 'Apply' && operation !== 'Update') errors.push(invalid(at.child('operation'), operation, 'must be `Apply` or `Update`'));
    if (fieldsType !== 'FieldsV1') errors.push(invalid(at.child('fieldsType'), fieldsType, 'must be `FieldsV1`'));
    errors.push(...validateFieldManager(manager, at.child('manager')));
    if (subresource.length > 256) errors.push(tooLong(at.child('subresource'), 256));
  });
  return errors;
}

/** What Go's `unicode.IsPrint` says no to. */
const UNPRINTABLE = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;

/** Also for the `fieldManager` option of a request. */
export function validateFieldManager(manager: string, path: FieldPath): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (manager === '') return errors;
  if (manager.length > 128) errors.push(tooLong(path, 128));
  for (const { 0: char, index } of manager.slice(0, 128).matchAll(UNPRINTABLE)) {
    const code = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    const position = new TextEncoder().encode(manager.slice(0, index)).length;
    errors.push(invalid(path, manager, `invalid character U+${code} (at position ${position})`));
  }
  return errors;
}
