import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { badRequest, type StatusError } from '../../machinery/status-error.ts';
import type { Endpoint } from '../dial.ts';
import type { RawExchange } from '../stages.ts';
import { backendDown, open } from './backend.ts';
import { forwardedHeaders, type Headers } from './forward.ts';

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
  const answer = await upgrade(endpoint, { method: request.method ?? 'GET', path, headers }, socket);
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

/** `client`: when it goes away before there is an answer, the backend is not kept waiting. */
function upgrade(
  endpoint: Endpoint,
  wanted: { readonly method: string; readonly path: string; readonly headers: Headers },
  client: Duplex,
): Promise<UpgradeAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<UpgradeAnswer>();
  const request = open(endpoint, wanted, true);
  const gone = (): void => void request.destroy(new Error('the client went away'));
  request.once('upgrade', (response, socket, head) => resolve({ response, socket, head }));
  request.once('response', (response) => resolve({ response, socket: undefined, head: new Uint8Array() }));
  request.on('error', (thrown) => reject(backendDown(thrown, endpoint)));
  if (client.destroyed) gone();
  else client.once('close', gone);
  request.end();
  return promise.finally(() => client.off('close', gone));
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

/**
 * Both directions until one has ended; then the other side is ended too, after what is on its way has been written. What a backend
 * still has to say to a client that has gone is not waited for.
 */
function join(client: Duplex, backend: Duplex): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let open = 2;
  const watch = (from: Duplex, to: Duplex, endTo: () => void): void => {
    const closed = (): void => {
      endTo();
      if (--open === 0) resolve();
    };
    from.on('error', () => to.destroy());
    // Who has gone already says nothing any more.
    if (from.destroyed) closed();
    else from.on('close', closed);
  };
  watch(client, backend, () => backend.end(() => backend.destroy()));
  watch(backend, client, () => client.end());
  if (!client.destroyed) client.pipe(backend);
  if (!backend.destroyed) backend.pipe(client);
  return promise;
}
