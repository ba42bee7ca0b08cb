import { duplicate, type FieldError, type FieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { validateLabelSelector } from '../../machinery/labels.ts';
import { dns1123SubdomainFaults, labelValueFaults, qualifiedNameFaults } from '../../machinery/names.ts';
import { addFaults, asJson, checkSupported, type Errors, IMMUTABLE, isEmpty, NON_NEGATIVE, root } from '../checks.ts';
import { checkDriverName } from '../core/remote-volume.validation.ts';
import { quantityOf } from '../core/resources.validation.ts';
import { semanticEqual } from '../equal.ts';
import type * as core from '../gen/types/core.v1.ts';
import type * as storage from '../gen/types/storage.v1.ts';

const MAX_PARAMETERS = 512;
const MAX_PARAMETER_BYTES = 256 * 1024;

export function validateStorageClass(of: storage.StorageClass): readonly FieldError[] {
  const errors: Errors = [];
  if (isEmpty(of.provisioner)) errors.push(required(root('provisioner'), of.provisioner ?? ''));
  else addFaults(errors, root('provisioner'), of.provisioner, qualifiedNameFaults(of.provisioner.toLowerCase()));
  errors.push(...parameterErrors(of.parameters));
  checkSupported(errors, root('reclaimPolicy'), of.reclaimPolicy, ['Delete', 'Retain']);
  if (of.volumeBindingMode === undefined) errors.push(required(root('volumeBindingMode')));
  checkSupported(errors, root('volumeBindingMode'), of.volumeBindingMode, ['Immediate', 'WaitForFirstConsumer']);
  for (const [i, term] of (of.allowedTopologies ?? []).entries()) errors.push(...topologyErrors(term, root('allowedTopologies').index(i)));
  return errors;
}

function parameterErrors(parameters: Readonly<Record<string, string>> | undefined): Errors {
  const errors: Errors = [];
  const entries = Object.entries(parameters ?? {});
  if (entries.length > MAX_PARAMETERS) errors.push({ type: 'FieldValueTooLong', field: 'parameters', detail: `may not be more than ${MAX_PARAMETERS} bytes` });
  let bytes = 0;
  for (const [key, value] of entries) {
    if (key === '') errors.push(invalid(root('parameters'), key, 'field can not be empty.'));
    bytes += key.length + value.length;
  }
  if (bytes > MAX_PARAMETER_BYTES) errors.push({ type: 'FieldValueTooLong', field: 'parameters', detail: `may not be more than ${MAX_PARAMETER_BYTES} bytes` });
  return errors;
}

function topologyErrors({ matchLabelExpressions }: core.TopologySelectorTerm, path: FieldPath): Errors {
  const errors: Errors = [];
  const keys = new Set<string>();
  for (const [i, { key, values }] of (matchLabelExpressions ?? []).entries()) {
    const at = path.child('matchLabelExpressions').index(i);
    if ((values ?? []).length === 0) errors.push(required(at.child('values')));
    for (const [j, value] of (values ?? []).entries()) {
      if (values.indexOf(value) !== j) errors.push(duplicate(at.child('values').index(j), value));
      addFaults(errors, at.child('values').index(j), value, labelValueFaults(value));
    }
    addFaults(errors, at.child('key'), key, qualifiedNameFaults(key));
    if (keys.has(key)) errors.push(duplicate(at.child('key'), key));
    keys.add(key);
  }
  return errors;
}

/** Volumes that exist came from the class as it was. */
export function validateStorageClassUpdate(of: storage.StorageClass, old: storage.StorageClass): readonly FieldError[] {
  const errors: Errors = [];
  if (!semanticEqual(of.parameters ?? {}, old.parameters ?? {})) errors.push(forbidden(root('parameters'), 'updates to parameters are forbidden.'));
  if (of.provisioner !== old.provisioner) errors.push(forbidden(root('provisioner'), 'updates to provisioner are forbidden.'));
  if (of.reclaimPolicy !== old.reclaimPolicy) errors.push(forbidden(root('reclaimPolicy'), 'updates to reclaimPolicy are forbidden.'));
  if (of.volumeBindingMode !== old.volumeBindingMode) errors.push(invalid(root('volumeBindingMode'), of.volumeBindingMode ?? null, IMMUTABLE));
  return errors;
}

const MIN_TOKEN_SECONDS = 600;

export function validateCSIDriver({ spec }: storage.CSIDriver): readonly FieldError[] {
  const errors: Errors = [];
  const path = root('spec');
  for (const field of ['attachRequired', 'podInfoOnMount', 'storageCapacity'] as const) if (spec[field] === undefined) errors.push(required(path.child(field)));
  checkSupported(errors, path.child('fsGroupPolicy'), spec.fsGroupPolicy, ['File', 'None', 'ReadWriteOnceWithFSType']);
  const audiences = new Set<string>();
  for (const [i, { audience, expirationSeconds: seconds }] of (spec.tokenRequests ?? []).entries()) {
    const at = path.child('tokenRequests').index(i);
    if (audiences.has(audience)) errors.push(duplicate(at.child('audience'), audience));
    audiences.add(audience);
    if (seconds !== undefined && seconds < MIN_TOKEN_SECONDS)
      errors.push(invalid(at.child('expirationSeconds'), seconds, 'may not specify a duration less than 10 minutes'));
    else if (seconds !== undefined && seconds > 2 ** 32)
      errors.push(invalid(at.child('expirationSeconds'), seconds, 'may not specify a duration larger than 2^32 seconds'));
  }
  for (const mode of spec.volumeLifecycleModes ?? [])
    if (mode !== 'Ephemeral' && mode !== 'Persistent') errors.push(notSupported(path.child('volumeLifecycleModes'), mode, ['Ephemeral', 'Persistent']));
  return errors;
}

export function validateCSIDriverUpdate(driver: storage.CSIDriver, old: storage.CSIDriver): readonly FieldError[] {
  const errors: Errors = [...validateCSIDriver(driver)];
  for (const field of ['attachRequired', 'volumeLifecycleModes'] as const) {
    if (!semanticEqual(driver.spec[field], old.spec[field])) errors.push(invalid(root('spec').child(field), asJson(driver.spec[field]), IMMUTABLE));
  }
  return errors;
}

const MAX_NODE_ID = 256;

export function validateCSINode({ spec }: storage.CSINode): readonly FieldError[] {
  const errors: Errors = [];
  const names = new Set<string>();
  for (const [i, driver] of spec.drivers.entries()) {
    const at = root('spec').child('drivers').index(i);
    errors.push(...checkDriverName(driver.name, at.child('name')));
    if (isEmpty(driver.nodeID)) errors.push(required(at.child('nodeID'), driver.nodeID ?? ''));
    else if (driver.nodeID.length > MAX_NODE_ID) errors.push(invalid(at.child('nodeID'), driver.nodeID, `must be ${MAX_NODE_ID} characters or less`));
    const count = driver.allocatable?.count;
    if (count !== undefined && count < 0) errors.push(invalid(at.child('allocatable', 'count'), count, NON_NEGATIVE));
    for (const [j, key] of (driver.topologyKeys ?? []).entries()) {
      const keyPath = at.child('topologyKeys').index(j);
      if (key === '') errors.push(required(keyPath, key));
      else addFaults(errors, keyPath, key, qualifiedNameFaults(key));
      if ((driver.topologyKeys ?? []).indexOf(key) !== j) errors.push(duplicate(keyPath, key));
    }
    if (names.has(driver.name)) errors.push(duplicate(at.child('name'), driver.name));
    names.add(driver.name);
  }
  return errors;
}

/** Drivers come and go; one that stays does not change (its count of volumes apart). */
export function validateCSINodeUpdate(node: storage.CSINode, old: storage.CSINode): readonly FieldError[] {
  const errors: Errors = [...validateCSINode(node)];
  const fixed = ({ allocatable: _count, ...rest }: storage.CSINodeDriver): object => rest;
  for (const before of old.spec.drivers) {
    const at = node.spec.drivers.findIndex((d) => d.name === before.name);
    const now = node.spec.drivers[at];
    if (now !== undefined && !semanticEqual(fixed(now), fixed(before))) errors.push(invalid(root('CSINodeDriver'), asJson(now), IMMUTABLE));
  }
  return errors;
}

export function validateCSIStorageCapacity(of: storage.CSIStorageCapacity): readonly FieldError[] {
  const errors: Errors = [];
  addFaults(errors, root('storageClassName'), of.storageClassName, dns1123SubdomainFaults(of.storageClassName));
  errors.push(...validateLabelSelector(of.nodeTopology, root('nodeTopology')));
  for (const field of ['capacity', 'maximumVolumeSize'] as const)
    if (quantityOf(of[field]).nanos < 0n) errors.push(invalid(root(field), of[field], NON_NEGATIVE));
  return errors;
}

export function validateCSIStorageCapacityUpdate(of: storage.CSIStorageCapacity, old: storage.CSIStorageCapacity): readonly FieldError[] {
  const errors: Errors = [...validateCSIStorageCapacity(of)];
  for (const field of ['nodeTopology', 'storageClassName'] as const)
    if (!semanticEqual(of[field], old[field])) errors.push(invalid(root(field), asJson(of[field]), IMMUTABLE));
  return errors;
}

const ONE_SOURCE = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';

export function validateVolumeAttachment({ spec }: storage.VolumeAttachment): readonly FieldError[] {
  const path = root('spec');
  const errors: Errors = checkDriverName(spec.attacher, path.child('attacher'));
  const { persistentVolumeName: name, inlineVolumeSpec: inline } = spec.source;
  if (name === undefined && inline === undefined) errors.push(required(path.child('source'), ONE_SOURCE));
  else if (name !== undefined && inline !== undefined) errors.push(forbidden(path.child('source'), ONE_SOURCE));
  if (name !== undefined) {
    if (name === '') errors.push(required(path.child('source', 'persistentVolumeName'), 'must specify non empty persistentVolumeName'));
    else addFaults(errors, path.child('source', 'persistentVolumeName'), name, dns1123SubdomainFaults(name));
  }
  addFaults(errors, path.child('nodeName'), spec.nodeName, dns1123SubdomainFaults(spec.nodeName));
  return errors;
}

export function validateVolumeAttachmentUpdate(of: storage.VolumeAttachment, old: storage.VolumeAttachment): readonly FieldError[] {
  return semanticEqual(of.spec, old.spec) ? validateVolumeAttachment(of) : [...validateVolumeAttachment(of), invalid(root('spec'), asJson(of.spec), IMMUTABLE)];
}

export function validateVolumeAttributesClass(of: storage.VolumeAttributesClass): readonly FieldError[] {
  const errors: Errors = [...checkDriverName(of.driverName, root('driverName')), ...parameterErrors(of.parameters)];
  if (Object.keys(of.parameters ?? {}).length === 0) errors.push(required(root('parameters'), 'must contain at least one key/value pair'));
  return errors;
}

export function validateVolumeAttributesClassUpdate(of: storage.VolumeAttributesClass, old: storage.VolumeAttributesClass): readonly FieldError[] {
  const errors: Errors = [];
  if (of.driverName !== old.driverName) errors.push(forbidden(root('driverName'), 'updates to driverName are forbidden.'));
  if (!semanticEqual(of.parameters ?? {}, old.parameters ?? {})) errors.push(forbidden(root('parameters'), 'updates to parameters are forbidden.'));
  return errors;
}
