import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { RawExchange } from '../stages.ts';

type Upgrade = Extract<RawExchange, { readonly upgrade: true }>;

const BACKLOG_BYTES = 1024 * 1024;

/** A log as WebSocket messages: `binary.k8s.io` (also when nothing was asked for) or `base64.binary.k8s.io`. */
export async function sendBinary({ request, socket, head }: Upgrade, log: IncomingMessage): Promise<void> {
  const { WebSocketServer } = await import('ws');
  const server = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => ['binary.k8s.io', 'base64.binary.k8s.io'].find((each) => offered.has(each)) ?? false,
  });
  const { promise, resolve } = Promise.withResolvers<WebSocket | undefined>();
  // Also when the client goes away, or asks for something else than a WebSocket and is refused.
  socket.once('close', () => {
    log.destroy();
    resolve(undefined);
  });
  if (socket.destroyed) {
    log.destroy();
    return;
  }
  server.handleUpgrade(request, socket, Buffer.from(head), resolve);
  const client = await promise;
  if (client === undefined) return;
  client.on('close', () => log.destroy());
  client.on('error', () => log.destroy());
  try {
    for await (const chunk of log as AsyncIterable<Buffer>) {
      client.send(client.protocol === 'base64.binary.k8s.io' ? chunk.toString('base64') : chunk);
      if (client.bufferedAmount > BACKLOG_BYTES) await drained(socket);
    }
    client.close(1000);
  } catch {
    client.terminate();
  }
}

/** Or gone. */
function drained(socket: Duplex): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = (): void => {
    socket.off('drain', stop);
    socket.off('close', stop);
    resolve();
  };
  if (socket.destroyed) return Promise.resolve();
  socket.on('drain', stop);
  socket.on('close', stop);
  return promise;
}
