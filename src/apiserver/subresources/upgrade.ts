import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
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
  const { answer, early } = await upgrade(endpoint, { method: request.method ?? 'GET', path, headers }, socket);
  if (answer.socket === undefined) return relayRefusal(answer.response, socket);
  socket.write(formatHead(answer.response));
  if (answer.head.length > 0) socket.write(answer.head);
  for (const said of [head, ...early]) if (said.length > 0) answer.socket.write(said);
  await join(socket, answer.socket);
}

interface UpgradeAnswer {
  readonly response: IncomingMessage;
  /** Undefined: the backend answered like any request instead. */
  readonly socket: Duplex | undefined;
  readonly head: Uint8Array;
}

/** What a client may say before it has been answered; then it is not listened to until it has. */
const EARLY_BYTES = 64 * 1024;

/**
 * `client`: is listened to meanwhile, since who is not listened to can't be seen to go away; then the backend is not kept waiting.
 * `early`: what it has said.
 */
async function upgrade(
  endpoint: Endpoint,
  wanted: { readonly method: string; readonly path: string; readonly headers: Headers },
  client: Duplex,
): Promise<{ readonly answer: UpgradeAnswer; readonly early: readonly Uint8Array[] }> {
  const { promise, resolve, reject } = Promise.withResolvers<UpgradeAnswer>();
  const request = open(endpoint, wanted, true);
  const gone = (): void => void request.destroy(new Error('the client went away'));
  request.once('upgrade', (response, socket, head) => resolve({ response, socket, head }));
  request.once('response', (response) => resolve({ response, socket: undefined, head: new Uint8Array() }));
  request.on('error', (thrown) => reject(backendDown(thrown, endpoint)));
  const early: Buffer[] = [];
  let bytes = 0;
  const onData = (chunk: Buffer): void => {
    early.push(chunk);
    bytes += chunk.length;
    if (bytes > EARLY_BYTES) client.pause();
  };
  if (client.destroyed || client.readableEnded) gone();
  client.on('error', gone).on('close', gone).on('end', gone).on('data', onData);
  request.end();
  try {
    return { answer: await promise, early };
  } finally {
    client.off('close', gone).off('end', gone).off('data', onData);
    client.pause();
  }
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

/** A side that takes nothing of what it is still to be told, for so long, is let go. */
const STUCK_MS = 30_000;

/**
 * Both directions until one has ended, be it only by half; then both are over, after what is on its way has been written (apiserver's
 * proxy does the same). What a backend still has to say to a client that has gone is not waited for.
 */
function join(client: Duplex, backend: Duplex): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let open = 2;
  const watch = (from: Duplex, to: Duplex): void => {
    const closed = (): void => {
      endSoon(to);
      if (--open === 0) resolve();
    };
    from.on('error', () => to.destroy());
    // Who has gone already says nothing any more.
    if (from.destroyed) closed();
    else from.once('close', closed);
    if (from.readableEnded) endSoon(to);
    else from.once('end', () => endSoon(to));
  };
  watch(client, backend);
  watch(backend, client);
  if (!client.destroyed) client.pipe(backend);
  if (!backend.destroyed) backend.pipe(client);
  return promise;
}

function endSoon(socket: Duplex): void {
  if (socket.destroyed) return;
  if (socket instanceof Socket) socket.setTimeout(STUCK_MS, () => socket.destroy());
  socket.end(() => socket.destroy());
}
