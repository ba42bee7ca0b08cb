import { certificateSigningRequests, podCertificateRequests } from '../../api/gen/resources.ts';
import { root } from '../../api/checks.ts';
import { semanticEqual } from '../../api/equal.ts';
import { forbidden } from '../../machinery/field-error.ts';
import { invalidObject } from '../../machinery/status-error.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../stages.ts';
import { draftOf, isAbout, oldOf, refuse } from './request.ts';
import { isRequestUpdate, mayUse, signerOf } from './signer-rights.ts';

/** CertificateSigning: who puts a certificate into a request, or says that it failed, must be allowed to sign for its signer. */
export const certificateSigning = (authorize: Authorizer): AdmissionPlugin => ({
  name: 'CertificateSigning',
  handles: (request) => isRequestUpdate(request, 'status') || isOfPod(request),
  validate(request) {
    if (isOfPod(request)) return validateOfPod(authorize, request);
    const before = oldOf(request, certificateSigningRequests)?.status;
    const after = draftOf(request, certificateSigningRequests).status;
    if ((before?.certificate ?? '') === (after?.certificate ?? '') && semanticEqual(before?.conditions, after?.conditions)) return;
    const signer = signerOf(request);
    if (!mayUse(authorize, request, 'sign', signer)) throw refuse(request, `user not permitted to sign requests with signerName ${JSON.stringify(signer)}`);
  },
});

const isOfPod = (request: AdmissionRequest): boolean =>
  isAbout({ ...request, subresource: '' }, podCertificateRequests, 'UPDATE') && request.subresource === 'status';

/** Whoever ends the request of a pod must be allowed to sign, too. Kubernetes looks while it validates: it is a fault of the object. */
function validateOfPod(authorize: Authorizer, request: AdmissionRequest): void {
  const old = oldOf(request, podCertificateRequests);
  if (old === undefined || semanticEqual(old.status, draftOf(request, podCertificateRequests).status)) return;
  const signer = old.spec.signerName;
  if (mayUse(authorize, request, 'sign', signer)) return;
  const why = `User ${JSON.stringify(request.user.name)} is not permitted to "sign" for signer ${JSON.stringify(signer)}`;
  throw invalidObject(request.kind, request.name, [forbidden(root('spec').child('signerName'), why)]);
}
