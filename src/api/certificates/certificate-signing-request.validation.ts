import { base64Length, decodeBase64 } from '../../machinery/base64.ts';
import type { VerifySignature } from '../../base/keys.ts';
import { duplicate, type FieldError, type FieldPath, forbidden, invalid, notSupported, required, tooLong } from '../../machinery/field-error.ts';
import { dns1123LabelFaults, dns1123SubdomainFaults } from '../../machinery/names.ts';
import { type Errors, isEmpty, root } from '../checks.ts';
import { semanticEqual } from '../equal.ts';
import type * as certificates from '../gen/types/certificates.v1.ts';
import type { ValidationContext } from '../kind.ts';
import { pemBlocks } from './pem.ts';
import { certificatesFault, requestFault } from './x509.ts';

const SPEC = root('spec');
const CONDITIONS = root('status').child('conditions');
const CERTIFICATE = root('status').child('certificate');
const LEGACY_SIGNER = 'kubernetes.io/legacy-unknown';
const MAX_DOMAIN = 253;
const MAX_SIGNER = 571;
const DECISIONS = ['Approved', 'Denied'];
const ENDS = [...DECISIONS, 'Failed'];
const MIN_SECONDS = 600;
const SIGNER_FORM = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
const USAGES = [
  ...[
    'any',
    'cert sign',
    'client auth',
    'code signing',
    'content commitment',
    'crl sign',
    'data encipherment',
    'decipher only',
    'digital signature',
    'email protection',
  ],
  ...[
    'encipher only',
    'ipsec end system',
    'ipsec tunnel',
    'ipsec user',
    'key agreement',
    'key encipherment',
    'microsoft sgc',
    'netscape sgc',
    'ocsp signing',
    's/mime',
    'server auth',
    'signing',
    'timestamping',
  ],
];

type Request = certificates.CertificateSigningRequest;

/** Which fields a path may write. */
interface Writable {
  readonly decision?: boolean;
  readonly certificate?: boolean;
}

export const validateCertificateSigningRequest = (request: Request, _apiVersion?: string, { verify }: ValidationContext = {}): readonly FieldError[] =>
  validate(request, undefined, verify);

export const validateCertificateSigningRequestUpdate = (request: Request, old: Request): readonly FieldError[] => validateUpdate(request, old, {});
export const validateCertificateSigningRequestStatus = (request: Request, old: Request): readonly FieldError[] =>
  validateUpdate(request, old, { certificate: true });
export const validateCertificateSigningRequestApproval = (request: Request, old: Request): readonly FieldError[] =>
  validateUpdate(request, old, { decision: true });

/** What is wrong with the stored request already may stay so. */
function validate({ spec, status }: Request, old: Request | undefined, verify?: VerifySignature): Errors {
  const errors: Errors = [];
  // It never changes.
  const asked = old === undefined ? pemRequestFault(spec.request, verify) : undefined;
  if (asked !== undefined) errors.push(invalid(SPEC.child('request'), spec.request ?? '', asked));
  const usages = spec.usages ?? [];
  const before = old?.spec.usages ?? [];
  if (usages.length === 0) errors.push(required(SPEC.child('usages')));
  if (before.every((usage) => USAGES.includes(usage)))
    for (const [i, usage] of usages.entries()) if (!USAGES.includes(usage)) errors.push(notSupported(SPEC.child('usages').index(i), usage, USAGES));
  if (new Set(before).size === before.length)
    for (const [i, usage] of usages.entries()) if (usages.indexOf(usage) !== i) errors.push(duplicate(SPEC.child('usages').index(i), usage));
  if (spec.signerName === LEGACY_SIGNER && old?.spec.signerName !== LEGACY_SIGNER)
    errors.push(invalid(SPEC.child('signerName'), spec.signerName, 'the legacy signerName is not allowed via this API version'));
  else errors.push(...validateSignerName(spec.signerName, SPEC.child('signerName')));
  const seconds = spec.expirationSeconds;
  if (seconds !== undefined && seconds < MIN_SECONDS)
    errors.push(invalid(SPEC.child('expirationSeconds'), seconds, 'may not specify a duration less than 600 seconds (10 minutes)'));
  errors.push(...conditionErrors(status?.conditions ?? [], old?.status?.conditions ?? []));
  const [certificate, stored] = [status?.certificate ?? '', old?.status?.certificate ?? ''];
  const fault = certificate === stored || certificateFault(stored) !== undefined ? undefined : certificateFault(certificate);
  if (fault !== undefined) errors.push(invalid(CERTIFICATE, '<certificate data>', fault));
  return errors;
}

type Conditions = readonly certificates.CertificateSigningRequestCondition[];

