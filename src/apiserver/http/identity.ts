import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { ClientCertificate } from '../stages.ts';

interface Shown {
  readonly certificate: ClientCertificate | undefined;
  /** Wall time, ms: the certificate proves nothing after that, however long the connection lasts. */
  readonly untilMs: number;
}

const known = new WeakMap<TLSSocket, Shown>();

/** Who a connection is by its client certificate; read once. A certificate that the client CA did not sign, or that has expired, counts as none. */
export function certificateOf(socket: TLSSocket, nowMs: number): ClientCertificate | undefined {
  let found = known.get(socket);
  if (found === undefined) {
    const peer = socket.authorized ? socket.getPeerCertificate(true) : undefined;
    found = { certificate: read(peer), untilMs: Date.parse(peer?.valid_to ?? '') };
    known.set(socket, found);
  }
  return nowMs <= found.untilMs ? found.certificate : undefined;
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
