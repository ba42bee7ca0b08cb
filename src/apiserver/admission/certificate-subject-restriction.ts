import { certificateSigningRequests } from '../../api/gen/resources.ts';
import type { AdmissionPlugin } from '../stages.ts';
import { organizationsIn } from './request-names.ts';
import { draftOf, isAbout, refuse } from './request.ts';

/** CertificateSubjectRestriction: nobody asks for a client certificate of the group that may do everything. */
export const certificateSubjectRestriction: AdmissionPlugin = {
  name: 'CertificateSubjectRestriction',
  handles: (request) => isAbout(request, certificateSigningRequests, 'CREATE'),
  validate(request) {
    const { spec } = draftOf(request, certificateSigningRequests);
    if (spec?.signerName !== 'kubernetes.io/kube-apiserver-client' || !organizationsIn(spec.request).includes('system:masters')) return;
    throw refuse(request, 'use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed');
  },
};
