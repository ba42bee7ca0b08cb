import type { Http2SecureServer } from 'node:http2';
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';

/** A TLS handshake holds the loop for half a millisecond: fifty at once would be felt by everybody. */
const ABREAST = 16;
/** Connections that wait for their turn; more are refused at once. */
const WAITING = 4096;
/** As long as Kubernetes' server waits for a request's head (`ReadHeaderTimeout`): also a busy server has had time for it then. */
const LONGEST_MS = 32_000;
/** Who takes longer is far away, or silent: it goes on, but others need not wait for it. Else a few silent connections kept everybody out. */
const IN_TURN_MS = 100;

/**
 * Takes connections for the server and lets a few of them shake hands at a time; who does not finish soon makes room.
 * The listening socket that it returns is the one to close.
 */
export function admitConnections(server: Http2SecureServer, clock: Clock): Server {
  const waiting: Socket[] = [];
  const finishOf = new Map<string, () => void>();
  let shaking = 0;

  const next = (): void => {
    while (shaking < ABREAST) {
      const socket = waiting.shift();
      if (socket === undefined) return;
      if (!socket.destroyed) begin(socket);
    }
  };
  const begin = (socket: Socket): void => {
    shaking++;
    const peer = peerOf(socket);
    let over = false;
    const finish = (): void => {
      if (over) return;
      over = true;
      shaking--;
      patience[Symbol.dispose]();
      finishOf.delete(peer);
      socket.off('close', finish);
      next();
    };
    const patience = clock.setTimer(IN_TURN_MS, finish);
    finishOf.set(peer, finish);
    socket.on('close', finish);
    server.emit('connection', socket);
  };
  server.on('secureConnection', (secure: Socket) => finishOf.get(peerOf(secure))?.());
  return createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 180_000 }, (socket) => {
    if (waiting.length >= WAITING) return void socket.destroy();
    socket.on('error', () => {});
    waiting.push(socket);
    next();
  });
}

/** The same for a plain socket and for the TLS socket above it. */
const peerOf = ({ remoteAddress, remotePort, localPort }: Socket): string => `${remoteAddress} ${remotePort} ${localPort}`;

export const HANDSHAKE_TIMEOUT_MS = LONGEST_MS;
