import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '../api/gen/types/certificates.v1.ts';
import { certificateSigningRequests, subjectAccessReviews } from '../api/gen/resources.ts';
import type { Component, ComponentOptions } from '../client/component.ts';
import { resourcePath } from '../api/resource.ts';
import { source, startController } from '../client/controller.ts';
import { decodeBase64 } from '../machinery/base64.ts';
import type { JsonObject, Stored } from '../machinery/object.ts';
import { formatTime } from '../machinery/time.ts';
import type { CertificateSigner, ParsedRequest } from './certificate-signing.ts';

const SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';
const USAGES: ReadonlySet<string> = new Set(['client auth,digital signature', 'client auth,digital signature,key encipherment']);

/** Which right lets a request through by itself: one for one's own certificate, or for any node's (kubernetes.io, "TLS bootstrapping"). */
export interface Recognized {
  readonly subresource: 'selfnodeclient' | 'nodeclient';
  readonly message: string;
}

const SELF: Recognized = { subresource: 'selfnodeclient', message: 'Auto approving self kubelet client certificate after SubjectAccessReview.' };
const ANY: Recognized = { subresource: 'nodeclient', message: 'Auto approving kubelet client certificate after SubjectAccessReview.' };

/** In the order in which they are asked for; empty: it is for people to approve. */
export function recognized({ spec }: CertificateSigningRequest, parsed: ParsedRequest): readonly Recognized[] {
  const { commonName, organizations, dnsNames, ipAddresses, otherNames } = parsed;
  const isNodeClient =
    spec.signerName === SIGNER &&
    organizations.join() === 'system:nodes' &&
    commonName.startsWith('system:node:') &&
    dnsNames.length + ipAddresses.length + otherNames.length === 0 &&
    USAGES.has([...(spec.usages ?? [])].sort().join());
  if (!isNodeClient) return [];
  return spec.username === commonName ? [SELF, ANY] : [ANY];
}

/** Whether somebody has decided already. */
export function isOpen({ metadata, spec, status }: Stored<CertificateSigningRequest>): boolean {
  const decided = (status?.conditions ?? []).some(({ type }) => type === 'Approved' || type === 'Denied');
  return spec.signerName === SIGNER && !decided && (status?.certificate ?? '') === '' && metadata.deletionTimestamp === undefined;
}

/** Approves what kubelets ask for, where the policy gives them the right to have it approved by itself (csrapproving). */
export function startCertificateApproving(options: ComponentOptions, signer: Pick<CertificateSigner, 'parse'>): Component {
  const { client, clock, informers } = options;
  const requests = informers.of(certificateSigningRequests);

  async function mayHave({ spec }: CertificateSigningRequest, subresource: string): Promise<boolean> {
    const { username: user, uid, groups, extra } = spec;
    const { status } = await client.create(subjectAccessReviews, {
      spec: {
        ...(user === undefined ? {} : { user }),
        ...(uid === undefined ? {} : { uid }),
        ...(groups === undefined ? {} : { groups }),
        ...(extra === undefined ? {} : { extra }),
        resourceAttributes: { group: 'certificates.k8s.io', resource: 'certificatesigningrequests', verb: 'create', version: '*', subresource },
      },
    });
    return status?.allowed === true;
  }

  return startController(options, {
    name: 'csrapproving-controller',
    sources: [source(requests, (request) => (isOpen(request) ? [request.metadata.name] : []))],
    concurrency: 1,
    reconcile: async (name) => {
      const request = requests.get(name);
      if (request === undefined || !isOpen(request)) return undefined;
      const pem = new TextDecoder().decode(decodeBase64(request.spec.request) ?? new Uint8Array());
      const parsed = await signer.parse(pem).catch(() => undefined);
      // Who signs says what is wrong with it.
      if (parsed === undefined) return undefined;
      for (const { subresource, message } of recognized(request, parsed)) {
        if (!(await mayHave(request, subresource))) continue;
        const now = formatTime(clock.now());
        const approved: CertificateSigningRequestCondition = {
          type: 'Approved',
          status: 'True',
          reason: 'AutoApproved',
          message,
          lastUpdateTime: now,
          lastTransitionTime: now,
        };
        const body = { ...request, status: { ...request.status, conditions: [...(request.status?.conditions ?? []), approved] } };
        await client.raw('PUT', resourcePath(certificateSigningRequests, undefined, name, 'approval'), {
          apiVersion: 'certificates.k8s.io/v1',
          kind: 'CertificateSigningRequest',
          ...body,
        } as unknown as JsonObject);
        return undefined;
      }
      return undefined;
    },
  });
}
