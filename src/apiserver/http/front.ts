import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { failure } from '../../base/log.ts';
import { uuid } from '../../base/random.ts';
import type { UserInfo } from '../../machinery/exchange.ts';
import { StatusError, unauthorized } from '../../machinery/status-error.ts';
import { sourceIps } from '../audit/source-ips.ts';
import type { AuditTrail } from '../audit/trail.ts';
import { type BodyReaders, BytesBody } from '../codec/body.ts';
import type { YamlWriter } from '../codec/yaml-thread.ts';
import { checkAccept } from '../codec/accept.ts';
import type { Core } from '../core.ts';
import { pathAttributes } from '../handlers/attributes.ts';
import { type Call, Warnings } from '../handlers/call.ts';
import type { Turn } from '../fairness/share.ts';
import { seatsOf } from '../fairness/width.ts';
import { asStatusError } from '../handlers/failures.ts';
import { parseQuery } from '../handlers/query.ts';
import type { Outcome, Routed, Router } from '../handlers/router.ts';
import type { AuthorizeAttributes, Credentials, RawExchange, RequestRecord } from '../stages.ts';
import type { Watchers } from '../watch/watchers.ts';
import { type AnswerContext, writeAnswer, writeFailure } from './answer.ts';
import type { BodyBudget, Share } from './body-budget.ts';
import { type BodyTaker, letGo, readBody } from './body-reader.ts';
import { Deadlines, timeoutOf } from './deadline.ts';
import { FrameCache } from './frames.ts';
import { admitConnections, HANDSHAKE_TIMEOUT_MS } from './handshakes.ts';
import { endIdleSessions, IDLE_MS } from './idle-sessions.ts';
import { OpenConnections } from './open-connections.ts';
import { bearerToken, certificateOf, impersonationHeaders } from './identity.ts';
import { type AnyRequest, type AnyResponse, bodyBytesOf } from './respond.ts';
import { writeRaw } from './raw.ts';
import { auditIdOf, mediaType, originForm } from './request-head.ts';
import { Seats } from './seats.ts';
import { Starts } from './starts.ts';
import { startWatch } from './watch-start.ts';
import { Flusher } from './watch-output.ts';
import { upgradeResponse } from './upgrade.ts';
import { startSocketWatch } from './websocket-watch.ts';

export interface TlsOptions {
  /** PEM. */
  readonly key: string;
  readonly cert: string;
  /** PEM of the CA that signs client certificates. */
  readonly clientCa: string;
}

export interface ListenOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly tls: TlsOptions;
}

export interface Listening extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** For certificates that have been renewed; open connections keep theirs. */
  renew(tls: TlsOptions): void;
}

export interface FrontOptions {
  readonly core: Core;
  readonly router: Router;
  readonly watchers: Watchers;
  readonly bodies: BodyReaders;
  readonly writeYaml: YamlWriter;
  /** Longer requests are answered with 504, watches and streams apart. */
  readonly requestTimeoutMs: number;
  readonly bodyBudget: BodyBudget;
}

/** A request on its way: who asks is known after authentication. */
interface HttpCall extends AnswerContext {
  readonly call: Call & { user: UserInfo; audit?: AuditTrail | undefined };
  /** Who was authenticated; `call.user` is who they act as. */
  identity?: UserInfo;
  certificate?: Credentials['certificate'];
  /** The verb by which one acts as the other. */
  constraint?: string | undefined;
  flow?: readonly string[];
  /** What its body has taken of the budget. */
  share: Share | undefined;
  /** Gives up what it holds of the server: it has been answered for being late. */
  giveUp: (() => void) | undefined;
  late: boolean;
}

/** As kube-apiserver: a user of thousands of groups, a selector of thousands of values. */
const MOST_HEAD_BYTES = 2 ** 20;
/** The types know the first only. */
const HTTP1 = { keepAliveTimeout: IDLE_MS, maxHeaderSize: MOST_HEAD_BYTES };

const LONG_REFUSAL = 100_000;

const WRITES = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/** The HTTPS front: HTTP/1.1 and HTTP/2 on one port, in front of the same handlers as the in-process way. */
export class HttpFront {
  readonly #options: FrontOptions;
  readonly #frames = new FrameCache();
  readonly #seats = new Seats();
  readonly #deadlines: Deadlines;
  readonly #flusher: Flusher;
  readonly #starts: Starts;

