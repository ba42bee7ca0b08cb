import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { type Clock, deadline } from '../../base/clock.ts';
import type { ProbeGrpcAnswer, ProbeHttpAnswer, ProbeHttpRequest, ProbeNetwork } from './network.ts';

const LONGEST_BODY = 10 * 1_024;
const MOST_REDIRECTS = 10;

/** The node's real network. */
export class SystemProbeNetwork implements ProbeNetwork {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async http(request: ProbeHttpRequest): Promise<ProbeHttpAnswer> {
    using limit = deadline(this.#clock, request.timeoutMs);
    let path = request.path;
    for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
      const answer = await get({ ...request, path }, limit.signal);
      if ('error' in answer) return answer;
      const next = redirectOf(request, path, answer);
      if (next === undefined) return { status: answer.status, body: answer.body };
      path = next;
    }
    return { error: `stopped after ${MOST_REDIRECTS} redirects` };
  }

  tcp(host: string, port: number, timeoutMs: number): Promise<string | undefined> {
    const limit = deadline(this.#clock, timeoutMs);
    return new Promise<string | undefined>((resolve) => {
      const socket = connect({ host, port, signal: limit.signal });
      socket.once('connect', () => {
        socket.destroy();
        resolve(undefined);
      });
      socket.once('error', (thrown) => resolve(describe(thrown, host, port, 'i/o timeout')));
    }).finally(() => limit[Symbol.dispose]());
  }

  async grpc(host: string, port: number, service: string, timeoutMs: number): Promise<ProbeGrpcAnswer> {
    // Loaded when the first such probe is met: few pods have one.
    const { Client, credentials, Metadata, status: GrpcStatus } = await import('@grpc/grpc-js');
    const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    const client = new Client(address, credentials.createInsecure());
    return new Promise<ProbeGrpcAnswer>((resolve) => {
      const options = { deadline: this.#clock.now() + timeoutMs };
      client.makeUnaryRequest('/grpc.health.v1.Health/Check', encodeCheck, decodeStatus, service, new Metadata(), options, (thrown, answer) => {
        if (thrown === null) resolve({ status: answer ?? 'UNKNOWN' });
        else if (thrown.code === GrpcStatus.UNIMPLEMENTED)
          resolve({ error: `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${thrown.details}` });
        else if (thrown.code === GrpcStatus.DEADLINE_EXCEEDED) resolve({ error: `timeout: health rpc did not complete within ${timeoutMs / 1_000}s` });
        else if (thrown.code === GrpcStatus.UNAVAILABLE)
          resolve({ error: `timeout: failed to connect service ${JSON.stringify(address)} within ${timeoutMs / 1_000}s: ${thrown.details}` });
        else resolve({ error: `error: health rpc probe failed: ${thrown.details}` });
      });
    }).finally(() => client.close());
  }
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly location: string | undefined;
}

function get({ scheme, host, port, path, headers }: ProbeHttpRequest, signal: AbortSignal): Promise<Answer | { readonly error: string }> {
  return new Promise((resolve) => {
    const options: RequestOptions & { rejectUnauthorized: boolean } = {
      host,
      port,
      path,
      method: 'GET',
      headers: headers.flat(),
      signal,
      agent: false,
      rejectUnauthorized: false,
    };
    const fail = (thrown: Error): void =>
      resolve({ error: describe(thrown, host, port, 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)') });
    const sent = (scheme === 'https' ? httpsRequest : httpRequest)(withHost(options, headers, host, port), (response) => {
      const status = response.statusCode ?? 0;
      const location = response.headers.location;
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text.slice(0, LONGEST_BODY - body.length);
        // The rest of a long body is of no interest, and the connection is not used again.
        if (body.length >= LONGEST_BODY) response.destroy();
      });
      response.once('close', () => resolve({ status, body, location }));
      response.once('error', fail);
    });
    sent.once('error', fail);
    sent.end();
  });
}

/** A list of headers replaces Node's own Host header, so it is given when the probe gives none. */
function withHost<T extends RequestOptions>(options: T, headers: ProbeHttpRequest['headers'], host: string, port: number): T {
  const named = headers.some(([name]) => name.toLowerCase() === 'host');
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return { ...options, headers: [...(named ? [] : ['Host', authority]), 'Connection', 'close', ...headers.flat()] };
}

/** Only to the same host; other redirects are an answer in themselves. */
function redirectOf({ scheme, host, port }: ProbeHttpRequest, path: string, { status, location }: Answer): string | undefined {
  if (status < 300 || status >= 400 || location === undefined) return undefined;
  const base = `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const target = URL.parse(location, `${base}${path}`);
  const own = URL.parse(base);
  if (target === null || own === null || target.hostname !== own.hostname || target.host !== own.host || target.protocol !== own.protocol) return undefined;
  return `${target.pathname}${target.search}`;
}

/** In the words that people know from kubelets. */
function describe(thrown: Error, host: string, port: number, timeout: string): string {
  const code = 'code' in thrown ? thrown.code : undefined;
  const target = `dial tcp ${host.includes(':') ? `[${host}]` : host}:${port}`;
  if (thrown.name === 'AbortError' || code === 'ABORT_ERR') return timeout === 'i/o timeout' ? `${target}: ${timeout}` : timeout;
  if (code === 'ECONNREFUSED') return `${target}: connect: connection refused`;
  if (code === 'EHOSTUNREACH') return `${target}: connect: no route to host`;
  if (code === 'ENETUNREACH') return `${target}: connect: network is unreachable`;
  if (code === 'ECONNRESET') return 'read: connection reset by peer';
  return thrown.message;
}

/** HealthCheckRequest: field 1 is the service's name. */
function encodeCheck(service: string): Buffer {
  const name = Buffer.from(service);
  return name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
}

const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;

/** HealthCheckResponse: field 1 is the status. */
function decodeStatus(bytes: Buffer): (typeof STATUSES)[number] {
  return STATUSES[bytes[0] === 0x08 ? (bytes[1] ?? 0) : 0] ?? 'UNKNOWN';
}
