import type { Authorizer } from '../authz/authorizer.ts';
import type { AdmissionPlugin } from '../stages.ts';
import { refuse } from './request.ts';
import { isRequestUpdate, mayUse, signerOf } from './signer-rights.ts';

/** CertificateApproval: who approves or denies must be allowed to do so for the request's signer. */
export const certificateApproval = (authorize: Authorizer): AdmissionPlugin => ({
  name: 'CertificateApproval',
  handles: (request) => isRequestUpdate(request, 'approval'),
  validate(request) {
    const signer = signerOf(request);
    if (!mayUse(authorize, request, 'approve', signer))
      throw refuse(request, `user not permitted to approve requests with signerName ${JSON.stringify(signer)}`);
  },
});
