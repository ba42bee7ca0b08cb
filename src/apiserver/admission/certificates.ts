import { certificateSigningRequests } from '../../api/gen/resources.ts';
import type { CertificateSigningRequest } from '../../api/gen/types/certificates.v1.ts';
import { semanticEqual } from '../../api/equal.ts';
import type { KubeObject } from '../../machinery/object.ts';
import { type Authorizer, resourceAttributes } from '../authz/authorizer.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../stages.ts';
import { draftOf, isAbout, oldOf, refuse } from './request.ts';

const GROUP = 'certificates.k8s.io';

/** CertificateApproval: who approves or denies must be allowed to do so for the request's signer. */
export const certificateApproval = (authorize: Authorizer): AdmissionPlugin => ({
  name: 'CertificateApproval',
  handles: (request) => isSubresource(request, 'approval'),
  validate(request) {
    const signer = signerOf(request);
    if (!mayUse(authorize, request, 'approve', signer)) throw refuse(request, `user not permitted to approve requests with signerName ${JSON.stringify(signer)}`);
  },
});

/** CertificateSigning: who puts a certificate into a request, or says that it failed, must be allowed to sign for its signer. */
export const certificateSigning = (authorize: Authorizer): AdmissionPlugin => ({
  name: 'CertificateSigning',
  handles: (request) => isSubresource(request, 'status'),
  validate(request) {
    const before = oldOf(request, certificateSigningRequests)?.status;
    const after = draftOf(request, certificateSigningRequests).status;
    if ((before?.certificate ?? '') === (after?.certificate ?? '') && semanticEqual(before?.conditions, after?.conditions)) return;
    const signer = signerOf(request);
    if (!mayUse(authorize, request, 'sign', signer)) throw refuse(request, `user not permitted to sign requests with signerName ${JSON.stringify(signer)}`);
  },
});

/** ClusterTrustBundleAttest: a bundle that names a signer comes from somebody who may speak for it. */
export const clusterTrustBundleAttest = (authorize: Authorizer): AdmissionPlugin => ({
  name: 'ClusterTrustBundleAttest',
  handles: ({ kind, resource, subresource, operation }) =>
    kind.group === GROUP && resource === 'clustertrustbundles' && subresource === '' && (operation === 'CREATE' || operation === 'UPDATE'),
  validate(request) {
    const { spec } = request.object as unknown as { readonly spec?: { readonly signerName?: string } };
    const signer = spec?.signerName ?? '';
    if (signer === '' || (request.old !== undefined && semanticEqual(request.old, request.object as unknown as KubeObject))) return;
    if (!mayUse(authorize, request, 'attest', signer)) throw refuse(request, `user not permitted to attest for signerName ${JSON.stringify(signer)}`);
  },
});

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

function isSubresource({ kind, resource, subresource, operation }: AdmissionRequest, wanted: string): boolean {
  return kind.group === GROUP && resource === 'certificatesigningrequests' && subresource === wanted && operation === 'UPDATE';
}

function signerOf(request: AdmissionRequest): string {
  return (oldOf(request, certificateSigningRequests) ?? (draftOf(request, certificateSigningRequests) as CertificateSigningRequest)).spec.signerName;
}

/** By the signer's name, or by its whole domain (`example.com/*`). */
function mayUse(authorize: Authorizer, { user }: AdmissionRequest, verb: string, signer: string): boolean {
  const domain = signer.split('/')[0] ?? '';
  return [signer, `${domain}/*`].some((name) => authorize(resourceAttributes({ user, verb, group: GROUP, version: '*', resource: 'signers', name })).allowed);
}

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
