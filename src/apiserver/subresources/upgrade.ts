import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { badRequest, type StatusError } from '../../machinery/status-error.ts';
import type { Endpoint } from '../dial.ts';
import type { RawExchange } from '../stages.ts';
import { backendDown, open } from './backend.ts';
import { forwardedHeaders, type Headers } from './forward.ts';

const BEARER_PROTOCOL = 'base64url.bearer.authorization.k8s.io.';

type Upgrade = Extract<RawExchange, { readonly upgrade: true }>;

/** What exec, attach and port-forward answer when nobody asked for an upgrade. */
export const upgradeRequired = (): StatusError => badRequest('Upgrade request required');

/**
 * Hands a client's upgrade (WebSocket or SPDY) on to the backend, and from then on copies bytes both ways, no faster than they
 * are read. What the bytes mean is the two ends' business. Resolves when either side has ended; throws before anything was answered.
 */
export async function forwardUpgrade(exchange: Upgrade, endpoint: Endpoint, path: string): Promise<void> {
  const { request, socket, head } = exchange;
  const headers: Headers = { ...forwardedHeaders(exchange), connection: 'Upgrade', upgrade: request.headers.upgrade ?? '' };
  stripBearer(headers);
  const answer = await upgrade(endpoint, { method: request.method ?? 'GET', path, headers });
  if (answer.socket === undefined) return relayRefusal(answer.response, socket);
  socket.write(formatHead(answer.response));
  if (answer.head.length > 0) socket.write(answer.head);
  if (head.length > 0) answer.socket.write(head);
  await join(socket, answer.socket);
}

interface UpgradeAnswer {
  readonly response: IncomingMessage;
  /** Undefined: the backend answered like any request instead. */
  readonly socket: Duplex | undefined;
  readonly head: Uint8Array;
}

function upgrade(endpoint: Endpoint, wanted: { readonly method: string; readonly path: string; readonly headers: Headers }): Promise<UpgradeAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<UpgradeAnswer>();
  const request = open(endpoint, wanted, true);
  request.once('upgrade', (response, socket, head) => resolve({ response, socket, head }));
  request.once('response', (response) => resolve({ response, socket: undefined, head: new Uint8Array() }));
  request.once('error', (thrown) => reject(backendDown(thrown, endpoint)));
  request.end();
  return promise;
}

/** The bearer token may travel as a WebSocket protocol; it is for us only. */
function stripBearer(headers: Headers): void {
  const offered = headers['sec-websocket-protocol'];
  if (offered === undefined) return;
  const kept = [offered]
    .flat()
    .flatMap((each) => each.split(','))
    .map((each) => each.trim())
    .filter((each) => !each.startsWith(BEARER_PROTOCOL));
  if (kept.length > 0) headers['sec-websocket-protocol'] = kept.join(', ');
  else delete headers['sec-websocket-protocol'];
}

function formatHead({ statusCode, statusMessage, rawHeaders }: IncomingMessage): string {
  const lines = [`HTTP/1.1 ${statusCode ?? 502} ${statusMessage ?? ''}`];
  for (let at = 0; at < rawHeaders.length; at += 2) lines.push(`${rawHeaders[at] ?? ''}: ${rawHeaders[at + 1] ?? ''}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

const LONGEST_REFUSAL_BYTES = 64 * 1024;

/** The backend said no: its answer is passed on as it is, and the connection ends. */
async function relayRefusal(response: IncomingMessage, socket: Duplex): Promise<void> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > LONGEST_REFUSAL_BYTES) break;
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  const type = response.headers['content-type'] ?? 'text/plain; charset=utf-8';
  const head = `HTTP/1.1 ${response.statusCode ?? 502} ${response.statusMessage ?? ''}\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
  socket.end(Buffer.concat([Buffer.from(head, 'latin1'), body]));
}

/** Both directions until one has ended; then the other side is ended too, after what is on its way has been written. */
function join(client: Duplex, backend: Duplex): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let open = 2;
  const watch = (from: Duplex, to: Duplex): void => {
    from.on('error', () => to.destroy());
    from.on('close', () => {
      if (!to.writableEnded) to.end();
      if (--open === 0) resolve();
    });
  };
  watch(client, backend);
  watch(backend, client);
  client.pipe(backend);
  backend.pipe(client);
  return promise;
}
