import { duplicate, type FieldError, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { dns1123SubdomainFaults } from '../../machinery/names.ts';
import { base64Length, decodeBase64 } from '../../machinery/base64.ts';
import { addFaults, type Errors, isEmpty, root } from '../checks.ts';
import type * as certificates from '../gen/types/certificates.v1.ts';

const SPEC = root('spec');
const MIN_SECONDS = 600;
const SIGNER_FORM = 'must be a fully qualified domain and path of the form "example.com/signer-name"';
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

export function validateCertificateSigningRequest({ spec }: certificates.CertificateSigningRequest): readonly FieldError[] {
  const errors: Errors = [];
  if (!isPemRequest(spec.request)) errors.push(invalid(SPEC.child('request'), spec.request ?? '', 'PEM block type must be CERTIFICATE REQUEST'));
  if ((spec.usages ?? []).length === 0) errors.push(required(SPEC.child('usages'), 'usages must be specified'));
  for (const [i, usage] of (spec.usages ?? []).entries()) {
    const at = SPEC.child('usages').index(i);
    if (!USAGES.includes(usage)) errors.push(notSupported(at, usage, USAGES));
    if ((spec.usages ?? []).indexOf(usage) !== i) errors.push(duplicate(at, usage));
  }
  errors.push(...signerNameErrors(spec.signerName));
  const seconds = spec.expirationSeconds;
  if (seconds !== undefined && seconds < MIN_SECONDS)
    errors.push(invalid(SPEC.child('expirationSeconds'), seconds, 'may not specify a duration less than 600 seconds (10 minutes)'));
  return errors;
}

function isPemRequest(base64: string | undefined): boolean {
  const bytes = base64 === undefined || base64Length(base64) === 0 ? undefined : decodeBase64(base64);
  const text = new TextDecoder().decode(bytes);
  return /-----BEGIN (NEW )?CERTIFICATE REQUEST-----[\s\S]+-----END (NEW )?CERTIFICATE REQUEST-----/.test(text);
}

/** `example.com/name`. */
function signerNameErrors(name: string | undefined): Errors {
  const errors: Errors = [];
  const path = SPEC.child('signerName');
  if (isEmpty(name)) return [required(path)];
  const [domain = '', ...rest] = name.split('/');
  if (rest.length !== 1 || rest[0] === '') return [invalid(path, name, SIGNER_FORM)];
  addFaults(errors, path, domain, dns1123SubdomainFaults(domain));
  if (!domain.includes('.')) errors.push(invalid(path, name, SIGNER_FORM));
  return errors;
}
