import { services } from '../../api/gen/resources.ts';
import type { AdmissionPlugin } from '../stages.ts';
import { draftOf, isAbout, oldOf, refuse } from './request.ts';

/** DenyServiceExternalIPs (not on by default): nobody takes traffic for addresses that are not theirs (CVE-2020-8554); those that are there stay. */
export const denyServiceExternalIps: AdmissionPlugin = {
  name: 'DenyServiceExternalIPs',
  handles: (request) => isAbout(request, services, 'CREATE', 'UPDATE'),
  validate(request) {
    const before = new Set(oldOf(request, services)?.spec?.externalIPs ?? []);
    if ((draftOf(request, services).spec?.externalIPs ?? []).some((address) => !before.has(address)))
      throw refuse(request, 'Use of external IPs is denied by admission control');
  },
};
