import type { IncomingHttpHeaders } from 'node:http';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { getOwn, setOwn } from '../../machinery/record.ts';
import type { Credentials, RequestHeaders } from '../stages.ts';

interface Shown {
  readonly certificate: Credentials['certificate'];
  /** Wall time, ms: the certificate proves nothing after that, however long the connection lasts. */
  readonly untilMs: number;
}

const known = new WeakMap<TLSSocket, Shown>();

const MOST_SHARED = 256;
/** By fingerprint, of the certificates shown last: who opens ten thousand connections shows the same one in each. */
const shared = new Map<string, Shown>();

/** Who a connection is by its client certificate; read once. */
export function certificateOf(socket: TLSSocket, nowMs: number): Credentials['certificate'] {
  let found = known.get(socket);
  if (found === undefined) {
    found = socket.authorized ? shownBy(socket.getPeerCertificate(true)) : { certificate: showsNone(socket) ? undefined : 'bad', untilMs: Infinity };
    known.set(socket, found);
  }
  return nowMs <= found.untilMs ? found.certificate : 'bad';
}

/** Without a certificate a connection is not authorized either. */
const showsNone = (socket: TLSSocket): boolean => Object.keys(socket.getPeerCertificate()).length === 0;

function shownBy(peer: DetailedPeerCertificate): Shown {
  const found = shared.get(peer.fingerprint512) ?? { certificate: read(peer), untilMs: Date.parse(peer.valid_to) };
  shared.delete(peer.fingerprint512);
  shared.set(peer.fingerprint512, found);
  if (shared.size > MOST_SHARED) shared.delete(shared.keys().next().value as string);
  return found;
}

/** Kubernetes' own attribute of a subject: the user's uid. */
const UID = '1.3.6.1.4.1.57683.2';

function read(peer: DetailedPeerCertificate): Credentials['certificate'] {
  const subject = peer.subject as Readonly<Record<string, string | string[] | undefined>> | undefined;
  const name = subject?.CN;
  if (name === undefined) return undefined;
  const organizations = subject?.O ?? [];
  const uid = subject?.[UID];
  // Which of several is meant nobody can tell.
  if (Array.isArray(uid)) return 'bad';
  return {
    commonName: Array.isArray(name) ? (name.at(-1) ?? '') : name,
    organizations: Array.isArray(organizations) ? organizations : [organizations],
    ...(uid === undefined ? {} : { uid }),
    raw: peer.raw,
  };
}

const WEBSOCKET_BEARER = 'base64url.bearer.authorization.k8s.io.';

/** The word after `Bearer`, as Kubernetes reads it: an empty one counts as no header. */
export function bearerToken(headers: IncomingHttpHeaders): string | undefined {
  const header = headers.authorization;
  if (header !== undefined) return /^bearer ([^ ]+)/i.exec(header.trim())?.[1];
  const protocols = headers['sec-websocket-protocol'];
  if (typeof protocols !== 'string') return undefined;
  const found = protocols.split(',').find((p) => p.trim().startsWith(WEBSOCKET_BEARER));
  return found === undefined ? undefined : Buffer.from(found.trim().slice(WEBSOCKET_BEARER.length), 'base64url').toString('utf8');
}

const IMPERSONATE = 'impersonate-';
const NONE: RequestHeaders = {};

/**
 * Whom a request wants to act as: by lower-case name, a value for each time that a header was sent. Node joins them with a comma, which
 * names may have in them too, and takes their bytes for Latin-1.
 */
export function impersonationHeaders({
  headers,
  rawHeaders,
}: {
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
}): RequestHeaders {
  let any = false;
  for (const name in headers) any ||= name.startsWith(IMPERSONATE);
  if (!any) return NONE;
  const found: Record<string, readonly string[]> = {};
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    const value = Buffer.from(rawHeaders[at + 1] ?? '', 'latin1').toString('utf8');
    if (name.startsWith(IMPERSONATE)) setOwn(found, name, [...(getOwn(found, name) ?? []), value]);
  }
  return found;
}
