import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectHttp2, constants } from 'node:http2';
import { Agent, request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { Listening, TlsOptions } from '../src/apiserver/http/front.ts';
import { type AuthorizeAttributes, openStages } from '../src/apiserver/stages.ts';
import { configMap, startTestServer, type TestServer } from '../src/apiserver/testing.ts';
import { VirtualClock } from '../src/base/virtual-clock.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { Certificates } from '../src/cluster/certificates.ts';
import { exchange } from './apiserver-exchange.ts';

const MAPS = '/api/v1/namespaces/ns/configmaps';

describe('clients that mean harm, or go away', () => {
  let server: TestServer;
  let listening: Listening;
  let directory: string;
  let ca: string;
  let agent: Agent;
  let tls: TlsOptions;
  let decide: (attributes: AuthorizeAttributes) => boolean | Promise<boolean> = () => true;

  before(async () => {
    const clock = new SystemClock();
    const authorize = async (attributes: AuthorizeAttributes) => ({ allowed: await decide(attributes), reason: '' });
    server = startTestServer({ clock, stages: () => ({ ...openStages, authorize }), yieldToLoop: () => new Promise((resolve) => setImmediate(resolve)) });
    directory = await mkdtemp(join(tmpdir(), 'berth-hostile-'));
    const certificates = await Certificates.open(directory, clock);
    const pair = await certificates.issue({ commonName: 'server', organizations: [], dnsNames: [], ipAddresses: ['127.0.0.1'], usages: ['server'] });
    ca = certificates.caPem;
    tls = { key: pair.keyPem, cert: pair.certPem, clientCa: ca };
    listening = await server.api.listen({ host: '127.0.0.1', port: 0, tls });
    agent = new Agent({ keepAlive: true });
  });

  after(async () => {
    agent.destroy();
    await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const get = (path: string) => exchange(listening.port, ca, agent, 'GET', path, undefined, {});
  const open = async (): Promise<TLSSocket> => {
    const socket = connect({ host: '127.0.0.1', port: listening.port, ca });
    await once(socket, 'secureConnect');
    return socket;
  };
  const answerTo = async (socket: TLSSocket, text: string): Promise<string> => {
    socket.write(text);
    let answer = '';
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      answer += chunk.toString();
      if (answer.includes('\r\n\r\n')) break;
    }
    return answer;
  };

  for (const said of ['GET /api HTTP/1.1\r\nHost: x\r\n\r\n', 'POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}', 'OPTIONS * HTTP/1.1\r\n\r\n'])
    test(`who speaks HTTP without TLS is told so: ${said.split(' ')[0] ?? ''}`, async () => {
      const socket = connectPlain(listening.port, '127.0.0.1');
      socket.write(said);
      let answer = '';
      for await (const chunk of socket as AsyncIterable<Buffer>) answer += chunk.toString();
      assert.equal(answer, 'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n');
    });

  test('requests that are taken back in the same breath are mostly not begun', async () => {
    const session = connectHttp2(`https://127.0.0.1:${listening.port}`, { ca });
    const ask = async (): Promise<void> => {
      const stream = session.request({ ':path': MAPS });
      stream.resume();
      await once(stream, 'end');
    };
    await ask();
    let asked = 0;
    decide = () => ++asked > 0;
    for (let i = 0; i < 300; i++) session.request({ ':path': MAPS }).close(constants.NGHTTP2_CANCEL);
    await ask();
    session.close();
    assert.ok(asked < 100, `${asked} of 301`);
    decide = () => true;
  });

  test('who may not write is told before the body has come', async () => {
    decide = ({ verb }) => verb !== 'create';
    const head = `POST ${MAPS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{`;
    assert.match(await answerTo(await open(), head), /^HTTP\/1\.1 403 /);
  });

  test('an upgrade of what does not stream is refused, and not done first', async () => {
    decide = () => true;
    await server.ask('POST', MAPS, configMap('keep'));
    const head = `DELETE ${MAPS}/keep HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
    assert.match(await answerTo(await open(), head), /^HTTP\/1\.1 400 /);
    assert.equal((await server.ask('GET', `${MAPS}/keep`)).code, 200);
  });

  test('a watch whose client went away before it began is not kept', async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<boolean>();
    decide = ({ verb }) => {
      if (verb !== 'watch') return true;
      asked.resolve();
      return answer.promise;
    };
    const request = httpsRequest({ host: '127.0.0.1', port: listening.port, ca, agent: false, path: `${MAPS}?watch=true` });
    request.on('error', () => {});
    request.end();
    await asked.promise;
    request.destroy();
    // The server hears of it at the latest while it serves others.
    for (let at = 0; at < 5; at++) await get(MAPS);
    answer.resolve(true);
    for (let at = 0; at < 5; at++) await get(MAPS);
    assert.equal(server.api.watchCount, 0);
  });

  test('who does not read a refusal of megabytes is cut off when a request would be late', async () => {
    const clock = new VirtualClock();
    const slow = startTestServer({ clock, yieldToLoop: () => new Promise((resolve) => setImmediate(resolve)) });
    const at = await slow.api.listen({ host: '127.0.0.1', port: 0, tls });
    const socket = connect({ host: '127.0.0.1', port: at.port, ca });
    await once(socket, 'secureConnect');
    socket.on('error', () => {});
    const data = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`no key ${i}`, 'v']));
    const body = JSON.stringify({ ...configMap('faulty'), data });
    socket.write(`POST ${MAPS} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    await once(socket, 'readable');
    await clock.advance(61_000, () => new Promise((resolve) => setImmediate(resolve)));
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    await once(socket, 'close');
    assert.ok(bytes > 0 && bytes < 9_000_000, `${bytes} bytes of ten million`);
    await at[Symbol.asyncDispose]();
    await slow[Symbol.asyncDispose]();
  });

  test('connections that never say a word keep nobody out', async () => {
    decide = () => true;
    const idle: Socket[] = [];
    for (let at = 0; at < 40; at++) {
      const socket = connectPlain(listening.port, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      idle.push(socket);
    }
    const fresh = await open();
    assert.ok(
      idle.every((socket) => !socket.readableEnded && !socket.destroyed),
      'none of them had to be given up first',
    );
    fresh.destroy();
    for (const socket of idle) socket.destroy();
  });
});
