import { certificateSigningRequests } from '../../api/gen/resources.ts';
import type { CertificateSigningRequest } from '../../api/gen/types/certificates.v1.ts';
import { type Authorizer, resourceAttributes } from '../authz/authorizer.ts';
import type { AdmissionRequest } from '../stages.ts';
import { draftOf, oldOf } from './request.ts';

const GROUP = 'certificates.k8s.io';

/** Whether it is an update of this subresource of a certificate signing request. */
export function isRequestUpdate({ kind, resource, subresource, operation }: AdmissionRequest, wanted: string): boolean {
  return kind.group === GROUP && resource === 'certificatesigningrequests' && subresource === wanted && operation === 'UPDATE';
}

export function signerOf(request: AdmissionRequest): string {
  return (oldOf(request, certificateSigningRequests) ?? (draftOf(request, certificateSigningRequests) as CertificateSigningRequest)).spec.signerName;
}

/** By the signer's name, or by its whole domain (`example.com/*`). */
export function mayUse(authorize: Authorizer, { user }: AdmissionRequest, verb: string, signer: string): boolean {
  const domain = signer.split('/')[0] ?? '';
  return [signer, `${domain}/*`].some((name) => authorize(resourceAttributes({ user, verb, group: GROUP, version: '*', resource: 'signers', name })).allowed);
}
