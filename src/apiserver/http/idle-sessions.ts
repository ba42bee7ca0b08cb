import type { Http2SecureServer, ServerHttp2Session } from 'node:http2';
import type { Clock } from '../../base/clock.ts';

/** Longer than clients keep idle connections (Go: 90 s), so that they close first. */
export const IDLE_MS = 180_000;

/**
 * Ends HTTP/2 connections on which nothing has been asked for so long, whether or not anything ever was: nobody has proved anything
 * there. A stream that is open (a watch) keeps its connection, however quiet it is.
 */
export function endIdleSessions(server: Http2SecureServer, clock: Clock): void {
  server.on('session', (session) => watchOver(session, clock));
}

function watchOver(session: ServerHttp2Session, clock: Clock): void {
  let open = 0;
  let idleSinceMs = clock.monotonic();
  const look = (): void => {
    const leftMs = open > 0 ? IDLE_MS : idleSinceMs + IDLE_MS - clock.monotonic();
    if (leftMs <= 0) session.close();
    else timer = clock.setTimer(leftMs, look);
  };
  // One timer for all of its life, not one for each request.
  let timer = clock.setTimer(IDLE_MS, look);
  session.on('stream', (stream) => {
    open++;
    stream.once('close', () => {
      open--;
      idleSinceMs = clock.monotonic();
    });
  });
  session.once('close', () => timer[Symbol.dispose]());
}