  constructor(options: FrontOptions) {
    this.#options = options;
    this.#deadlines = new Deadlines(options.core.clock);
    this.#flusher = new Flusher(options.core.yieldToLoop);
    this.#starts = new Starts(options.core.yieldToLoop);
  }

  async listen({ host, port, tls }: ListenOptions): Promise<Listening> {
    const server = createSecureServer({
      allowHTTP1: true,
      ...tlsSettings(tls),
      // Who has a certificate may show it; whether it counts is decided after the handshake.
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      settings: { maxConcurrentStreams: 1000, maxHeaderListSize: MOST_HEAD_BYTES },
      maxHeaderListPairs: MOST_HEAD_BYTES,
      http1Options: HTTP1,
    });
    // Node would leave out those beyond a thousand, and say nothing.
    Object.assign(server, { maxHeadersCount: 0 });
    const door = admitConnections(server, this.#options.core.clock);
    endIdleSessions(server, this.#options.core.clock);
    const connections = new OpenConnections(door, server, this.#options.core.clock);
    server.on('request', (request: Http2ServerRequest, response: Http2ServerResponse) => {
      const start = (): void => {
        connections.began(response);
        this.#serve(request, response);
      };
      if (request.httpVersionMajor === 1) start();
      else
        this.#starts.begin(() => {
          if (!request.stream.destroyed) start();
        });
    });
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(request, socket, head));
    server.on('sessionError', () => {});
    server.on('tlsClientError', () => {});
    await new Promise<void>((resolve, reject) => {
      door.once('error', reject);
      door.listen({ host, port }, () => {
        door.off('error', reject);
        resolve();
      });
    });
    // It never listens itself, but this is when it begins to look for requests that do not end.
    server.emit('listening');
    const address = door.address();
    const bound = typeof address === 'object' && address !== null ? address : { address: host, port };
    return {
      host: bound.address,
      port: bound.port,
      renew: (fresh) => server.setSecureContext(tlsSettings(fresh)),
      [Symbol.asyncDispose]: async () => {
        await connections.end();
        // It never listened itself; this ends its timers.
        server.close();
      },
    };
  }

