import { semanticEqual } from '../../api/equal.ts';
import type { KubeObject } from '../../machinery/object.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import type { AdmissionPlugin } from '../stages.ts';
import { refuse } from './request.ts';
import { mayUse } from './signer-rights.ts';

/** ClusterTrustBundleAttest: a bundle that names a signer comes from somebody who may speak for it. */
export const clusterTrustBundleAttest = (authorize: Authorizer): AdmissionPlugin => ({
  name: 'ClusterTrustBundleAttest',
  handles: ({ kind, resource, subresource, operation }) =>
    kind.group === 'certificates.k8s.io' && resource === 'clustertrustbundles' && subresource === '' && (operation === 'CREATE' || operation === 'UPDATE'),
  validate(request) {
    const { spec } = request.object as unknown as { readonly spec?: { readonly signerName?: string } };
    const signer = spec?.signerName ?? '';
    if (signer === '' || (request.old !== undefined && semanticEqual(request.old, request.object as unknown as KubeObject))) return;
    if (!mayUse(authorize, request, 'attest', signer)) throw refuse(request, `user not permitted to attest for signerName ${JSON.stringify(signer)}`);
  },
});
