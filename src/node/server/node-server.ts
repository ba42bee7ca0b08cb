import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { failure, type Log } from '../../base/log.ts';
import type { UserInfo } from '../../machinery/exchange.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { Ends } from './ends.ts';
import { type AuthenticateToken, type AuthorizeNode, attributesOf, userOfCertificate } from './identity.ts';
import { serveLogs } from './logs.ts';
import { formatMetrics, formatResourceMetrics } from './metrics.ts';
import type { PodLookup } from './pod-lookup.ts';
import { Refusal, refusalOf } from './refusal.ts';
import { Statistics } from './statistics.ts';
import { upgradeStream } from './streams.ts';

export interface NodeServerOptions {
  readonly nodeName: string;
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  readonly tls: ServingCertificate;
  /** Who signs the client certificates that are believed. */
  readonly clientCaPem: string;
  readonly pods: PodLookup;
  readonly runtime: Runtime;
  readonly authorize: AuthorizeNode;
  /** Absent: bearer tokens are not believed. */
  readonly authenticateToken?: AuthenticateToken;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ServingCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface NodeServer extends AsyncDisposable {
  readonly port: number;
  /** For new connections. */
  renew(tls: ServingCertificate): void;
}

const HEADERS_TIMEOUT_MS = 30_000;
/** The words of an exec are in its URL: as much as Go's servers take. */
const LARGEST_HEAD_BYTES = 1024 * 1024;

/** The node's own HTTPS server: the kubelet's API, reached by the API server as by anybody else. */
export async function startNodeServer(options: NodeServerOptions): Promise<NodeServer> {
  const { tls, clientCaPem, log, runtime } = options;
  const sockets = new Set<Socket>();
  const ends = new Ends(runtime);
  const handler = new Handler(options, ends);
  const server = createServer(
    {
      cert: tls.certPem,
      key: tls.keyPem,
      ca: clientCaPem,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      headersTimeout: HEADERS_TIMEOUT_MS,
      maxHeaderSize: LARGEST_HEAD_BYTES,
    },
    (request, response) => void handler.serve(request, response),
  );
  server.on('secureConnection', (socket: TLSSocket) => {
    sockets.add(socket);
    socket.on('error', (error) => log.debug('a connection broke', failure(error)));
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', (error) => log.debug('a TLS handshake failed', failure(error)));
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => void handler.upgrade(request, socket, head));
  await listen(server, options);
  return {
    port: (server.address() as AddressInfo).port,
    renew: ({ certPem, keyPem }) => server.setSecureContext({ cert: certPem, key: keyPem, ca: clientCaPem }),
    [Symbol.asyncDispose]: () => {
      ends[Symbol.dispose]();
      return new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      });
    },
  };
}

function listen(server: Server, { address, port }: NodeServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

class Handler {
  readonly #options: NodeServerOptions;
  readonly #ends: Ends;
  readonly #statistics: Statistics;

  constructor(options: NodeServerOptions, ends: Ends) {
    this.#options = options;
    this.#ends = ends;
    this.#statistics = new Statistics(options);
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const url = await this.#admit(request);
      await this.#route(url, request, response);
    } catch (thrown) {
      const { code, message } = refusalOf(thrown);
      if (code >= 500) this.#options.log.warn('a request to the node failed', { path: request.url, ...failure(thrown) });
      if (response.headersSent) return void response.destroy();
      response.writeHead(code, { 'Content-Type': 'text/plain; charset=utf-8' });
      response.end(`${message}\n`);
    }
  }

  /** exec, attach and port-forward. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', (error) => this.#options.log.debug('a stream broke', failure(error)));
    try {
      const url = await this.#admit(request);
      await upgradeStream({ request, socket, head, url }, this.#options);
    } catch (thrown) {
      const { code, message } = refusalOf(thrown);
      const body = Buffer.from(message);
      const head = [
        `HTTP/1.1 ${code} ${code < 500 ? 'Refused' : 'Error'}`,
        'Content-Type: text/plain; charset=utf-8',
        `Content-Length: ${body.length}`,
        'Connection: close',
      ];
      socket.end(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]));
    }
  }

  /** Who it is and whether they may. Throws Refusal 401 and 403. */
  async #admit(request: IncomingMessage): Promise<URL> {
    const url = new URL(request.url ?? '/', 'https://node');
    const user = await this.#authenticate(request);
    if (user === undefined) throw new Refusal(401, 'Unauthorized');
    const attributes = attributesOf(request.method ?? '', url.pathname, user);
    if (attributes === undefined) throw new Refusal(405, 'Method Not Allowed');
    if (!(await this.#options.authorize(attributes))) {
      const { verb, subresources } = attributes;
      throw new Refusal(403, `Forbidden (user=${user.name}, verb=${verb}, resource=nodes, subresource(s)=[${subresources.join(' ')}])`);
    }
    return url;
  }

  #authenticate(request: IncomingMessage): Promise<UserInfo | undefined> {
    const user = userOfCertificate(request.socket as TLSSocket);
    if (user !== undefined) return Promise.resolve(user);
    const token = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const { authenticateToken } = this.#options;
    return token === undefined || authenticateToken === undefined ? Promise.resolve(undefined) : authenticateToken(token);
  }

  async #route(url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pods, nodeName } = this.#options;
    const [, first = '', ...rest] = url.pathname.split('/').map(decodeURIComponent);
    switch (first === 'containerLogs' ? first : url.pathname) {
      case 'containerLogs':
        return serveLogs({ url, names: rest, request, response, ends: this.#ends }, this.#options);
      case '/healthz':
        return answer(response, 'text/plain; charset=utf-8', 'ok');
      case '/pods':
      case '/pods/':
        return answer(response, 'application/json', JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: pods.pods() }));
      case '/stats/summary':
        return answer(response, 'application/json', JSON.stringify(await this.#statistics.summary()));
      case '/metrics':
        return answer(response, METRICS_TYPE, formatMetrics(pods.running(), nodeName));
      case '/metrics/resource':
        return answer(response, METRICS_TYPE, formatResourceMetrics(await this.#statistics.sample()));
      default:
        if (/^\/(exec|attach|portForward)\//.test(url.pathname)) throw new Refusal(400, 'Upgrade request required');
        throw new Refusal(404, '404 page not found');
    }
  }
}

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

function answer(response: ServerResponse, type: string, body: string): void {
  response.writeHead(200, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}
