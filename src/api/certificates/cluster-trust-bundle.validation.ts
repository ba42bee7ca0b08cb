import { decodeBase64, encodeBase64 } from '../../machinery/base64.ts';
import { type FieldError, invalid, tooLong } from '../../machinery/field-error.ts';
import { dns1123SubdomainFaults } from '../../machinery/names.ts';
import { addFaults, type Errors, IMMUTABLE, root } from '../checks.ts';
import type * as beta from '../gen/types/certificates.v1beta1.ts';
import { validateSignerName } from './certificate-signing-request.validation.ts';

const NAME = root('metadata').child('name');
const SIGNER = root('spec').child('signerName');
const BUNDLE = root('spec').child('trustBundle');
const MAX_BYTES = 1024 * 1024;
const BLOCK = /-----BEGIN ([^\r\n-]*)-----[ \t]*\r?\n([\s\S]*?)-----END \1-----/g;

type Bundle = beta.ClusterTrustBundle;

export function validateBundle({ metadata, spec }: Bundle): Errors {
  const signerName = spec?.signerName ?? '';
  return [
    ...nameErrors(metadata?.name ?? '', signerName),
    ...(signerName === '' ? [] : validateSignerName(signerName, SIGNER)),
    ...trustErrors(spec?.trustBundle ?? ''),
  ];
}

/** A bundle that stays as it was is not read again: what is an authority may be judged otherwise by now. */
export function validateBundleUpdate(bundle: Bundle, old: Bundle): readonly FieldError[] {
  const signerName = bundle.spec?.signerName ?? '';
  const errors: Errors = [...nameErrors(bundle.metadata?.name ?? '', signerName), ...(signerName === '' ? [] : validateSignerName(signerName, SIGNER))];
  if (bundle.spec?.trustBundle !== old.spec?.trustBundle) errors.push(...trustErrors(bundle.spec?.trustBundle ?? ''));
  if (signerName !== (old.spec?.signerName ?? '')) errors.push(invalid(SIGNER, signerName, IMMUTABLE));
  return errors;
}

/** The name begins with its signer's, colons for slashes (API reference, ClusterTrustBundle). */
function nameErrors(name: string, signerName: string): Errors {
  const prefix = `${signerName.replaceAll('/', ':')}:`;
  const errors: Errors = [];
  if (signerName === '' && name.includes(':')) errors.push(invalid(NAME, name, 'ClusterTrustBundle without signer name must not have ":" in its name'));
  else if (signerName !== '' && !name.startsWith(prefix))
    errors.push(invalid(NAME, name, `ClusterTrustBundle for signerName ${signerName} must be named with prefix ${prefix}`));
  else addFaults(errors, NAME, name, dns1123SubdomainFaults(signerName === '' ? name : name.slice(prefix.length)));
  return errors;
}

function trustErrors(bundle: string): Errors {
  if (bundle.length > MAX_BYTES) return [tooLong(BUNDLE, MAX_BYTES)];
  const fault = (text: string): FieldError => invalid(BUNDLE, '<value omitted>', text);
  const places = new Map<string, number[]>();
  const errors: Errors = [];
  for (const [i, [, type = '', body = '']] of [...bundle.matchAll(BLOCK)].entries()) {
    const der = body.includes(':') ? undefined : decodeBase64(body.replaceAll(/\s/g, ''));
    if (type !== 'CERTIFICATE') errors.push(fault(`entry ${i} has bad block type: ${type}`));
    else if (body.includes(':')) errors.push(fault(`entry ${i} has PEM block headers`));
    else if (der === undefined || !isOneSequence(der)) errors.push(fault(`entry ${i} does not parse as X.509`));
    else if (!isAuthority(der)) errors.push(fault(`entry ${i} does not have the CA bit set`));
    else {
      const text = encodeBase64(der);
      places.set(text, [...(places.get(text) ?? []), i]);
    }
  }
  if (errors.length > 0) return errors;
  if (places.size === 0) return [fault('at least one trust anchor must be provided')];
  return [...places.values()].filter((at) => at.length > 1).map((at) => fault(`duplicate trust anchor (indices [${at.join(' ')}])`));
}

/** DER of a SEQUENCE that ends where the bytes do (X.690 8.1.3). Nothing more of a certificate is read here than the next function looks for. */
function isOneSequence(der: Uint8Array): boolean {
  const [tag, first = 0] = der;
  const more = first > 0x80 ? first - 0x80 : 0;
  if (tag !== 0x30 || first === 0x80 || more > 4) return false;
  const length = more === 0 ? first : der.slice(2, 2 + more).reduce((sum, byte) => sum * 256 + byte, 0);
  return der.length === 2 + more + length;
}

/** The extension basicConstraints (2.5.29.19): critical or not, then an OCTET STRING with SEQUENCE { cA TRUE … } (RFC 5280 4.2.1.9). */
const AUTHORITY = /0603551d13(?:0101ff)?04..30..0101ff/;

function isAuthority(der: Uint8Array): boolean {
  return AUTHORITY.test(Array.from(der, (byte) => byte.toString(16).padStart(2, '0')).join(''));
}