  #serve(request: AnyRequest, response: AnyResponse): void {
    const context = this.#context(request, response);
    this.#handle(context, request, (outcome) => this.#carryOut(context, request, response, outcome)).catch((thrown: unknown) =>
      this.#fail(context, request, thrown),
    );
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => {});
    const response = upgradeResponse(request, socket);
    const context = this.#context(request, response);
    const run = async (outcome: Outcome): Promise<void> => {
      if (outcome.do !== 'stream' && outcome.do !== 'watch') throw noUpgrade();
      response.detachSocket(socket as TLSSocket);
      if (outcome.do === 'stream') await outcome.run({ upgrade: true, request, socket, head });
      else {
        // The answer has no connection of its own any more, and ends with this one.
        socket.once('close', () => response.emit('close'));
        await startSocketWatch(context, outcome.plan, this.#options.watchers, this.#frames, { request, socket, head });
      }
    };
    this.#handle(context, request, run, true).catch((thrown: unknown) => {
      // Whoever streams throws only before it has answered: then the refusal is a Status here too.
      if (response.socket === null) response.assignSocket(socket as TLSSocket);
      return this.#fail(context, request, thrown);
    });
  }

  #context(request: AnyRequest, response: AnyResponse): HttpCall {
    const { core, bodies, writeYaml } = this.#options;
    const url = originForm(request.url ?? '/');
    const mark = url.indexOf('?');
    const contentType = mediaType(request.headers['content-type']);
    const isJson = contentType === '' || contentType.endsWith('json');
    const taker: BodyTaker = {
      take: (bytes) => context.share?.take(bytes),
      onReading: (giveUp) => {
        context.giveUp = giveUp;
        if (context.late) giveUp();
      },
    };
    const read = WRITES.has(request.method ?? '') ? () => readBody(request, isJson, taker) : async () => ({ bytes: new Uint8Array(0), scan: undefined });
    const call = {
      method: request.method ?? 'GET',
      path: mark === -1 ? url : url.slice(0, mark),
      query: parseQuery(mark === -1 ? '' : url.slice(mark + 1)),
      user: NOBODY,
      userAgent: request.headers['user-agent'] ?? '',
      headers: request.headers,
      body: new BytesBody(contentType, read, bodies),
      signal: undefined,
      startedMs: core.clock.now(),
      warnings: new Warnings(),
    };
    const context: HttpCall = {
      core,
      call,
      response,
      auditId: auditIdOf(request) ?? uuid(core.random),
      accept: request.headers.accept,
      headOnly: request.method === 'HEAD',
      writeYaml,
      share: undefined,
      giveUp: undefined,
      late: false,
    };
    return context;
  }

  async #handle(context: HttpCall, request: AnyRequest, run: (outcome: Outcome) => Promise<void>, upgrade = false): Promise<void> {
    const { call, response } = context;
    const { stages, clock } = this.#options.core;
    const began = clock.monotonic();
    let attributes: RequestRecord['attributes'];
    let code = 0;
    let watch = false;
    let ended: (() => void) | undefined;
    try {
      call.user = await this.#identify(context, request);
      const routed = this.#options.router.route(call);
      attributes = routed.attributes;
      if (stages.audit !== undefined) call.audit = this.#trail(context, request, attributes);
      ended = stages.onBegin?.(attributes, takesLong(routed));
      if (upgrade && !takesLong(routed)) await refuseUpgrade(routed);
      const leftMs = takesLong(routed) ? undefined : this.#leftMs(call, clock.monotonic() - began);
      const work = this.#work(context, routed, run);
      const outcome = await (leftMs === undefined ? work : this.#deadlines.within(leftMs, work));
      watch = outcome.do === 'watch' || outcome.do === 'stream';
      code = response.statusCode;
      // A watch goes on after its start.
      if (outcome.do === 'watch' && ended !== undefined && !response.destroyed) {
        response.once('close', ended);
        ended = undefined;
      }
      if (call.audit !== undefined) this.#auditEnd(call.audit, response, outcome);
    } catch (thrown) {
      code = asStatusError(thrown).code;
      context.late = true;
      context.giveUp?.();
      if (stages.audit !== undefined) {
        if (context.identity === undefined) this.#trail(context, request, this.#attributesOf(call))?.unauthenticated(thrown, context.certificate !== undefined);
        else (call.audit ?? this.#trail(context, request, pathAttributes(call.user, call.method, call.path)))?.failed(thrown);
      }
      throw thrown;
    } finally {
      const { method, path, user, startedMs } = call;
      ended?.();
      stages.onRequest?.({ user, attributes, method, path, code, startedMs, elapsedMs: clock.monotonic() - began, watch, bytes: bodyBytesOf(response) });
    }
  }

  #leftMs({ query }: Call, goneMs: number): number {
    return Math.max(0, timeoutOf(query.get('timeout'), this.#options.requestTimeoutMs) - goneMs);
  }

  /** From the body to the last byte of the answer; of what goes on by itself (a watch) only the start. */
  async #work(context: HttpCall, routed: Routed, run: (outcome: Outcome) => Promise<void>): Promise<Outcome> {
    const { call } = context;
    using share = this.#options.bodyBudget.share(call.user.name);
    context.share = share;
    // A body that trickles in holds no seat.
    if (WRITES.has(call.method) && !routed.streams) {
      await routed.authorize();
      await call.body.bytes();
    }
    const carryOut = async (): Promise<Outcome> => {
      // Whoever was told that it is too late is not to find it done because its body or its turn came after that.
      if (context.late) throw answered();
      if (routed.attributes.resourceRequest && !routed.streams) await this.#checkAccept(context, routed);
      const outcome = await routed.run();
      if (context.late) throw answered();
      call.audit?.decided(outcome);
      await run(outcome);
      return outcome;
    };
    return routed.streams && context.core.stages.share !== undefined ? carryOut() : this.#seated(context, routed, carryOut);
  }

  /** Whom no answer suits is told before anything is done. */
  async #checkAccept({ accept }: HttpCall, routed: Routed): Promise<void> {
    try {
      checkAccept(accept);
    } catch (refusal) {
      await routed.authorize();
      throw refusal;
    }
  }

  /** Administrators never wait: they are who ends a flood. */
  async #seated(context: HttpCall, routed: Routed, carryOut: () => Promise<Outcome>): Promise<Outcome> {
    const { core, call } = context;
    const { name, groups } = call.user;
    const { share } = core.stages;
    if (share !== undefined) return this.#shared(context, share.begin(call.user, routed.attributes, seatsOf(core, routed.attributes, call.query)), carryOut);
    if (routed.streams || groups.includes('system:masters')) return carryOut();
    await this.#seats.enter(name);
    const leave = once(() => this.#seats.leave(name));
    context.giveUp = leave;
    try {
      return await carryOut();
    } finally {
      leave();
    }
  }

  /** Whoever goes away gives up the turn. */
  async #shared(context: HttpCall, turn: Turn, carryOut: () => Promise<Outcome>): Promise<Outcome> {
    context.flow = turn.headers;
    context.giveUp = () => turn.end();
    if (turn.seated !== undefined) context.response.once('close', () => turn.end());
    try {
      await turn.seated;
      return await carryOut();
    } finally {
      turn.end();
    }
  }

  #trail({ core, call, auditId, identity, constraint }: HttpCall, request: AnyRequest, attributes: AuthorizeAttributes): AuditTrail | undefined {
    const sources = sourceIps(request.headers, socketOf(request)?.remoteAddress);
    return core.stages.audit?.(core, { call, attributes, auditId, requestUri: request.url ?? '/', sourceIps: sources, identity, constraint });
  }

  #attributesOf(call: HttpCall['call']): AuthorizeAttributes {
    try {
      return this.#options.router.route(call).attributes;
    } catch {
      // What it is about can't be told either.
      return pathAttributes(call.user, call.method, call.path);
    }
  }

  /** A watch goes on after its start. */
  #auditEnd(trail: AuditTrail, response: AnyResponse, outcome: Outcome): void {
    const code = response.statusCode;
    if (outcome.do !== 'watch') trail.completed(code);
    else response.on('close', () => trail.completed(code));
  }

  async #identify(context: HttpCall, request: AnyRequest): Promise<UserInfo> {
    const { authenticate, impersonate } = this.#options.core.stages;
    const socket = socketOf(request);
    const certificate = socket === undefined ? undefined : certificateOf(socket, this.#options.core.clock.now());
    context.certificate = certificate;
    const user = await authenticate({
      certificate,
      bearerToken: bearerToken(request.headers),
      path: context.call.path,
      remoteAddress: socket?.remoteAddress,
    });
    if (user === undefined) throw unauthorized();
    context.identity = user;
    if (impersonate === undefined) return user;
    const { user: acting, constraint } = await impersonate(user, impersonationHeaders(request), () => ({ ...this.#attributesOf(context.call), user }));
    context.constraint = constraint;
    return acting;
  }

  async #carryOut(context: AnswerContext, request: AnyRequest, response: AnyResponse, outcome: Outcome): Promise<void> {
    switch (outcome.do) {
      case 'answer':
        return writeAnswer(context, outcome.answer);
      case 'watch':
        return startWatch(context, outcome.plan, this.#options.watchers, this.#frames, this.#flusher);
      case 'raw':
        return writeRaw(context, outcome.response);
      default:
        return outcome.run({ upgrade: false, request, response } as RawExchange);
    }
  }

  async #fail(context: AnswerContext, request: AnyRequest, thrown: unknown): Promise<void> {
    const { response, call } = context;
    const error = asStatusError(thrown);
    if (error.code >= 500) this.#options.core.log.warn('a request failed', { method: call.method, path: call.path, ...failure(thrown) });
    // Thousands of faults: their text was made in this turn.
    if (error.message.length > LONG_REFUSAL) await this.#options.core.yieldToLoop();
    if (response.headersSent) return void response.destroy();
    // Whoever does not read a long one is cut off like whoever does not read a list.
    await this.#deadlines.within(this.#options.requestTimeoutMs, writeFailure(context, error)).catch((cause: unknown) => {
      this.#options.core.log.debug('a refusal was not taken', { method: call.method, path: call.path, ...failure(cause) });
      response.destroy();
    });
    letGo(request, response, this.#options.core.clock);
  }
}

/** Watches and streams end when either side wants (apiserver `longRunningRequestCheck`). */
const takesLong = ({ streams, attributes }: Routed): boolean => streams || attributes.verb === 'watch';

function once(fn: () => void): () => void {
  let done = false;
  return () => {
    if (!done) fn();
    done = true;
  };
}

const socketOf = (request: AnyRequest): TLSSocket | undefined =>
  ('stream' in request ? request.stream.session?.socket : request.socket) as TLSSocket | undefined;

const answered = (): StatusError => new StatusError('Timeout', 'the request has been answered');

const noUpgrade = (): StatusError => new StatusError('BadRequest', 'Upgrade request required a path that streams');

/** Before anything is done: what would be done could not be answered. */
async function refuseUpgrade(routed: Routed): Promise<never> {
  await routed.authorize();
  throw noUpgrade();
}

const NOBODY: UserInfo = { name: '', groups: [] };

const tlsSettings = ({ key, cert, clientCa }: TlsOptions) => ({ key, cert, ca: clientCa });
