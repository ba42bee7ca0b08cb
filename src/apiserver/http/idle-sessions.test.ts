import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2, createSecureServer } from 'node:http2';
import { type AddressInfo, connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { after, before, describe, test } from 'node:test';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { issueAuthority, newKeyPem } from '../../cluster/certificate-issue.ts';
import { admitConnections, HANDSHAKE_TIMEOUT_MS } from './handshakes.ts';
import { endIdleSessions, IDLE_MS } from './idle-sessions.ts';

const MANY = 100;
const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Time stands still unless it is moved: who waits for time to pass waits for ever. */
describe('connections that do nothing', { timeout: 30_000 }, () => {
  const clock = new VirtualClock();
  let port: number;
  let ends: () => void;
  let ca: string;
  const streamEnded = Promise.withResolvers<void>();

  before(async () => {
    const { certPem, keyPem } = await issueAuthority('localhost', newKeyPem(), Date.now(), 3_600_000);
    ca = certPem;
    const server = createSecureServer({ allowHTTP1: true, cert: certPem, key: keyPem }, (_request, response) => {
      response.once('close', () => streamEnded.resolve());
      response.write('first');
    });
    const door = admitConnections(server, clock);
    endIdleSessions(server, clock);
    door.listen(0, '127.0.0.1');
    await once(door, 'listening');
    ({ port } = door.address() as AddressInfo);
    ends = () => {
      door.close();
      server.close();
    };
  });
  after(() => ends());

  const silent = async (count: number): Promise<readonly Socket[]> => {
    const sockets = Array.from({ length: count }, () => connectPlain({ host: '127.0.0.1', port }));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    return sockets;
  };
  const tls = async (): Promise<Socket> => {
    const socket = connectTls({ host: '127.0.0.1', port, ca, checkServerIdentity: () => undefined });
    await once(socket, 'secureConnect');
    return socket;
  };

  test('who says nothing holds no turn, and is let go after a while', async () => {
    const sockets = await silent(MANY);
    const spoken = await tls();
    spoken.destroy();
    const closed = Promise.all(sockets.map((socket) => once(socket, 'close')));
    for (const socket of sockets) socket.on('error', () => {}).resume();
    await clock.advance(HANDSHAKE_TIMEOUT_MS, drain);
    await closed;
  });

  test('an HTTP/2 connection on which nothing is asked is ended after a while; a stream that is open keeps it', async () => {
    const session = connectHttp2(`https://127.0.0.1:${port}`, { ca, checkServerIdentity: () => undefined });
    const stream = session.request({ ':path': '/watch' });
    await once(stream, 'response');
    await clock.advance(2 * IDLE_MS, drain);
    assert.deepEqual([session.closed, stream.closed], [false, false]);
    stream.destroy();
    await once(stream, 'close');
    const closed = once(session, 'close');
    await streamEnded.promise;
    await clock.advance(2 * IDLE_MS, drain);
    await closed;
  });
});
