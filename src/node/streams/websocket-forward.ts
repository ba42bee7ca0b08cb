import type { WebSocket } from 'ws';
import { failure, type Log } from '../../base/log.ts';
import type { DuplexBytes } from '../runtime/runtime.ts';
import { ByteQueue } from './byte-queue.ts';
import type { DialPort } from './port-forward.ts';

/** SPDY inside WebSocket messages, as kubectl speaks from 1.31 on. */
export const TUNNEL_PROTOCOL = 'SPDY/3.1+portforward.k8s.io';
/** The older form: the ports are given in the URL, each has a data and an error channel. */
export const WEBSOCKET_FORWARD_PROTOCOLS = ['v4.channel.k8s.io', 'v4.base64.channel.k8s.io'] as const;

const HIGH_WATER_BYTES = 1024 * 1024;
const LOW_WATER_BYTES = 256 * 1024;

/** Channels 2n (data) and 2n+1 (errors) for the nth port; the first message of each from here is the port, little-endian. Never rejects. */
export async function serveChannelForward(socket: WebSocket, ports: readonly number[], dial: DialPort, log: Log): Promise<void> {
  const base64 = socket.protocol.includes('base64.');
  const queues = ports.map(
    () =>
      new ByteQueue(() => {
        if (socket.isPaused && waiting() < LOW_WATER_BYTES) socket.resume();
      }),
  );
  const waiting = (): number => queues.reduce((sum, queue) => sum + queue.sizeBytes, 0);
  const send = (channel: number, bytes: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      const message = base64 ? `${channel}${Buffer.from(bytes).toString('base64')}` : Buffer.concat([Buffer.from([channel]), bytes]);
      socket.send(message, { binary: !base64 }, (error) => (error === undefined || error === null ? resolve() : reject(error)));
    });
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    const channel = isBinary ? (data[0] ?? 1) : Number.parseInt(data.toString('latin1', 0, 1), 10);
    const body = isBinary ? data.subarray(1) : Buffer.from(data.toString('latin1', 1), 'base64');
    if (channel % 2 === 0) queues[channel / 2]?.push(body);
    if (waiting() > HIGH_WATER_BYTES) socket.pause();
  });
  socket.on('error', (error) => log.debug('a port-forward broke', failure(error)));
  const gone = new Promise<void>((resolve) => {
    socket.once('close', () => {
      for (const queue of queues) queue.discard();
      resolve();
    });
  });
  await Promise.all(ports.map((port, i) => servePort({ port, channel: 2 * i, queue: queues[i] ?? new ByteQueue(), send, gone }, dial, log)));
  socket.close(1000);
}

interface PortOptions {
  readonly port: number;
  readonly channel: number;
  readonly queue: ByteQueue;
  readonly send: (channel: number, bytes: Uint8Array) => Promise<void>;
  readonly gone: Promise<void>;
}

async function servePort({ port, channel, queue, send, gone }: PortOptions, dial: DialPort, log: Log): Promise<void> {
  const number = Buffer.alloc(2);
  number.writeUInt16LE(port);
  let connection: DuplexBytes | undefined;
  try {
    await send(channel, number);
    await send(channel + 1, number);
    connection = await dial(port);
    const to = connection;
    void gone.then(() => to[Symbol.dispose]());
    const up = (async () => {
      for await (const bytes of queue) await to.write(bytes);
    })();
    up.catch(() => to[Symbol.dispose]());
    for await (const bytes of to.readable) await send(channel, bytes);
  } catch (thrown) {
    log.debug('a forwarded connection failed', { port, ...failure(thrown) });
    await send(channel + 1, Buffer.from(thrown instanceof Error ? thrown.message : String(thrown))).catch(() => {});
  } finally {
    connection?.[Symbol.dispose]();
    queue.discard();
  }
}
