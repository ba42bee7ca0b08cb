import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '../api/gen/types/certificates.v1.ts';
import { decodeBase64, encodeBase64 } from '../machinery/base64.ts';
import { certificateSigningRequests } from '../api/gen/resources.ts';
import type { Component, ComponentOptions } from '../client/component.ts';
import type { Stored } from '../machinery/object.ts';
import { formatTime } from '../machinery/time.ts';
import { source, startController } from '../client/controller.ts';

/** Reading and signing certificate requests, handed in by `cluster/`: the authority's key is there. */
export interface CertificateSigner {
  /** Rejects when it is no PKCS#10 request (PEM) or its signature does not hold. */
  parse(pem: string): Promise<ParsedRequest>;
  /** PEM of the certificate. */
  sign(pem: string, options: { readonly seconds: number; readonly usages: readonly string[] }): Promise<string>;
}

export interface ParsedRequest {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  /** Names of other kinds: `email`, `url` and such as nobody asks for. */
  readonly otherNames: readonly OtherName[];
}

export interface OtherName {
  readonly type: string;
  readonly value: string;
}

const SHORTEST_SECONDS = 600;
const LONGEST_SECONDS = 365 * 86_400;
/** So long a request is kept: approved or denied, and waiting for somebody. */
const KEPT_MS = { settled: 3_600_000, pending: 24 * 3_600_000 } as const;
/** The group that may do everything: nobody gets into it by a request. */
const MASTERS = 'system:masters';

/** What a signer demands of a request (API reference, "Certificate Signing Requests", Kubernetes signers). Undefined: it signs it. */
type Rule = (request: ParsedRequest, usages: readonly string[]) => string | undefined;

const SIGNERS: Readonly<Record<string, Rule>> = {
  'kubernetes.io/kube-apiserver-client': (request, usages) => {
    // Admission refuses it too, by the bytes; here it is read as it would be signed.
    if (request.organizations.includes(MASTERS)) return `subject organization ${MASTERS} is not allowed`;
    const other = usages.find((usage) => !CLIENT.includes(usage));
    if (other !== undefined) return `invalid usage for client certificate: ${other}`;
    return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth';
  },
  'kubernetes.io/kube-apiserver-client-kubelet': (request, usages) => {
    if (request.organizations.join() !== 'system:nodes') return 'subject organization is not system:nodes';
    if (request.dnsNames.length > 0) return notAllowed('DNS');
    if (has(request, 'email')) return notAllowed('Email');
    if (request.ipAddresses.length > 0) return notAllowed('IP');
    return otherFault(request) ?? nameFault(request) ?? usageFault(usages, 'client auth');
  },
  'kubernetes.io/kubelet-serving': (request, usages) => {
    if (request.organizations.join() !== 'system:nodes') return 'subject organization is not system:nodes';
    if (request.dnsNames.length + request.ipAddresses.length === 0) return 'DNS or IP subjectAltName is required';
    if (has(request, 'email')) return notAllowed('Email');
    return otherFault(request) ?? usageFault(usages, 'server auth') ?? nameFault(request);
  },
  'kubernetes.io/legacy-unknown': ({ organizations }) => (organizations.includes(MASTERS) ? `subject organization ${MASTERS} is not allowed` : undefined),
};

const CLIENT: readonly string[] = ['client auth', 'digital signature', 'key encipherment'];

const notAllowed = (kind: string): string => `${kind} subjectAltNames are not allowed`;
const has = ({ otherNames }: ParsedRequest, wanted: string): boolean => otherNames.some(({ type }) => type === wanted);

function otherFault({ otherNames }: ParsedRequest): string | undefined {
  const [first] = otherNames;
  return first === undefined ? undefined : notAllowed(first.type === 'url' ? 'URI' : first.type);
}

function nameFault({ commonName }: ParsedRequest): string | undefined {
  return commonName.startsWith(NODE) && commonName.length > NODE.length ? undefined : `subject common name does not begin with ${NODE} `;
}

const NODE = 'system:node:';

