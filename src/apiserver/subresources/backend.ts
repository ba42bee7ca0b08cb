import { Agent as HttpAgent, type IncomingMessage, request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { StatusError } from '../../machinery/status-error.ts';
import type { Endpoint } from '../dial.ts';

/** A request of the API server to a node or a pod. */
export interface BackendRequest {
  readonly method: string;
  /** With the query, as it goes over the wire. */
  readonly path: string;
  /** Lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** Piped as it comes; absent: no body. */
  readonly body?: Readable | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Connections are kept for the next request to the same server. */
const agents = { http: new HttpAgent({ keepAlive: true, maxFreeSockets: 16 }), https: new HttpsAgent({ keepAlive: true, maxFreeSockets: 16 }) };

const CONNECT_TIMEOUT_MS = 10_000;

/** Sends it; resolves with the head of the answer. Rejects with the connection's error. */
export function send(endpoint: Endpoint, wanted: BackendRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = open(endpoint, wanted);
  request.once('response', resolve);
  request.once('error', reject);
  if (wanted.body === undefined) request.end();
  else wanted.body.pipe(request);
  return promise;
}

/** The request, not yet ended. */
export function open({ scheme, host, port, tls }: Endpoint, { method, path, headers, signal }: BackendRequest, own = false) {
  const options: RequestOptions = {
    host: host.replace(/^\[|\]$/g, ''),
    port,
    method,
    path,
    headers: headers as Record<string, string | string[]>,
    setHost: !('host' in headers),
    ...(own ? { agent: false as const } : {}),
    ...(signal === undefined ? {} : { signal }),
  };
  const request =
    scheme === 'http'
      ? httpRequest({ agent: agents.http, ...options })
      : httpsRequest({
          agent: agents.https,
          ...options,
          ...(tls?.caPem === undefined ? { rejectUnauthorized: false } : { ca: tls.caPem }),
          ...(tls?.certPem === undefined ? {} : { cert: tls.certPem, key: tls.keyPem }),
        });
  request.once('socket', (socket) => {
    if (!socket.connecting) return;
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => request.destroy(timeout(host, port)));
    socket.once('connect', () => socket.setTimeout(0));
  });
  return request;
}

function timeout(host: string, port: number): Error {
  return Object.assign(new Error(`connect ETIMEDOUT ${host}:${port}`), { code: 'ETIMEDOUT' });
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
  ECONNRESET: 'read: connection reset by peer',
};

/** A failure to reach a server, in the words that people know from Kubernetes. */
export function dialFailure(thrown: unknown, { host, port }: Endpoint): string {
  const code = thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
  const words = WORDS[code];
  return words === undefined ? (thrown instanceof Error ? thrown.message : String(thrown)) : `dial tcp ${host}:${port}: ${words}`;
}

/** A node that can't be reached: 500, as upstream answers for logs and exec. */
export function backendDown(thrown: unknown, endpoint: Endpoint): StatusError {
  if (thrown instanceof StatusError) return thrown;
  return new StatusError('InternalError', `error dialing backend: ${dialFailure(thrown, endpoint)}`, { details: {}, cause: thrown });
}
