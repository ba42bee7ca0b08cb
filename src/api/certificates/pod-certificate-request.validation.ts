import { type FieldError, type FieldPath, invalid, notSupported, tooLong } from '../../machinery/field-error.ts';
import { dns1123SubdomainFaults } from '../../machinery/names.ts';
import { addFaults, asJson, type Errors, IMMUTABLE, root } from '../checks.ts';
import { validateConditions } from '../conditions.ts';
import { semanticEqual } from '../equal.ts';
import type * as beta from '../gen/types/certificates.v1beta1.ts';
import { validateSignerName } from './certificate-signing-request.validation.ts';

const SPEC = root('spec');
const STATUS = root('status');
const MAX_UID = 128;
const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 86_400;
const ENDS = ['Issued', 'Denied', 'Failed'];

type Request = beta.PodCertificateRequest;

/** Keys and their proof are for whoever signs to look at: no cryptography runs here. */
export function validatePodCertificateRequest({ spec }: Request): Errors {
  if (spec === undefined) return [];
  const errors = validateSignerName(spec.signerName, SPEC.child('signerName'));
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
  return errors;
}

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
export function validatePodCertificateRequestStatus({ status = {} }: Request, old: Request): readonly FieldError[] {
  const conditions = status.conditions ?? [];
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
  errors.push(...validateConditions(conditions, STATUS.child('conditions')));
  if (errors.length > 0) return errors;
  if (old.status?.conditions?.some(({ type }) => ENDS.includes(type)) === true) {
    if (semanticEqual(status, old.status)) return [];
    return [invalid(STATUS, asJson(status), 'immutable after PodCertificateRequest is issued, denied, or failed')];
  }
  const isRefused = conditions.some(({ type }) => type === 'Denied' || type === 'Failed');
  const saysMore = [status.certificateChain, status.notBefore, status.notAfter, status.beginRefreshAt].some((each) => (each ?? '') !== '');
  if (isRefused && saysMore)
    errors.push(invalid(STATUS, asJson(status), 'non-condition status fields must be empty when denying or failing the PodCertificateRequest'));
  return errors;
}
