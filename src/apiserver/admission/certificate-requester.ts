import { certificateSigningRequests } from '../../api/gen/resources.ts';
import type { AdmissionPlugin } from '../stages.ts';
import { draftOf, isAbout } from './request.ts';

/** Not a plugin of Kubernetes' (there it is part of storing): a request says truly who made it. */
export const certificateRequester: AdmissionPlugin = {
  name: 'CertificateRequester',
  handles: (request) => isAbout(request, certificateSigningRequests, 'CREATE'),
  admit(request) {
    const { spec } = draftOf(request, certificateSigningRequests);
    if (spec === undefined) return;
    const { name, uid, groups, extra } = request.user;
    spec.username = name;
    spec.groups = [...groups];
    if (uid === undefined) delete spec.uid;
    else spec.uid = uid;
    if (extra === undefined) delete spec.extra;
    else spec.extra = Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]]));
  },
};
