import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { StringDecoder } from 'node:string_decoder';
import type { ApiResponse, WatchEvent, WatchHandle, WatchSink } from '../machinery/exchange.ts';
import type { JsonObject, KubeObject } from '../machinery/object.ts';
import { deepFreeze } from '../machinery/record.ts';
import { type Status, StatusError } from '../machinery/status-error.ts';
import type { Transport, TransportRequest } from './transport.ts';

/** How an API server is reached and who is asking. PEM texts. */
export interface HttpsTransportOptions {
  /** `https://127.0.0.1:6443` */
  readonly server: string;
  readonly ca: string;
  readonly certificate?: { readonly certificate: string; readonly key: string } | undefined;
  /** Asked for each request, so that a rotated token is used at once. */
  readonly token?: (() => string) | undefined;
  readonly userAgent: string;
  /** Most connections for requests; watches have their own. */
  readonly connections?: number;
}

/** A line of a watch longer than this is not an object that a server can have stored. */
const LONGEST_LINE = 16 * 1024 * 1024;

/** An API server over HTTPS. Dispose it to close idle connections and end watches. */
export class HttpsTransport implements Transport, Disposable {
  readonly #options: HttpsTransportOptions;
  readonly #url: URL;
  readonly #agent: Agent;
  readonly #watches = new Set<ClientRequest>();

  constructor(options: HttpsTransportOptions) {
    this.#options = options;
    this.#url = new URL(options.server);
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.connections ?? 16 });
  }

  async request(request: TransportRequest): Promise<ApiResponse> {
    const response = await this.#send(request, this.#agent);
    const text = await readAll(response);
    const code = response.statusCode ?? 0;
    const body = parseBody(text, code);
    if (code >= 400) throw asError(body, code);
    return { code, body: deepFreeze(body), warnings: warningsOf(response) };
  }

  async watch(request: TransportRequest, sink: WatchSink): Promise<WatchHandle> {
    const response = await this.#send(request, undefined);
    const code = response.statusCode ?? 0;
    if (code >= 400) throw asError(parseBody(await readAll(response), code), code);
    let open = true;
    const end = (error?: StatusError): void => {
      if (!open) return;
      open = false;
      response.destroy();
      sink.closed(error);
    };
    const decoder = new StringDecoder('utf8');
    let rest = '';
    response.on('data', (chunk: Buffer) => {
      if (!open) return;
      rest += decoder.write(chunk);
      if (rest.length > LONGEST_LINE) return end(new StatusError('InternalError', 'a watch event is longer than any object may be'));
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      try {
        deliver(lines, sink, end);
      } catch (cause) {
        end(new StatusError('InternalError', 'an event of a watch could not be taken', { cause }));
      }
    });
    response.on('end', () => end());
    response.on('error', (cause) => end(unreachable(this.#url, cause)));
    return {
      close: () => {
        open = false;
        response.destroy();
      },
    };
  }

  [Symbol.dispose](): void {
    for (const watch of this.#watches) watch.destroy();
    this.#agent.destroy();
  }

  #send(request: TransportRequest, agent: Agent | undefined): Promise<IncomingMessage> {
    const { ca, certificate, token, userAgent } = this.#options;
    const query = request.query.length === 0 ? '' : `?${new URLSearchParams(request.query.map(([name, value]) => [name, value])).toString()}`;
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const headers: Record<string, string | number> = { accept: 'application/json', 'user-agent': userAgent };
    if (token !== undefined) headers.authorization = `Bearer ${token()}`;
    if (body !== undefined) {
      headers['content-type'] = request.contentType ?? 'application/json';
      headers['content-length'] = body.byteLength;
    }
    const options: RequestOptions = {
      host: this.#url.hostname,
      port: this.#url.port === '' ? 443 : Number(this.#url.port),
      method: request.method,
      path: request.path + query,
      headers,
      ca,
      // A watch has a connection of its own, so that requests never wait behind it.
      agent: agent ?? false,
      ...(certificate === undefined ? {} : { cert: certificate.certificate, key: certificate.key }),
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    };
    return new Promise((resolve, reject) => {
      const sent = httpsRequest(options, resolve);
      sent.on('error', (cause) => reject(unreachable(this.#url, cause)));
      if (agent === undefined) {
        this.#watches.add(sent);
        sent.on('close', () => this.#watches.delete(sent));
      }
      sent.end(body);
    });
  }
}

function deliver(lines: readonly string[], sink: WatchSink, end: (error?: StatusError) => void): void {
  const batch: WatchEvent<KubeObject>[] = [];
  for (const line of lines) {
    if (line === '') continue;
    const { type, object } = JSON.parse(line) as { readonly type: string; readonly object: KubeObject };
    if (type === 'ERROR') {
      if (batch.length > 0) sink.events(batch);
      return end(StatusError.fromStatus(object as unknown as Status, (object as unknown as Status).code ?? 500));
    }
    batch.push({ type: type as WatchEvent['type'], object: deepFreeze(object) });
  }
  if (batch.length > 0) sink.events(batch);
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function parseBody(text: string, code: number): JsonObject {
  try {
    return JSON.parse(text) as JsonObject;
  } catch (cause) {
    throw new StatusError('', `the server answered ${code} without a JSON body: ${text.slice(0, 200)}`, { code, cause });
  }
}

function asError(body: JsonObject, code: number): StatusError {
  if (body.kind === 'Status') return StatusError.fromStatus(body as unknown as Status, code);
  return new StatusError('', `the server answered ${code}`, { code });
}

function unreachable(url: URL, cause: Error): StatusError {
  if (cause.name === 'AbortError') return new StatusError('Timeout', 'the request was given up by its caller', { cause });
  return new StatusError('ServiceUnavailable', `the API server at ${url.host} can't be reached: ${cause.message}`, { cause });
}

function warningsOf(response: IncomingMessage): readonly string[] {
  const header = response.headers.warning;
  if (header === undefined) return [];
  return [...header.matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)].map((match) => (match[1] ?? '').replace(/\\(.)/g, '$1'));
}
