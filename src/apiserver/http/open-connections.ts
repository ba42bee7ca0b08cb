import type { Http2SecureServer, ServerHttp2Session } from 'node:http2';
import type { Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../base/clock.ts';
import { type AnyResponse, isHttp2 } from './respond.ts';

/** Kubernetes waits for a minute; who stops a cluster at a terminal would not. */
const ANSWERED_WITHIN_MS = 10_000;
const FLUSHED_WITHIN_MS = 1000;

/** The connections of one server, and what is being answered on them: for an end that cuts nobody off. */
export class OpenConnections {
  readonly #clock: Clock;
  readonly #door: Server;
  /** Below TLS: those too that have not come that far. */
  readonly #raw = new Set<Socket>();
  readonly #sockets = new Set<TLSSocket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  /** Of HTTP/1.1, by connection. */
  readonly #answering = new Map<TLSSocket, number>();
  readonly #allAnswered = Promise.withResolvers<void>();
  #answers = 0;
  #ending = false;

  /** `door` is what listens for the server. */
  constructor(door: Server, server: Http2SecureServer, clock: Clock) {
    this.#clock = clock;
    this.#door = door;
    door.on('connection', (socket) => {
      this.#raw.add(socket);
      socket.on('close', () => this.#raw.delete(socket));
    });
    server.on('secureConnection', (socket: TLSSocket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('session', (session) => {
      this.#sessions.add(session);
      session.on('close', () => this.#sessions.delete(session));
    });
  }

  /** Until the response is closed, its connection is not. */
  began(response: AnyResponse): void {
    this.#answers++;
    const socket = isHttp2(response) ? undefined : (response.socket as TLSSocket);
    if (socket !== undefined) this.#answering.set(socket, (this.#answering.get(socket) ?? 0) + 1);
    response.once('close', () => {
      this.#answers--;
      if (socket !== undefined) this.#answered(socket);
      if (this.#ending && this.#answers === 0) this.#allAnswered.resolve();
    });
  }

  #answered(socket: TLSSocket): void {
    const left = (this.#answering.get(socket) ?? 1) - 1;
    if (left > 0) return void this.#answering.set(socket, left);
    this.#answering.delete(socket);
    if (this.#ending) socket.destroySoon();
  }

  /** Takes nothing new, waits for what is under way (not for ever), and closes all connections. */
  async end(): Promise<void> {
    this.#ending = true;
    const closed = new Promise<void>((resolve) => this.#door.close(() => resolve()));
    for (const session of this.#sessions) session.close();
    for (const socket of this.#sockets) if (!this.#answering.has(socket) && socket.alpnProtocol !== 'h2') socket.destroySoon();
    if (this.#answers > 0) await this.#within(ANSWERED_WITHIN_MS, this.#allAnswered.promise);
    for (const socket of this.#sockets) socket.destroySoon();
    const flushed = Promise.all([...this.#sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    await this.#within(FLUSHED_WITHIN_MS, flushed);
    for (const socket of [...this.#sockets, ...this.#raw]) socket.destroy();
    await closed;
  }

  async #within(ms: number, done: Promise<unknown>): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    using _timer = this.#clock.setTimer(ms, resolve);
    await Promise.race([done, late]);
  }
}
