import type { Node } from '../api/gen/types/core.v1.ts';
import type { Stored } from '../machinery/object.ts';
import { StatusError } from '../machinery/status-error.ts';
import type { Awaitable } from './stages.ts';

/**
 * The only way from the API server to what runs in the cluster. Handed in by `cluster/`; webhooks and aggregation will use the
 * same seam. Throws StatusError when the target can't be reached by any address.
 */
export type Dial = (target: DialTarget) => Awaitable<Endpoint>;

export type DialTarget =
  /** The node's own HTTPS server. */
  | { readonly to: 'node'; readonly node: Stored<Node> }
  /** A port of a pod, by the pod's address. `scheme`: as the caller named it; http when it did not. */
  | { readonly to: 'address'; readonly ip: string; readonly port: number; readonly scheme: 'http' | 'https' };

export interface Endpoint {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  readonly tls?: EndpointTls | undefined;
}

export interface EndpointTls {
  /** What signed the server's certificate; absent: it is not verified, as upstream does not verify pods. */
  readonly caPem?: string | undefined;
  /** The API server's own client certificate. */
  readonly certPem?: string | undefined;
  readonly keyPem?: string | undefined;
}

export interface StandardDialOptions {
  /** Asked at every call: the pair is renewed before it expires. */
  readonly credentials: () => { readonly caPem: string; readonly certPem: string; readonly keyPem: string };
}

const ADDRESS_TYPES: readonly string[] = ['InternalIP', 'InternalDNS', 'Hostname', 'ExternalIP', 'ExternalDNS'];

/** By the addresses and the port that a node tells of itself. Pods are reached directly. */
export function standardDial({ credentials }: StandardDialOptions): Dial {
  return (target) => {
    if (target.to === 'address') return { scheme: target.scheme, host: target.ip, port: target.port, ...(target.scheme === 'https' ? { tls: {} } : {}) };
    const { metadata, status } = target.node;
    const addresses = status?.addresses ?? [];
    const host = ADDRESS_TYPES.map((type) => addresses.find((each) => each.type === type)?.address).find((address) => address !== undefined);
    const port = status?.daemonEndpoints?.kubeletEndpoint?.Port;
    if (host === undefined) throw new StatusError('InternalError', `no preferred addresses found; known addresses: []`, { details: {} });
    if (port === undefined || port === 0)
      throw new StatusError('InternalError', `node ${JSON.stringify(metadata.name)} does not tell the port of its server`, { details: {} });
    return { scheme: 'https', host, port, tls: credentials() };
  };
}
