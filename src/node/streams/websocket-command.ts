import type { WebSocket } from 'ws';
import type { Clock } from '../../base/clock.ts';
import type { Status } from '../../machinery/status-error.ts';
import type { WritableBytes } from '../runtime/runtime.ts';
import { ByteQueue } from './byte-queue.ts';
import type { CommandClient, CommandWish } from './command-client.ts';
import { TerminalSizes } from './terminal-size.ts';

/** In order of preference. v5 can end the input; v4 tells a Status; the base64 forms carry text messages. Empty: none was asked for. */
export const WEBSOCKET_COMMAND_PROTOCOLS = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'channel.k8s.io',
  'base64.channel.k8s.io',
] as const;

const CHANNELS = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;
const HIGH_WATER_BYTES = 1024 * 1024;
const LOW_WATER_BYTES = 256 * 1024;
/** For clients that do not answer a ping. */
const READY_MS = 1_000;

/**
 * Each message is a channel number and its bytes (v5: 255 and a number ends that channel); base64: a digit and base64 text.
 * Nothing is sent until the client is heard of (it answers a ping at once): a kubectl before 1.34 drops what arrives before it has
 * made its streams.
 */
export class WebSocketCommand implements CommandClient {
  readonly stdin: ByteQueue | undefined;
  readonly stdout: WritableBytes | undefined;
  readonly stderr: WritableBytes | undefined;
  readonly closed: Promise<unknown>;
  readonly #socket: WebSocket;
  readonly #protocol: string;
  readonly #ready: Promise<void>;
  readonly #sizes = new TerminalSizes();
  readonly #listeners = new Set<(width: number, height: number) => void>();

  constructor(socket: WebSocket, wish: CommandWish, clock: Clock) {
    this.#socket = socket;
    this.#protocol = socket.protocol;
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    this.stdin = wish.stdin ? new ByteQueue(() => this.#consumed()) : undefined;
    this.stdout = wish.stdout ? this.#output(CHANNELS.stdout) : undefined;
    this.stderr = wish.stderr && !wish.tty ? this.#output(CHANNELS.stderr) : undefined;
    socket.on('message', (data: Buffer, isBinary: boolean) => this.#receive(data, isBinary));
    socket.on('error', (error) => this.stdin?.end(error));
    // Without v5 the end of the connection is the only end that an input can have.
    socket.once('close', () => this.stdin?.end());
    this.#ready = heard(socket, clock);
  }

  onResize(listener: (width: number, height: number) => void): void {
    this.#listeners.add(listener);
  }

  async finish(status: Status): Promise<void> {
    const hasStatus = this.#protocol.startsWith('v');
    const text = hasStatus ? JSON.stringify(status) : status.status === 'Success' ? '' : (status.message ?? 'failed');
    if (text !== '') await this.#send(CHANNELS.error, Buffer.from(text));
    this.#socket.close(1000);
    await this.closed;
  }

  [Symbol.dispose](): void {
    // `close` waits for the peer and has a limit of its own; one that is not even open is cut.
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.close(1000);
    else if (this.#socket.readyState === this.#socket.CONNECTING) this.#socket.terminate();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    const message = isBinary ? data : readBase64(data);
    if (message === undefined || message.length === 0) return;
    const body = message.subarray(1);
    switch (message[0]) {
      case CHANNELS.stdin:
        this.stdin?.push(body);
        if ((this.stdin?.sizeBytes ?? 0) > HIGH_WATER_BYTES) this.#socket.pause();
        return;
      case CHANNELS.resize:
        for (const { width, height } of this.#sizes.parse(body)) for (const listener of this.#listeners) listener(width, height);
        return;
      case CHANNELS.close:
        if (this.#protocol === 'v5.channel.k8s.io' && body[0] === CHANNELS.stdin) this.stdin?.end();
        return;
      default:
    }
  }

  #consumed(): void {
    if (this.#socket.isPaused && (this.stdin?.sizeBytes ?? 0) < LOW_WATER_BYTES) this.#socket.resume();
  }

  #output(channel: number): WritableBytes {
    return { write: (bytes) => this.#send(channel, bytes), end: () => {} };
  }

  /** Resolves when the socket has taken it. */
  async #send(channel: number, bytes: Uint8Array): Promise<void> {
    await this.#ready;
    const base64 = this.#protocol.includes('base64.');
    const message = base64 ? `${channel}${Buffer.from(bytes).toString('base64')}` : Buffer.concat([Buffer.from([channel]), bytes]);
    await new Promise<void>((resolve, reject) => {
      this.#socket.send(message, { binary: !base64 }, (error) => (error === undefined || error === null ? resolve() : reject(error)));
    });
  }
}

/** Resolves when the client has said something, answered a ping or gone, or after a time. */
function heard(socket: WebSocket, clock: Clock): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.setTimer(READY_MS, resolve);
  for (const event of ['pong', 'message', 'close'] as const) socket.once(event, () => resolve());
  // An error closes the socket, which is heard.
  socket.ping(undefined, false, () => {});
  return promise.finally(() => timer[Symbol.dispose]());
}

function readBase64(data: Buffer): Buffer | undefined {
  const channel = Number.parseInt(data.toString('latin1', 0, 1), 10);
  return Number.isNaN(channel) ? undefined : Buffer.concat([Buffer.from([channel]), Buffer.from(data.toString('latin1', 1), 'base64')]);
}
