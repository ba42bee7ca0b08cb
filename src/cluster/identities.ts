import type { Certificates, CertificateRequest, KeyPair } from './certificates.ts';
import type { UserInfo } from '../machinery/exchange.ts';

/** The certificates of one cluster on one machine. */
export interface ClusterCertificates {
  readonly server: KeyPair;
  readonly admin: KeyPair;
  /** With which the API server comes to the nodes. */
  readonly kubeletClient: KeyPair;
  /** The node's own server. */
  readonly node: KeyPair;
  /** PEM of the key that signs service-account tokens. */
  readonly serviceAccountKeyPem: string;
}

export interface Names {
  readonly nodeName: string;
  readonly serviceIp: string;
  readonly addresses: readonly string[];
  readonly extra: readonly string[];
}

const isAddress = (name: string): boolean => /^[\d.]+$|:/.test(name);

/** What the server may be called: by its address, as a Service, or by a name that the user gave. */
export function serverRequest({ nodeName, serviceIp, addresses, extra }: Names): CertificateRequest {
  return {
    commonName: 'kube-apiserver',
    organizations: [],
    dnsNames: [
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
      'kubernetes.default.svc.cluster.local',
      'localhost',
      nodeName,
      ...extra.filter((name) => !isAddress(name)),
    ],
    ipAddresses: [...new Set(['127.0.0.1', serviceIp, ...addresses, ...extra.filter(isAddress)])],
    usages: ['server'],
  };
}

function clientRequest({ name, groups }: UserInfo): CertificateRequest {
  return { commonName: name, organizations: groups.filter((group) => group !== 'system:authenticated'), dnsNames: [], ipAddresses: [], usages: ['client'] };
}

export async function ensureCertificates(
  certificates: Certificates,
  names: Names,
  users: { readonly admin: UserInfo; readonly kubeletClient: UserInfo; readonly node: UserInfo },
): Promise<ClusterCertificates> {
  const node: CertificateRequest = {
    ...clientRequest(users.node),
    dnsNames: [names.nodeName, 'localhost'],
    ipAddresses: [...new Set(['127.0.0.1', ...names.addresses])],
    usages: ['server', 'client'],
  };
  const [server, admin, kubeletClient, nodePair, serviceAccountKeyPem] = await Promise.all([
    certificates.ensure('apiserver', serverRequest(names)),
    certificates.ensure('admin', clientRequest(users.admin)),
    certificates.ensure('apiserver-kubelet-client', clientRequest(users.kubeletClient)),
    certificates.ensure('node', node),
    certificates.key('service-account'),
  ]);
  return { server, admin, kubeletClient, node: nodePair, serviceAccountKeyPem };
}
