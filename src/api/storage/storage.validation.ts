import { duplicate, type FieldError, type FieldPath, forbidden, invalid, notSupported, required, tooLong } from '../../machinery/field-error.ts';
import { validateLabelSelector } from '../../machinery/labels.ts';
import { utf8Length } from '../../machinery/metadata.ts';
import { dns1123SubdomainFaults, qualifiedNameFaults } from '../../machinery/names.ts';
import { addFaults, asJson, checkSupported, type Errors, IMMUTABLE, isEmpty, NON_NEGATIVE, root } from '../checks.ts';
import { checkDriverName } from '../core/remote-volume.validation.ts';
import { quantityOf } from '../core/resources.validation.ts';
import { semanticEqual } from '../equal.ts';
import type * as core from '../gen/types/core.v1.ts';
import type * as storage from '../gen/types/storage.v1.ts';
import { withoutSelectorValues } from '../old-selectors.ts';

const MAX_PARAMETERS = 512;
const MAX_PARAMETER_BYTES = 256 * 1024;

export function validateStorageClass(of: storage.StorageClass): readonly FieldError[] {
  const errors: Errors = [...provisionerErrors(of.provisioner, root('provisioner')), ...parameterErrors(of.parameters)];
  if (!isEmpty(of.reclaimPolicy)) checkSupported(errors, root('reclaimPolicy'), of.reclaimPolicy, ['Delete', 'Retain']);
  if (of.volumeBindingMode === undefined) errors.push(required(root('volumeBindingMode')));
  checkSupported(errors, root('volumeBindingMode'), of.volumeBindingMode, ['Immediate', 'WaitForFirstConsumer']);
  return [...errors, ...topologiesErrors(of.allowedTopologies ?? [])];
}

/** Shown in lower case, as it is looked at. */
function provisionerErrors(name: string | undefined, path: FieldPath): Errors {
  if (isEmpty(name)) return [required(path)];
  const lower = name.toLowerCase();
  return qualifiedNameFaults(lower).map((fault) => invalid(path, lower, fault));
}

function parameterErrors(parameters: Readonly<Record<string, string>> | undefined): Errors {
  const errors: Errors = [];
  const entries = Object.entries(parameters ?? {});
  if (entries.length > MAX_PARAMETERS) return [tooLong(root('parameters'), MAX_PARAMETERS)];
  let bytes = 0;
  for (const [key, value] of entries) {
    if (key === '') errors.push(invalid(root('parameters'), key, 'field can not be empty.'));
    bytes += utf8Length(key) + utf8Length(value);
  }
  if (bytes > MAX_PARAMETER_BYTES) errors.push(tooLong(root('parameters'), MAX_PARAMETER_BYTES));
  return errors;
}

/** No two terms say the same. One without requirements is refused as often as there are terms: so does Kubernetes. */
function topologiesErrors(terms: readonly core.TopologySelectorTerm[]): Errors {
  const path = root('allowedTopologies');
  const said = ({ matchLabelExpressions }: core.TopologySelectorTerm): Readonly<Record<string, readonly string[]>> =>
    Object.fromEntries((matchLabelExpressions ?? []).map(({ key, values }) => [key, [...new Set(values)].sort()]));
  return terms.flatMap((term, i) => {
    const own = said(term);
    const twins = terms.slice(0, i).filter((other) => semanticEqual(said(other), own)).length;
    const times = twins + (Object.keys(own).length === 0 ? terms.length : 0);
    const twice = duplicate(path.index(i).child('matchLabelExpressions'), '');
    return [...topologyErrors(term, path.index(i)), ...Array<FieldError>(times).fill(twice)];
  });
}

function topologyErrors({ matchLabelExpressions }: core.TopologySelectorTerm, path: FieldPath): Errors {
  const errors: Errors = [];
  const keys = new Set<string>();
  for (const [i, { key, values }] of (matchLabelExpressions ?? []).entries()) {
    const at = path.child('matchLabelExpressions').index(i);
    if ((values ?? []).length === 0) errors.push(required(at.child('values')));
    for (const [j, value] of (values ?? []).entries()) if (values.indexOf(value) !== j) errors.push(duplicate(at.child('values').index(j), value));
    addFaults(errors, at.child('key'), key, qualifiedNameFaults(key));
    if (keys.has(key)) errors.push(duplicate(at.child('key'), key));
    keys.add(key);
  }
  return errors;
}

/** Volumes that exist came from the class as it was. */
export function validateStorageClassUpdate(of: storage.StorageClass, old: storage.StorageClass): readonly FieldError[] {
  const errors: Errors = [...validateStorageClass(of)];
  if (!semanticEqual(of.parameters ?? {}, old.parameters ?? {})) errors.push(forbidden(root('parameters'), 'updates to parameters are forbidden.'));
  if (of.provisioner !== old.provisioner) errors.push(forbidden(root('provisioner'), 'updates to provisioner are forbidden.'));
  if (of.reclaimPolicy !== old.reclaimPolicy) errors.push(forbidden(root('reclaimPolicy'), 'updates to reclaimPolicy are forbidden.'));
  if (of.volumeBindingMode !== old.volumeBindingMode) errors.push(invalid(root('volumeBindingMode'), of.volumeBindingMode ?? null, IMMUTABLE));
  return errors;
}

const MIN_TOKEN_SECONDS = 600;
const MIN_UPDATE_SECONDS = 10;
/** Kubernetes' name for `attachRequired` in errors. */
const ATTACH_REQUIRED = root('spec').child('attachedRequired');

