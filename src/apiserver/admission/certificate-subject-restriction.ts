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
  const der = Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
  const wanted = Buffer.from(organization, 'utf8');
  for (let at = der.indexOf(ORGANIZATION); at !== -1; at = der.indexOf(ORGANIZATION, at + 1)) {
    const value = at + ORGANIZATION.length + 2;
    if (der[value - 1] === wanted.length && der.subarray(value, value + wanted.length).equals(wanted)) return true;
  }
  return false;
}
