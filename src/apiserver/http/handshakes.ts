import type { Http2SecureServer } from 'node:http2';
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';

/** A TLS handshake holds the loop for half a millisecond: fifty at once would be felt by everybody. */
const ABREAST = 16;
/** Connections that wait for their turn; more are refused at once. */
const WAITING = 4096;
/** Connections that have not said a word yet; of more the oldest is let go: who means to speak does so at once. */
const SILENT = 4096;
/** As long as Kubernetes' server waits for a request's head (`ReadHeaderTimeout`): also a busy server has had time for it then. */
export const HANDSHAKE_TIMEOUT_MS = 32_000;
/**
 * Who takes longer is far away, or has fallen silent: it goes on, but others need not wait for it. By then what its first words cost has
 * been done. As short as that, since whoever speaks and falls silent keeps others out for so long.
 */
const IN_TURN_MS = 20;

/**
 * Takes connections for the server and lets a few of those that have begun to speak shake hands at a time; who does not finish soon makes
 * room. The listening socket that it returns is the one to close.
 */
export function admitConnections(server: Http2SecureServer, clock: Clock): Server {
  const silent = new Set<Socket>();
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
  const heard = (socket: Socket): void => {
    if (waiting.length >= WAITING) return void socket.destroy();
    if (speaksPlainHttp(socket)) return void socket.end(NOT_PLAIN, () => socket.destroy());
    waiting.push(socket);
    next();
  };
  const listen = (socket: Socket): void => {
    const oldest = silent.size < SILENT ? undefined : silent.values().next().value;
    oldest?.destroy();
    silent.add(socket);
    const patience = clock.setTimer(HANDSHAKE_TIMEOUT_MS, () => socket.destroy());
    const over = (): void => {
      silent.delete(socket);
      patience[Symbol.dispose]();
      socket.off('close', over);
    };
    socket.on('close', over);
    // What has been said stays in the socket, for TLS to read.
    socket.once('readable', () => {
      over();
      heard(socket);
    });
  };
  server.on('secureConnection', (secure: Socket) => finishOf.get(peerOf(secure))?.());
  return createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 180_000 }, (socket) => {
    socket.on('error', () => {});
    listen(socket);
  });
}

/** What Go's server (`net/http`) tells who forgot the s of https, told by the first five bytes. */
const NOT_PLAIN = 'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n';
const PLAIN_HEADS: ReadonlySet<string> = new Set(['GET /', 'HEAD ', 'POST ', 'PUT /', 'OPTIO']);

/** Without taking away what has been said. */
function speaksPlainHttp(socket: Socket): boolean {
  const said = socket.read() as Buffer | null;
  if (said === null) return false;
  if (PLAIN_HEADS.has(said.toString('latin1', 0, 5))) return true;
  socket.unshift(said);
  return false;
}

/** The same for a plain socket and for the TLS socket above it. */
const peerOf = ({ remoteAddress, remotePort, localPort }: Socket): string => `${remoteAddress} ${remotePort} ${localPort}`;
