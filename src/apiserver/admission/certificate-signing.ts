import { certificateSigningRequests } from '../../api/gen/resources.ts';
import { semanticEqual } from '../../api/equal.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import type { AdmissionPlugin } from '../stages.ts';
import { draftOf, oldOf, refuse } from './request.ts';
import { isRequestUpdate, mayUse, signerOf } from './signer-rights.ts';

/** CertificateSigning: who puts a certificate into a request, or says that it failed, must be allowed to sign for its signer. */
export const certificateSigning = (authorize: Authorizer): AdmissionPlugin => ({
  name: 'CertificateSigning',
  handles: (request) => isRequestUpdate(request, 'status'),
  validate(request) {
    const before = oldOf(request, certificateSigningRequests)?.status;
    const after = draftOf(request, certificateSigningRequests).status;
    if ((before?.certificate ?? '') === (after?.certificate ?? '') && semanticEqual(before?.conditions, after?.conditions)) return;
    const signer = signerOf(request);
    if (!mayUse(authorize, request, 'sign', signer)) throw refuse(request, `user not permitted to sign requests with signerName ${JSON.stringify(signer)}`);
  },
});