export function validateCSIDriver({ spec }: storage.CSIDriver): readonly FieldError[] {
  const errors: Errors = [];
  const path = root('spec');
  if (spec.attachRequired === undefined) errors.push(required(ATTACH_REQUIRED));
  for (const field of ['podInfoOnMount', 'storageCapacity'] as const) if (spec[field] === undefined) errors.push(required(path.child(field)));
  checkSupported(errors, path.child('fsGroupPolicy'), spec.fsGroupPolicy, ['File', 'None', 'ReadWriteOnceWithFSType']);
  const audiences = new Set<string>();
  for (const [i, { audience, expirationSeconds: seconds }] of (spec.tokenRequests ?? []).entries()) {
    const at = path.child('tokenRequests').index(i);
    if (audiences.has(audience)) {
      errors.push(duplicate(at.child('audience'), audience));
      continue;
    }
    audiences.add(audience);
    if (seconds !== undefined && seconds < MIN_TOKEN_SECONDS)
      errors.push(invalid(at.child('expirationSeconds'), seconds, 'may not specify a duration less than 10 minutes'));
    if (seconds !== undefined && seconds > 2 ** 32)
      errors.push(invalid(at.child('expirationSeconds'), seconds, 'may not specify a duration larger than 2^32 seconds'));
  }
  for (const mode of spec.volumeLifecycleModes ?? [])
    if (mode !== 'Ephemeral' && mode !== 'Persistent') errors.push(notSupported(path.child('volumeLifecycleModes'), mode, ['Persistent', 'Ephemeral']));
  const period = spec.nodeAllocatableUpdatePeriodSeconds;
  if (period !== undefined && period < MIN_UPDATE_SECONDS)
    errors.push(invalid(path.child('nodeAllocatableUpdatePeriodSeconds'), period, `must be greater than or equal to ${MIN_UPDATE_SECONDS} seconds`));
  const inSecrets = spec.serviceAccountTokenInSecrets;
  if (inSecrets !== undefined && (spec.tokenRequests ?? []).length === 0)
    errors.push(invalid(path.child('serviceAccountTokenInSecrets'), inSecrets, 'serviceAccountTokenInSecrets is set but no tokenRequests are specified'));
  return errors;
}

export function validateCSIDriverUpdate(driver: storage.CSIDriver, old: storage.CSIDriver): readonly FieldError[] {
  const errors: Errors = [...validateCSIDriver(driver)];
  const { attachRequired, volumeLifecycleModes: modes } = driver.spec;
  if (attachRequired !== old.spec.attachRequired) errors.push(invalid(ATTACH_REQUIRED, attachRequired, IMMUTABLE));
  if (!semanticEqual(modes, old.spec.volumeLifecycleModes)) errors.push(invalid(root('spec').child('volumeLifecycleModes'), asJson(modes), IMMUTABLE));
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
    if (names.has(driver.name)) errors.push(duplicate(at.child('name'), driver.name));
    names.add(driver.name);
    for (const [j, key] of (driver.topologyKeys ?? []).entries()) {
      if (key === '') errors.push(required(at));
      if ((driver.topologyKeys ?? []).indexOf(key) !== j) errors.push(duplicate(at, key));
      addFaults(errors, at, key, qualifiedNameFaults(key));
    }
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
    if (now !== undefined && !semanticEqual(fixed(now), fixed(before))) errors.push(invalid(root('spec').child('drivers'), asJson(fixed(now)), IMMUTABLE));
  }
  return errors;
}

export function validateCSIStorageCapacity(of: storage.CSIStorageCapacity): readonly FieldError[] {
  const errors: Errors = [...validateLabelSelector(of.nodeTopology, root('nodeTopology'))];
  addFaults(errors, root('storageClassName'), of.storageClassName, dns1123SubdomainFaults(of.storageClassName));
  if (quantityOf(of.capacity).nanos < 0n) errors.push(invalid(root('capacity'), of.capacity, NON_NEGATIVE));
  return errors;
}

export function validateCSIStorageCapacityUpdate(of: storage.CSIStorageCapacity, old: storage.CSIStorageCapacity): readonly FieldError[] {
  const errors = validateCSIStorageCapacity(of);
  const kept = validateLabelSelector(old.nodeTopology, root('nodeTopology')).length > 0 ? withoutSelectorValues(errors) : errors;
  const changed = (['nodeTopology', 'storageClassName'] as const).filter((field) => !semanticEqual(of[field], old[field]));
  return [...kept, ...changed.map((field) => invalid(root(field), asJson(of[field]), IMMUTABLE))];
}

export function validateVolumeAttributesClass(of: storage.VolumeAttributesClass): readonly FieldError[] {
  const errors: Errors = [...provisionerErrors(of.driverName, root('driverName')), ...parameterErrors(of.parameters)];
  if (Object.keys(of.parameters ?? {}).length === 0) errors.push(required(root('parameters'), 'must contain at least one key/value pair'));
  return errors;
}

export function validateVolumeAttributesClassUpdate(of: storage.VolumeAttributesClass, old: storage.VolumeAttributesClass): readonly FieldError[] {
  const errors: Errors = [];
  if (of.driverName !== old.driverName) errors.push(forbidden(root('driverName'), 'updates to driverName are forbidden.'));
  if (!semanticEqual(of.parameters ?? {}, old.parameters ?? {})) errors.push(forbidden(root('parameters'), 'updates to parameters are forbidden.'));
  return [...errors, ...validateVolumeAttributesClass(of)];
}
