import { type FieldError, FieldPath, forbidden, invalid, required, tooLong } from '../machinery/field-error.ts';
import { dns1123LabelFaults, dns1123SubdomainFaults, labelValueFaults, maskTrailingDash, qualifiedNameFaults } from '../machinery/names.ts';
import type { ObjectMeta, OwnerReference } from '../machinery/object.ts';
import { asJson, type Errors, IMMUTABLE, isEmpty, NON_NEGATIVE } from './checks.ts';
import { semanticEqual } from './equal.ts';

const MAX_ANNOTATION_BYTES = 256 * 1024;

export interface MetadataRules {
  readonly namespaced: boolean;
  /** Default: a DNS subdomain. */
  readonly nameFaults?: ((name: string) => readonly string[]) | undefined;
}

/** metadata of an object that is about to be stored, or of a template in it. */
export function validateMetadata(metadata: ObjectMeta | undefined, rules: MetadataRules, path: FieldPath = new FieldPath('metadata')): readonly FieldError[] {
  const meta = metadata ?? {};
  const errors: Errors = [];
  const nameFaults = rules.nameFaults ?? dns1123SubdomainFaults;
  if (!isEmpty(meta.generateName)) for (const fault of nameFaults(maskTrailingDash(meta.generateName))) errors.push(invalid(path.child('generateName'), meta.generateName, fault));
  if (isEmpty(meta.name)) errors.push(required(path.child('name'), 'name or generateName is required'));
  else for (const fault of nameFaults(meta.name)) errors.push(invalid(path.child('name'), meta.name, fault));
  errors.push(...namespaceErrors(meta, rules, path));
  if (meta.generation !== undefined && meta.generation < 0) errors.push(invalid(path.child('generation'), meta.generation, NON_NEGATIVE));
  errors.push(...validateLabels(meta.labels, path.child('labels')));
  errors.push(...validateAnnotations(meta.annotations, path.child('annotations')));
  errors.push(...ownerErrors(meta.ownerReferences ?? [], path.child('ownerReferences')));
  errors.push(...finalizerErrors(meta.finalizers ?? [], path.child('finalizers')));
  return errors;
}

function namespaceErrors({ namespace }: ObjectMeta, { namespaced }: MetadataRules, path: FieldPath): readonly FieldError[] {
  const at = path.child('namespace');
  if (!namespaced) return isEmpty(namespace) ? [] : [forbidden(at, 'not allowed on this type')];
  if (isEmpty(namespace)) return [required(at)];
  return dns1123LabelFaults(namespace).map((fault) => invalid(at, namespace, fault));
}

export function validateLabels(labels: Readonly<Record<string, string>> | undefined, path: FieldPath): readonly FieldError[] {
  const errors: Errors = [];
  for (const [key, value] of Object.entries(labels ?? {})) {
    for (const fault of qualifiedNameFaults(key)) errors.push(invalid(path, key, fault));
    for (const fault of labelValueFaults(value)) errors.push(invalid(path, value, fault));
  }
  return errors;
}

export function validateAnnotations(annotations: Readonly<Record<string, string>> | undefined, path: FieldPath): readonly FieldError[] {
  const errors: Errors = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    // Keys of annotations may have capitals in the prefix.
    for (const fault of qualifiedNameFaults(key.toLowerCase())) errors.push(invalid(path, key, fault));
    bytes += utf8Length(key) + utf8Length(value);
  }
  if (bytes > MAX_ANNOTATION_BYTES) errors.push(tooLong(path, MAX_ANNOTATION_BYTES));
  return errors;
}

const encoder = new TextEncoder();
export const utf8Length = (text: string): number => encoder.encode(text).length;

function ownerErrors(owners: readonly OwnerReference[], path: FieldPath): readonly FieldError[] {
  const errors: Errors = [];
  let controller: string | undefined;
  for (const [i, owner] of owners.entries()) {
    const at = path.index(i);
    const version = owner.apiVersion.split('/').at(-1) ?? '';
    if (version === '') errors.push(invalid(at.child('apiVersion'), owner.apiVersion, 'version must not be empty'));
    if (owner.kind === '') errors.push(invalid(at.child('kind'), owner.kind, 'must not be empty'));
    if (owner.name === '') errors.push(invalid(at.child('name'), owner.name, 'must not be empty'));
    if (owner.uid === '') errors.push(invalid(at.child('uid'), owner.uid, 'must not be empty'));
    if (owner.apiVersion === 'v1' && owner.kind === 'Event') errors.push(invalid(at, asJson(owner), '/v1, Kind=Event is disallowed from being an owner'));
    if (owner.controller !== true) continue;
    if (controller === undefined) controller = owner.name;
    else errors.push(invalid(path, asJson(owners), `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${owner.name}`));
  }
  return errors;
}

function finalizerErrors(finalizers: readonly string[], path: FieldPath): readonly FieldError[] {
  const errors: Errors = [];
  for (const finalizer of finalizers) for (const fault of qualifiedNameFaults(finalizer)) errors.push(invalid(path, finalizer, fault));
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    errors.push(invalid(path, [...finalizers], 'finalizer orphan and foregroundDeletion cannot be both set'));
  }
  return errors;
}

const IMMUTABLE_FIELDS = ['name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const;

/** What an update may not change. The new metadata itself is checked by `validateMetadata`. */
export function validateMetadataUpdate(metadata: ObjectMeta | undefined, before: ObjectMeta | undefined, path: FieldPath = new FieldPath('metadata')): readonly FieldError[] {
  const meta = metadata ?? {};
  const old = before ?? {};
  const errors: Errors = [];
  if (old.deletionTimestamp !== undefined) {
    const added = (meta.finalizers ?? []).filter((f) => !(old.finalizers ?? []).includes(f));
    if (added.length > 0) {
      const list = `[]string{${added.map((f) => JSON.stringify(f)).join(', ')}}`;
      errors.push(forbidden(path.child('finalizers'), `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`));
    }
  }
  if (isEmpty(meta.resourceVersion)) errors.push(invalid(path.child('resourceVersion'), '', 'must be specified for an update'));
  if ((meta.generation ?? 0) < (old.generation ?? 0)) errors.push(invalid(path.child('generation'), meta.generation ?? 0, 'must not be decremented'));
  for (const field of IMMUTABLE_FIELDS) if (!semanticEqual(meta[field] ?? '', old[field] ?? '')) errors.push(invalid(path.child(field), meta[field] ?? '', IMMUTABLE));
  return errors;
}
