import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { ClientCertificate } from '../stages.ts';

interface Shown {
  readonly certificate: ClientCertificate | undefined;
  /** Wall time, ms: the certificate proves nothing after that, however long the connection lasts. */
  readonly untilMs: number;
}

const known = new WeakMap<TLSSocket, Shown>();

const MOST_SHARED = 256;
/** By fingerprint, of the certificates shown last: who opens ten thousand connections shows the same one in each. */
const shared = new Map<string, Shown>();

/** Who a connection is by its client certificate; read once. A certificate that the client CA did not sign, or that has expired, counts as none. */
export function certificateOf(socket: TLSSocket, nowMs: number): ClientCertificate | undefined {
  let found = known.get(socket);
  if (found === undefined) {
    found = socket.authorized ? shownBy(socket.getPeerCertificate(true)) : NOTHING;
    known.set(socket, found);
  }
  return nowMs <= found.untilMs ? found.certificate : undefined;
}

const NOTHING: Shown = { certificate: undefined, untilMs: Number.NaN };

function shownBy(peer: DetailedPeerCertificate): Shown {
  const found = shared.get(peer.fingerprint512) ?? { certificate: read(peer), untilMs: Date.parse(peer.valid_to) };
  shared.delete(peer.fingerprint512);
  shared.set(peer.fingerprint512, found);
  if (shared.size > MOST_SHARED) shared.delete(shared.keys().next().value as string);
  return found;
}

/** Kubernetes' own attribute of a subject: the user's uid. */
const UID = '1.3.6.1.4.1.57683.2';

function read(peer: DetailedPeerCertificate): ClientCertificate | undefined {
  const subject = peer.subject as Readonly<Record<string, string | string[] | undefined>> | undefined;
  const name = subject?.CN;
  if (name === undefined) return undefined;
  const organizations = subject?.O ?? [];
  const uid = subject?.[UID];
  // Which of several is meant nobody can tell.
  if (Array.isArray(uid)) return undefined;
  return {
    commonName: Array.isArray(name) ? (name.at(-1) ?? '') : name,
    organizations: Array.isArray(organizations) ? organizations : [organizations],
    ...(uid === undefined ? {} : { uid }),
    raw: peer.raw,
  };
}
