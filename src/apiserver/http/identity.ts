import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { ClientCertificate } from '../stages.ts';

const known = new WeakMap<TLSSocket, { readonly certificate: ClientCertificate | undefined }>();

/** Who a connection is by its client certificate; read once. A certificate that the client CA did not sign counts as none. */
export function certificateOf(socket: TLSSocket): ClientCertificate | undefined {
  let found = known.get(socket);
  if (found === undefined) {
    found = { certificate: socket.authorized ? read(socket.getPeerCertificate(true)) : undefined };
    known.set(socket, found);
  }
  return found.certificate;
}

function read(peer: DetailedPeerCertificate | undefined): ClientCertificate | undefined {
  const subject = peer?.subject as Readonly<Record<string, string | string[] | undefined>> | undefined;
  const name = subject?.CN;
  if (peer === undefined || name === undefined) return undefined;
  const organizations = subject?.O ?? [];
  return {
    commonName: Array.isArray(name) ? (name.at(-1) ?? '') : name,
    organizations: Array.isArray(organizations) ? organizations : [organizations],
    raw: peer.raw,
  };
}
