import { certificateSigningRequests } from '../../api/gen/resources.ts';
import type { AdmissionPlugin } from '../stages.ts';
import { draftOf, isAbout, refuse } from './request.ts';

/** CertificateSubjectRestriction: nobody asks for a client certificate of the group that may do everything. */
export const certificateSubjectRestriction: AdmissionPlugin = {
  name: 'CertificateSubjectRestriction',
  handles: (request) => isAbout(request, certificateSigningRequests, 'CREATE'),
  validate(request) {
    const { spec } = draftOf(request, certificateSigningRequests);
    if (spec?.signerName !== 'kubernetes.io/kube-apiserver-client' || !namesOrganization(spec.request, 'system:masters')) return;
    throw refuse(request, 'use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed');
  },
};

/** DER of "organizationName" (2.5.4.10), then a string of any of X.520's types. */
const ORGANIZATION = Buffer.from([0x06, 0x03, 0x55, 0x04, 0x0a]);

/** Looks through the request's bytes for an organization of that name; the signer reads the request properly. */
function namesOrganization(requestBase64: string, organization: string): boolean {
  const pem = Buffer.from(requestBase64, 'base64').toString('latin1');
  // A block may begin with headers (RFC 1421), which are no base64.
  const lines = pem.split(/\r?\n/).filter((line) => !line.startsWith('-----') && !line.includes(':'));
  const der = Buffer.from(lines.join('').replace(/-----[^-]+-----/g, ''), 'base64');
  for (let at = der.indexOf(ORGANIZATION); at !== -1; at = der.indexOf(ORGANIZATION, at + 1)) {
    if (readString(der, at + ORGANIZATION.length) === organization) return true;
  }
  return false;
}

const BMP = 0x1e;
const UNIVERSAL = 0x1c;

/** A DER string of any of X.520's types. */
function readString(der: Buffer, at: number): string {
  const short = der[at + 1] ?? 0;
  const bytesOfLength = short < 0x80 ? 0 : short & 0x7f;
  if (bytesOfLength > 4) return '';
  let length = bytesOfLength === 0 ? short : 0;
  for (let each = 0; each < bytesOfLength; each++) length = length * 256 + (der[at + 2 + each] ?? 0);
  const start = at + 2 + bytesOfLength;
  const value = der.subarray(start, start + length);
  const width = der[at] === BMP ? 2 : der[at] === UNIVERSAL ? 4 : 1;
  // Wide characters are big-endian; the name in question has none that needs more than a byte.
  return width === 1 ? value.toString('utf8') : Buffer.from(value.filter((_, index) => index % width === width - 1)).toString('latin1');
}
