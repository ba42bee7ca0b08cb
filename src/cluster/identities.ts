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
  /** PEMs of keys that signed them before, and are still trusted. */
  readonly earlierServiceAccountPems: readonly string[];
}

export interface Names {
  readonly nodeName: string;
  readonly serviceIp: string;
  readonly addresses: readonly string[];
  readonly extra: readonly string[];
}

const isAddress = (name: string): boolean => /^[\d.]+$|:/.test(name);

/** What the server may be called: by its address, as a Service, or by a name that the user gave. */
function serverRequest({ nodeName, serviceIp, addresses, extra }: Names): CertificateRequest {
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

export interface Users {
  readonly admin: UserInfo;
  readonly kubeletClient: UserInfo;
  readonly node: UserInfo;
}

/** Which certificates a cluster has, and the names of their files. */
export type LeafName = 'server' | 'admin' | 'kubeletClient' | 'node';
const FILES: Readonly<Record<LeafName, string>> = { server: 'apiserver', admin: 'admin', kubeletClient: 'apiserver-kubelet-client', node: 'node' };

function requestsFor(names: Names, users: Users): Readonly<Record<LeafName, CertificateRequest>> {
  return {
    server: serverRequest(names),
    admin: clientRequest(users.admin),
    kubeletClient: clientRequest(users.kubeletClient),
    node: {
      ...clientRequest(users.node),
      dnsNames: [names.nodeName, 'localhost'],
      ipAddresses: [...new Set(['127.0.0.1', ...names.addresses])],
      usages: ['server', 'client'],
    },
  };
}

export async function ensureCertificates(certificates: Certificates, names: Names, users: Users): Promise<ClusterCertificates> {
  const requests = requestsFor(names, users);
  const ensure = (leaf: LeafName): Promise<KeyPair> => certificates.ensure(FILES[leaf], requests[leaf]);
  const [server, admin, kubeletClient, node, serviceAccountKeyPem, earlierServiceAccountPems] = await Promise.all([
    ensure('server'),
    ensure('admin'),
    ensure('kubeletClient'),
    ensure('node'),
    certificates.key('service-account'),
    certificates.earlierKeys('service-account'),
  ]);
  return { server, admin, kubeletClient, node, serviceAccountKeyPem, earlierServiceAccountPems };
}

/** Renews each of them before it ends, however long the cluster runs, and hands the new one over. A failure is told, and tried again. */
export function keepCertificatesFresh(
  certificates: Certificates,
  { names, users }: { readonly names: Names; readonly users: Users },
  renewed: Readonly<Record<LeafName, (pair: KeyPair) => void>>,
  failed: (leaf: LeafName, cause: unknown) => void,
): AsyncDisposable {
  const requests = requestsFor(names, users);
  const leaves = Object.keys(FILES) as LeafName[];
  const kept = leaves.map((leaf) => certificates.keepFresh(FILES[leaf], requests[leaf], renewed[leaf], (cause) => failed(leaf, cause)));
  return {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(kept.map((each) => each[Symbol.asyncDispose]()));
    },
  };
}
