import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { type AnyResponse, isHttp2 } from '../http/respond.ts';
import { StatusError } from '../../machinery/status-error.ts';
import type { RawExchange } from '../stages.ts';

/** Headers that belong to one connection (RFC 9110 section 7.6.1), and those that are the API server's own business. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

const BEARER_PROTOCOL = 'base64url.bearer.authorization.k8s.io.';

export type Headers = Record<string, string | string[]>;

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

/** What of a client's request goes on to the backend: never credentials, nor who it acts as. */
export function forwardedHeaders(exchange: RawExchange): Headers {
  const headers: Headers = {};
  for (const [name, value] of Object.entries(exchange.request.headers)) {
    if (value === undefined || name.startsWith(':') || name.startsWith('impersonate-') || HOP_BY_HOP.has(name)) continue;
    if (name === 'authorization' || name === 'host' || name === 'content-length') continue;
    headers[name] = value;
  }
  const length = exchange.request.headers['content-length'];
  if (typeof length === 'string') headers['content-length'] = length;
  stripBearer(headers);
  const from = exchange.request.socket.remoteAddress;
  if (from !== undefined)
    headers['x-forwarded-for'] = [headers['x-forwarded-for'], from]
      .flat()
      .filter((each) => each !== undefined)
      .join(', ');
  return headers;
}

/** The query as the client sent it, with its question mark; empty when there is none. */
export function rawQuery({ request }: RawExchange): string {
  const url = request.url ?? '';
  const at = url.indexOf('?');
  return at === -1 ? '' : url.slice(at);
}

/** Whether the request brings a body. */
export function hasBody({ request }: RawExchange): boolean {
  const { method, headers } = request;
  if (headers['content-length'] !== undefined) return headers['content-length'] !== '0';
  return (
    headers['transfer-encoding'] !== undefined ||
    (request.httpVersionMajor === 2 && method !== 'GET' && method !== 'HEAD' && !('complete' in request && request.complete))
  );
}

/** Answers with what the backend answers: head, then bytes as they come, no faster than the client reads. */
export async function relay(backend: IncomingMessage, response: AnyResponse, changed: Headers = {}): Promise<void> {
  const headers: Headers = {};
  for (const [name, value] of Object.entries(backend.headers)) if (value !== undefined && !HOP_BY_HOP.has(name)) headers[name] = value;
  Object.assign(headers, changed);
  try {
    if (isHttp2(response)) response.writeHead(backend.statusCode ?? 502, headers);
    else response.writeHead(backend.statusCode ?? 502, headers);
  } catch (thrown) {
    // Its head can't be passed on: nobody reads the rest.
    backend.destroy();
    throw new StatusError('ServiceUnavailable', 'error trying to reach service: its answer can not be passed on', { details: {}, cause: thrown });
  }
  await copy(backend, response);
}

/** Copies to the end. Either side going away ends both, and is no failure of ours: there is nobody left to tell. */
export async function copy(backend: IncomingMessage, response: AnyResponse): Promise<void> {
  try {
    await pipeline(backend, response);
  } catch {
    backend.destroy();
    response.destroy();
  }
}

/** A signal that fires when the client goes away: a backend that does not answer is not waited for any longer. */
export function untilGone(exchange: RawExchange): { readonly gone: AbortSignal } & Disposable {
  const controller = new AbortController();
  const stream = exchange.upgrade ? exchange.socket : isHttp2(exchange.response) ? exchange.response.stream : exchange.response;
  const left = (): void => controller.abort();
  if (stream.destroyed) left();
  else stream.once('close', left);
  return { gone: controller.signal, [Symbol.dispose]: () => void stream.off('close', left) };
}