function conditionErrors(conditions: Conditions, before: Conditions): Errors {
  const errors: Errors = [];
  const had = (type: string): boolean => before.some((condition) => condition.type === type);
  const hadBoth = DECISIONS.every(had);
  const hadTwice = new Set(before.map(({ type }) => type)).size < before.length;
  const seen = new Set<string>();
  for (const [i, { type, status }] of conditions.entries()) {
    const at = CONDITIONS.index(i);
    if (type === '' && !had('')) errors.push(required(at.child('type')));
    const statuses = ENDS.includes(type) ? ['True'] : ['False', 'True', 'Unknown'];
    if (isEmpty(status)) errors.push(required(at.child('status')));
    else if (!statuses.includes(status)) errors.push(notSupported(at.child('status'), status, statuses));
    const contradicted = DECISIONS.includes(type) && DECISIONS.some((other) => other !== type && seen.has(other));
    if (contradicted && !hadBoth) errors.push(invalid(CONDITIONS, type, 'Approved and Denied conditions are mutually exclusive'));
    if (seen.has(type) && !hadTwice) errors.push(duplicate(at.child('type'), type));
    seen.add(type);
  }
  return errors;
}

/** What is decided stays so; only /approval decides, and only /status issues the certificate, once. */
function validateUpdate(request: Request, old: Request, writable: Writable): Errors {
  const errors = validate(request, old);
  const ofType = (type: string, from: Request): Conditions => (from.status?.conditions ?? []).filter((condition) => condition.type === type);
  for (const type of ENDS)
    if (ofType(type, request).length < ofType(type, old).length) errors.push(forbidden(CONDITIONS, `updates may not remove a condition of type "${type}"`));
  for (const type of writable.decision === true ? [] : DECISIONS) {
    const [now, before] = [ofType(type, request), ofType(type, old)];
    if (now.length > before.length) errors.push(forbidden(CONDITIONS, `updates may not add a condition of type "${type}"`));
    else if (now.length === before.length && !semanticEqual(now, before))
      errors.push(forbidden(CONDITIONS, `updates may not modify a condition of type "${type}"`));
  }
  const [now, before] = [request.status?.certificate ?? '', old.status?.certificate ?? ''];
  if (now === before) return errors;
  if (writable.certificate !== true) errors.push(forbidden(CERTIFICATE, 'updates may not set certificate content'));
  else if (before !== '') errors.push(forbidden(CERTIFICATE, 'updates may not modify existing certificate content'));
  return errors;
}

const textOf = (base64: string | undefined): string => {
  const bytes = base64 === undefined || base64Length(base64) === 0 ? undefined : decodeBase64(base64);
  return new TextDecoder().decode(bytes);
};

/** Only the first block counts. */
function pemRequestFault(base64: string | undefined, verify: VerifySignature | undefined): string | undefined {
  const [block] = pemBlocks(textOf(base64));
  return block?.type === 'CERTIFICATE REQUEST' ? requestFault(block.bytes, verify) : 'PEM block type must be CERTIFICATE REQUEST';
}

function certificateFault(base64: string): string | undefined {
  if (base64 === '') return undefined;
  const blocks = pemBlocks(textOf(base64));
  for (const { type, hasHeaders, bytes } of blocks) {
    if (type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`;
    if (hasHeaders) return 'no PEM block headers are permitted';
    const fault = certificatesFault(bytes);
    if (fault !== undefined) return fault;
  }
  return blocks.length === 0 ? 'must contain at least one CERTIFICATE PEM block' : undefined;
}

/** `example.com/name`. */
export function validateSignerName(name: string | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  if (isEmpty(name)) return [required(path)];
  const [domain = '', last = '', ...rest] = name.split('/');
  if (!name.includes('/') || rest.length > 0) return [invalid(path, name, SIGNER_FORM)];
  if (domain.length > MAX_DOMAIN) errors.push(tooLong(path, MAX_DOMAIN));
  const labels = domain.split('.');
  errors.push(...segmentErrors(domain, labels, dns1123LabelFaults, path));
  if (labels.length < 2) errors.push(invalid(path, domain, 'should be a domain with at least two segments separated by dots'));
  errors.push(...segmentErrors(last, last.split('.'), dns1123SubdomainFaults, path));
  if (name.length > MAX_SIGNER) errors.push(tooLong(path, MAX_SIGNER));
  return errors;
}

/** The faults of the first label that has any: those of the next would look the same. */
function segmentErrors(segment: string, labels: readonly string[], faultsOf: (label: string) => readonly string[], path: FieldPath): Errors {
  const faulty = labels.find((label) => faultsOf(label).length > 0);
  return faulty === undefined ? [] : faultsOf(faulty).map((fault) => invalid(path, segment, `validating label ${JSON.stringify(faulty)}: ${fault}`));
}