/** All of them, and no other; keys that are not of RSA encipher nothing. */
function usageFault(usages: readonly string[], purpose: 'client auth' | 'server auth'): string | undefined {
  const all = [purpose, 'digital signature', 'key encipherment'].sort();
  const said = [...new Set(usages)].sort();
  const isMatch = [all, all.filter((usage) => usage !== 'key encipherment')].some((wanted) => wanted.join() === said.join());
  return isMatch ? undefined : `usages did not match [${all.join(' ')}]`;
}

export type SigningDecision =
  | { readonly do: 'nothing'; readonly againAfterMs?: number }
  | { readonly do: 'delete' }
  | { readonly do: 'sign'; readonly seconds: number }
  | { readonly do: 'fail'; readonly message: string };

/** `parsed`: the request itself, or why it can't be read. */
export function decideSigning(request: Stored<CertificateSigningRequest>, parsed: ParsedRequest | string, nowMs: number): SigningDecision {
  const { spec, status, metadata } = request;
  const is = (type: string): boolean => (status?.conditions ?? []).some((condition) => condition.type === type);
  const settled = is('Denied') || is('Failed') || (status?.certificate ?? '') !== '';
  const leftMs = Date.parse(metadata.creationTimestamp ?? '') + (settled ? KEPT_MS.settled : KEPT_MS.pending) - nowMs;
  if (leftMs <= 0) return { do: 'delete' };
  const rule = Object.hasOwn(SIGNERS, spec.signerName) ? SIGNERS[spec.signerName] : undefined;
  if (settled || !is('Approved') || rule === undefined) return { do: 'nothing', againAfterMs: leftMs };
  const fault = typeof parsed === 'string' ? parsed : rule(parsed, spec.usages ?? []);
  if (fault !== undefined) return { do: 'fail', message: fault };
  return { do: 'sign', seconds: Math.max(SHORTEST_SECONDS, Math.min(spec.expirationSeconds ?? LONGEST_SECONDS, LONGEST_SECONDS)) };
}

/** Signs what has been approved for Kubernetes' own signers, and clears requests away that nobody needs any more. */
export function startCertificateSigning(options: ComponentOptions, signer: CertificateSigner): Component {
  const { client, clock, informers } = options;
  const requests = informers.of(certificateSigningRequests);
  return startController(options, {
    name: 'csrsigning-controller',
    sources: [source(requests, ({ metadata }) => [metadata.name])],
    concurrency: 1,
    reconcile: async (name) => {
      const request = requests.get(name);
      if (request === undefined) return undefined;
      const pem = new TextDecoder().decode(decodeBase64(request.spec.request) ?? new Uint8Array());
      const wanted = (request.status?.conditions ?? []).some(({ type }) => type === 'Approved') && (request.status?.certificate ?? '') === '';
      const parsed = wanted
        ? await signer.parse(pem).catch((thrown: unknown) => `unable to parse csr: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
        : 'not approved';
      const decision = decideSigning(request, parsed, clock.now());
      switch (decision.do) {
        case 'nothing':
          return decision.againAfterMs === undefined ? undefined : { afterMs: decision.againAfterMs };
        case 'delete':
          await client.delete(certificateSigningRequests, name, undefined, { preconditions: { uid: request.metadata.uid } });
          return undefined;
        case 'sign': {
          const certificate = await signer.sign(pem, { seconds: decision.seconds, usages: request.spec.usages ?? [] });
          await client.updateStatus(certificateSigningRequests, {
            ...request,
            status: { ...request.status, certificate: encodeBase64(new TextEncoder().encode(certificate)) },
          });
          return undefined;
        }
        default: {
          const now = formatTime(clock.now());
          const failed: CertificateSigningRequestCondition = {
            type: 'Failed',
            status: 'True',
            reason: 'SignerValidationFailure',
            message: decision.message,
            lastUpdateTime: now,
            lastTransitionTime: now,
          };
          await client.updateStatus(certificateSigningRequests, {
            ...request,
            status: { ...request.status, conditions: [...(request.status?.conditions ?? []), failed] },
          });
          return undefined;
        }
      }
    },
  });
}
