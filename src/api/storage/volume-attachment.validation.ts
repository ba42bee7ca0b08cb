import { type FieldError, type FieldPath, forbidden, invalid, required, tooLong } from '../../machinery/field-error.ts';
import { utf8Length } from '../../machinery/metadata.ts';
import { dns1123SubdomainFaults, rangeFault } from '../../machinery/names.ts';
import { addFaults, asJson, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import { checkAccessModes, checkDriverName, validateCsi } from '../core/remote-volume.validation.ts';
import { semanticEqual } from '../equal.ts';
import type * as core from '../gen/types/core.v1.ts';
import type * as storage from '../gen/types/storage.v1.ts';

const SPEC = root('spec');
const ONE_SOURCE = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
const MAX_METADATA_BYTES = 256 * 1024;
const MAX_MESSAGE = 1024;
const MAX_INT32 = 2 ** 31 - 1;

/** A new one is held to more than one that is stored; what is missing is missed by both rules. */
export function validateVolumeAttachment(of: storage.VolumeAttachment): readonly FieldError[] {
  const errors: Errors = [...validateSpec(of.spec)];
  const { attacher, source } = of.spec;
  const name = source.persistentVolumeName;
  errors.push(...checkDriverName(attacher, SPEC.child('attacher')));
  if (name !== undefined) addFaults(errors, SPEC.child('source', 'persistentVolumeName'), name, dns1123SubdomainFaults(name));
  return errors;
}

function validateSpec({ attacher, source, nodeName }: storage.VolumeAttachmentSpec): Errors {
  const errors: Errors = [];
  const at = SPEC.child('source');
  const { persistentVolumeName: name, inlineVolumeSpec: inline } = source;
  if (isEmpty(attacher)) errors.push(required(SPEC.child('attacher')));
  if (name === undefined && inline === undefined) errors.push(required(at, ONE_SOURCE));
  else if (name !== undefined && inline !== undefined) errors.push(forbidden(at, ONE_SOURCE));
  else if (name === '') errors.push(required(at.child('persistentVolumeName'), 'must specify non empty persistentVolumeName'));
  else if (inline !== undefined) errors.push(...inlineErrors(inline, at.child('inlineVolumeSpec')));
  addFaults(errors, SPEC.child('nodeName'), nodeName, dns1123SubdomainFaults(nodeName));
  return errors;
}

/** A volume that stands in the pod: of what a PersistentVolume says, only how it is mounted. */
function inlineErrors(spec: core.PersistentVolumeSpec, path: FieldPath): Errors {
  const errors: Errors = [];
  const ban = (field: keyof core.PersistentVolumeSpec, banned: boolean, detail = 'may not be specified'): void => {
    if (banned) errors.push(forbidden(path.child(field), `${detail} in the context of inline volumes`));
  };
  ban('claimRef', spec.claimRef !== undefined);
  ban('capacity', Object.keys(spec.capacity ?? {}).length > 0);
  if (spec.csi === undefined) errors.push(required(path.child('csi'), 'has to be specified in the context of inline volumes'));
  if ((spec.accessModes ?? []).length === 0) errors.push(required(path.child('accessModes')));
  checkAccessModes(errors, spec.accessModes, path.child('accessModes'));
  const policy = spec.persistentVolumeReclaimPolicy;
  ban('persistentVolumeReclaimPolicy', !isEmpty(policy) && policy !== 'Retain', 'may only be Retain');
  ban('nodeAffinity', spec.nodeAffinity !== undefined);
  errors.push(...(spec.csi === undefined ? [required(path, 'must specify a volume type')] : validateCsi(spec.csi, path.child('csi'))));
  ban('storageClassName', !isEmpty(spec.storageClassName));
  ban('volumeMode', spec.volumeMode !== undefined && spec.volumeMode !== 'Filesystem', 'may not specify volumeMode other than Filesystem');
  return errors;
}

export function validateVolumeAttachmentUpdate(of: storage.VolumeAttachment, old: storage.VolumeAttachment): readonly FieldError[] {
  const errors: Errors = [...validateSpec(of.spec), ...statusErrors(of.status)];
  return semanticEqual(of.spec, old.spec) ? errors : [...errors, invalid(SPEC, asJson(of.spec), IMMUTABLE)];
}

function statusErrors(status: storage.VolumeAttachmentStatus | undefined): Errors {
  const path = root('status');
  const bytes = Object.entries(status?.attachmentMetadata ?? {}).reduce((all, [key, value]) => all + utf8Length(key) + utf8Length(value), 0);
  return [
    ...(bytes > MAX_METADATA_BYTES ? [tooLong(path.child('attachmentMetadata'), MAX_METADATA_BYTES)] : []),
    ...failureErrors(status?.attachError, path.child('attachError')),
    ...failureErrors(status?.detachError, path.child('detachError')),
  ];
}

function failureErrors({ message = '', errorCode = 0 }: storage.VolumeError = {}, path: FieldPath): Errors {
  return [
    // The bound that it names is another's: so does Kubernetes.
    ...(utf8Length(message) > MAX_MESSAGE ? [tooLong(path.child('message'), MAX_METADATA_BYTES)] : []),
    ...(errorCode < 0 ? [invalid(path.child('errorCode'), errorCode, rangeFault(0, MAX_INT32))] : []),
  ];
}
