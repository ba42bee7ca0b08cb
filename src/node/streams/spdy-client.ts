import { request } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { collect } from './byte-queue.ts';
import { SpdyError } from './spdy-error.ts';
import { SpdySession } from './spdy-session.ts';

const LONGEST_ERROR_BYTES = 4096;

/** Upgrades a connection to a streaming server: POST, as Kubernetes' own clients do. Rejects with SpdyError. */
export function dialSpdy(url: string, protocol: string, clock: Clock, signal?: AbortSignal): Promise<SpdySession> {
  return new Promise((resolve, reject) => {
    const headers = { Connection: 'Upgrade', Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': protocol };
    const call = request(url, { method: 'POST', headers, agent: false, ...(signal === undefined ? {} : { signal }) });
    call.on('upgrade', (response, socket: Duplex, head) => {
      const chosen = response.headers['x-stream-protocol-version'];
      if (chosen !== protocol) {
        socket.destroy();
        return reject(new SpdyError('protocol', `the server chose ${JSON.stringify(chosen)}, not ${protocol}`));
      }
      if ('setNoDelay' in socket && typeof socket.setNoDelay === 'function') socket.setNoDelay(true);
      resolve(new SpdySession({ role: 'client', wire: socket, head, clock }));
    });
    call.on('response', (response) => {
      collect(response, LONGEST_ERROR_BYTES).then(
        (body) => reject(new SpdyError('protocol', `the server answered ${response.statusCode}: ${body?.toString('utf8').trim() ?? ''}`)),
        (thrown: unknown) => reject(new SpdyError('closed', 'the connection was lost', thrown)),
      );
    });
    call.on('error', (error) => reject(new SpdyError('closed', error.message, error)));
    call.end();
  });
}
