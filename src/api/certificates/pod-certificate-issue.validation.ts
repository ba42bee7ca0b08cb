import { type FieldError, invalid, required, tooLong } from '../../machinery/field-error.ts';
import { formatTime, parseTime } from '../../machinery/time.ts';
import { type Errors, isEmpty, root } from '../checks.ts';
import type * as beta from '../gen/types/certificates.v1beta1.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import { pemBlocks } from './pem.ts';
import { wantedKey } from './pod-certificate-key.validation.ts';

const STATUS = root('status');
const CHAIN = STATUS.child('certificateChain');
const NOT_BEFORE = STATUS.child('notBefore');
const NOT_AFTER = STATUS.child('notAfter');
const REFRESH = STATUS.child('beginRefreshAt');
const MAX_CHAIN = 100 * 1024;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const NANOS_A_MS = 1_000_000;

/** What was issued is a certificate for the key that was asked for, from now on, for as long as was asked. The first fault is all that is said. */
export function issueErrors({ spec }: beta.PodCertificateRequest, status: beta.PodCertificateRequestStatus, nowMs: number): readonly FieldError[] {
  const chain = status.certificateChain ?? '';
  const fault = (detail: string): readonly FieldError[] => [invalid(CHAIN, chain, detail)];
  if (chain.length > MAX_CHAIN) return [tooLong(CHAIN, MAX_CHAIN)];
  const [first, ...others] = pemBlocks(chain);
  if (first === undefined) return fault('issued certificate chain must contain at least one certificate');
  if (first.type !== 'CERTIFICATE') return fault('issued certificate chain must consist entirely of CERTIFICATE PEM blocks');
  const leaf = readCertificate(first.bytes);
  if (leaf === undefined) return fault('leaf certificate does not parse as valid X.509');
  const names = nameErrors(leaf);
  const key = wantedKey(spec);
  if (key === undefined || !sameBytes(key, leaf.publicKey)) return [...names, ...fault('leaf certificate was not issued to the requested public key')];
  const times = timeErrors(leaf, status, spec.maxExpirationSeconds ?? 0, nowMs);
  if (times.length > 0) return [...names, ...times];
  for (const { type, bytes } of others) {
    // As Kubernetes spells it.
    if (type !== 'CERTIFICATE') return [...names, ...fault('issued certificate chain must consist entirely of CERTFICATE PEM blocks')];
    if (readCertificate(bytes) === undefined) return [...names, ...fault('intermediate certificate does not parse as valid X.509')];
  }
  return names;
}

function nameErrors({ dnsNames, emailAddresses }: Certificate): Errors {
  const errors: Errors = [];
  for (const name of dnsNames) {
    if (name === '') errors.push(invalid(CHAIN, name, 'leaf certificate should not contain empty DNSName'));
    if (name.includes('..')) errors.push(invalid(CHAIN, name, "leaf certificate's DNSName should not contain '..'"));
    if (name.startsWith('.') || name.endsWith('.')) errors.push(invalid(CHAIN, name, "leaf certificate's DNSName should not start or end with '.'"));
  }
  for (const address of emailAddresses)
    if (!/^[^\s@<>]+@[^\s@<>]+$/.test(address)) errors.push(invalid(CHAIN, address, 'leaf certificate should not contain invalid EmailAddress'));
  return errors;
}

function timeErrors(leaf: Certificate, status: beta.PodCertificateRequestStatus, maxSeconds: number, nowMs: number): Errors {
  const { notBefore, notAfter, beginRefreshAt } = status;
  const errors: Errors = [];
  if (isEmpty(notBefore)) errors.push(required(NOT_BEFORE, 'must be present and consistent with the issued certificate'));
  if (isEmpty(notAfter)) errors.push(required(NOT_AFTER, 'must be present and consistent with the issued certificate'));
  if (isEmpty(beginRefreshAt)) errors.push(required(REFRESH, 'must be present and in the range [notbefore+10min, notafter-10min]'));
  if (errors.length > 0) return errors;
  const [from, to, refresh] = [parseTime(notBefore ?? '') ?? 0, parseTime(notAfter ?? '') ?? 0, parseTime(beginRefreshAt ?? '') ?? 0];
  if (from !== leaf.notBeforeMs) return [invalid(NOT_BEFORE, formatTime(from), 'must be set to the NotBefore time encoded in the leaf certificate')];
  if (Math.abs(from - nowMs) >= 5 * MINUTE_MS)
    return [invalid(NOT_BEFORE, formatTime(from), "must be set to within 5 minutes of kube-apiserver's current time")];
  if (to !== leaf.notAfterMs) return [invalid(NOT_AFTER, formatTime(to), 'must be set to the NotAfter time encoded in the leaf certificate')];
  const lifetimeMs = to - from;
  if (lifetimeMs < HOUR_MS) return [invalid(CHAIN, lifetimeMs * NANOS_A_MS, 'leaf certificate lifetime must be >= 1 hour')];
  if (lifetimeMs > maxSeconds * 1000)
    return [invalid(CHAIN, lifetimeMs * NANOS_A_MS, `leaf certificate lifetime must be <= spec.maxExpirationSeconds (${maxSeconds})`)];
  if (refresh < from + 10 * MINUTE_MS) return [invalid(REFRESH, formatTime(refresh), 'must be at least 10 minutes after status.notBefore')];
  if (refresh > to - 10 * MINUTE_MS) return [invalid(REFRESH, formatTime(refresh), 'must be at least 10 minutes before status.notAfter')];
  return [];
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);
