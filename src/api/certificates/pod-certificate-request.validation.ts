import { type FieldError, type FieldPath, invalid, notSupported, required, tooLong, withoutValue } from '../../machinery/field-error.ts';
import { ANNOTATIONS_LIMIT_BYTES } from '../../machinery/metadata.ts';
import { dns1123SubdomainFaults, qualifiedNameFaults } from '../../machinery/names.ts';
import { addFaults, asJson, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import { validateConditions } from '../conditions.ts';
import { semanticEqual } from '../equal.ts';
import type * as beta from '../gen/types/certificates.v1beta1.ts';
import type { StrategyContext, ValidationContext } from '../kind.ts';
import { validateSignerName } from './certificate-signing-request.validation.ts';
import { issueErrors } from './pod-certificate-issue.validation.ts';
import { keyErrors } from './pod-certificate-key.validation.ts';

const SPEC = root('spec');
const STATUS = root('status');
const MAX_UID = 128;
const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 86_400;
const ENDS = ['Issued', 'Denied', 'Failed'];

type Request = beta.PodCertificateRequest;

export function validatePodCertificateRequest({ spec }: Request, _apiVersion?: string, { verify }: ValidationContext = {}): Errors {
  if (spec === undefined) return [];
  const errors = validateSignerName(spec.signerName, SPEC.child('signerName'));
  errors.push(...annotationErrors(spec.unverifiedUserAnnotations, SPEC.child('unverifiedUserAnnotations')));
  for (const [who, name, uid] of [
    ['pod', spec.podName, spec.podUID],
    ['serviceAccount', spec.serviceAccountName, spec.serviceAccountUID],
    ['node', spec.nodeName, spec.nodeUID],
  ] as const) {
    addFaults(errors, SPEC.child(`${who}Name`), name, dns1123SubdomainFaults(name));
    errors.push(...uidErrors(uid, SPEC.child(`${who}UID`)));
  }
  const seconds = spec.maxExpirationSeconds ?? DAY_SECONDS;
  const most = isKubernetesSigner(spec.signerName) ? DAY_SECONDS : 91 * DAY_SECONDS;
  if (seconds < HOUR_SECONDS || seconds > most)
    errors.push(invalid(SPEC.child('maxExpirationSeconds'), seconds, `must be in the range [${HOUR_SECONDS}, ${most}]`));
  return [...errors, ...keyErrors(spec, verify)];
}

/** What the pod's author has to say to the signer: keys of a domain, in whichever case, and no more of it than of annotations. */
function annotationErrors(annotations: Readonly<Record<string, string>> = {}, path: FieldPath): Errors {
  const errors: Errors = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    bytes += utf8Length(key) + utf8Length(value);
    const lower = key.toLowerCase();
    const faults = qualifiedNameFaults(lower);
    if (lower === '') errors.push(required(path));
    else if (faults.length > 0) addFaults(errors, path, lower, faults);
    else if (!lower.includes('/')) errors.push(invalid(path, lower, 'must be a domain-prefixed key (such as "acme.io/foo")'));
  }
  return bytes > ANNOTATIONS_LIMIT_BYTES ? [...errors, tooLong(path, ANNOTATIONS_LIMIT_BYTES)] : errors;
}

const utf8Length = (text: string): number => new TextEncoder().encode(text).length;

function uidErrors(uid: string, path: FieldPath): Errors {
  if (uid === '') return [invalid(path, uid, 'must not be empty')];
  return uid.length > MAX_UID ? [tooLong(path, MAX_UID)] : [];
}

function isKubernetesSigner(name: string): boolean {
  const host = name.split('/')[0] ?? '';
  return host === 'kubernetes.io' || host.endsWith('.kubernetes.io');
}

export function validatePodCertificateRequestUpdate(request: Request, old: Request): readonly FieldError[] {
  return semanticEqual(request.spec, old.spec) ? [] : [invalid(SPEC, asJson(request.spec), IMMUTABLE)];
}

/** It ends once, in one way; only who issues says more than that. */
export function validatePodCertificateRequestStatus(
  { status = {} }: Request,
  old: Request,
  _apiVersion: string,
  { nowMs }: StrategyContext,
): readonly FieldError[] {
  const conditions = status.conditions ?? [];
  const errors = endErrors(conditions);
  errors.push(...validateConditions(conditions, STATUS.child('conditions')));
  if (errors.length > 0) return errors;
  const before = old.status ?? {};
  const unchanged = semanticEqual(status, before);
  if (endOf(before) !== undefined) return unchanged ? [] : [withoutValue(STATUS, 'immutable after PodCertificateRequest is issued, denied, or failed')];
  const end = endOf(status);
  if (end === undefined) return unchanged ? [] : [withoutValue(STATUS, 'status is immutable unless transitioning to "Issued", "Denied", or "Failed"')];
  if (end === 'Issued') return issueErrors(old, status, nowMs);
  const saysMore = [status.certificateChain, status.notBefore, status.notAfter, status.beginRefreshAt].some((each) => !isEmpty(each));
  return saysMore ? [withoutValue(STATUS, 'non-condition status fields must be empty when denying or failing the PodCertificateRequest')] : [];
}

const endOf = ({ conditions }: beta.PodCertificateRequestStatus): string | undefined =>
  conditions?.find(({ type, status }) => ENDS.includes(type) && status === 'True')?.type;

function endErrors(conditions: NonNullable<beta.PodCertificateRequestStatus['conditions']>): Errors {
  const errors: Errors = [];
  let ends = 0;
  for (const [i, condition] of conditions.entries()) {
    // Upstream takes the index for a field's name.
    const at = STATUS.child('conditions').child(`[${i}]`);
    if (!ENDS.includes(condition.type)) {
      errors.push(notSupported(at.child('type'), condition.type, ENDS));
      continue;
    }
    ends++;
    if (ends > 1) errors.push(invalid(at.child('type'), condition.type, 'There may be at most one condition with type "Issued", "Denied", or "Failed"'));
    if (condition.status !== 'True') errors.push(notSupported(at.child('status'), condition.status, ['True']));
  }
  return errors;
}
