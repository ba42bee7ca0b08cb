import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { Agent, request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { connect } from 'node:tls';
import type { Listening } from '../src/apiserver/http/front.ts';
import { type AuthorizeAttributes, openStages } from '../src/apiserver/stages.ts';
import { configMap, startTestServer, type TestServer } from '../src/apiserver/testing.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { VirtualClock } from '../src/base/virtual-clock.ts';
import { Certificates } from '../src/cluster/certificates.ts';
import { exchange } from './apiserver-exchange.ts';

const MAPS = '/api/v1/namespaces/ns/configmaps';
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const TIMEOUT = {
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message: 'Timeout: request did not complete within the allotted timeout',
  reason: 'Timeout',
  details: {},
  code: 504,
};

describe('under load', () => {
  const clock = new VirtualClock();
  let server: TestServer;
  let listening: Listening;
  let directory: string;
  let ca: string;
  let agent: Agent;
  let decide: (attributes: AuthorizeAttributes) => boolean | Promise<boolean> = () => true;

  before(async () => {
    const authorize = async (attributes: AuthorizeAttributes) => ({ allowed: await decide(attributes), reason: '' });
    const bodyBudget = { bytes: 3_000_000, bytesOfOne: 2_000_000 };
    const authenticate = ({ bearerToken = 'jane' }) => ({ name: bearerToken, groups: [] });
    server = startTestServer({ clock, stages: () => ({ ...openStages, authorize, authenticate }), yieldToLoop: turn, bodyBudget });
    directory = await mkdtemp(join(tmpdir(), 'berth-load-'));
    const certificates = await Certificates.open(directory, new SystemClock());
    const pair = await certificates.issue({ commonName: 'server', organizations: [], dnsNames: [], ipAddresses: ['127.0.0.1'], usages: ['server'] });
    ca = certificates.caPem;
    listening = await server.api.listen({ host: '127.0.0.1', port: 0, tls: { key: pair.keyPem, cert: pair.certPem, clientCa: ca } });
    agent = new Agent({ keepAlive: true });
  });

  beforeEach(() => {
    decide = () => true;
  });

  after(async () => {
    agent.destroy();
    await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const ask = (path: string) => exchange(listening.port, ca, agent, 'GET', path, undefined, {});

  /** Asks for what is held up in authorization, and says when it is. */
  const held = async (path: string) => {
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    const { promise: answer, resolve: release } = Promise.withResolvers<boolean>();
    decide = () => {
      resolve();
      return answer;
    };
    const reply = ask(path);
    await asked;
    return { reply, release: () => release(true) };
  };

  test('a request that is not done after a minute is answered with 504', async () => {
    const { reply, release } = await held(`${MAPS}/a`);
    await clock.advance(59_999, turn);
    let over = false;
    void reply.finally(() => {
      over = true;
    });
    for (let at = 0; at < 20; at++) await turn();
    assert.equal(over, false);
    await clock.advance(1, turn);
    const { code, text } = await reply;
    assert.deepEqual([code, JSON.parse(text)], [504, TIMEOUT]);
    // What it comes to in the end is told to nobody.
    release();
    decide = () => true;
    assert.equal((await ask(MAPS)).code, 200);
  });

  test('a client may wish for less time, not for more', async () => {
    const short = await held(`${MAPS}?timeout=5s`);
    await clock.advance(5000, turn);
    assert.equal((await short.reply).code, 504);
    short.release();
    const long = await held(`${MAPS}?timeout=10m`);
    await clock.advance(60_000, turn);
    assert.equal((await long.reply).code, 504);
    long.release();
    decide = () => true;
    for (const [timeout, why] of [
      ['5', 'time: missing unit in duration "5"'],
      ['soon', 'time: invalid duration "soon"'],
    ] as const) {
      const { code, text } = await ask(`${MAPS}?timeout=${timeout}`);
      assert.deepEqual([code, (JSON.parse(text) as { message: string }).message], [400, `invalid timeout specified in the request URL - ${why}`]);
    }
    assert.equal((await ask(`${MAPS}?timeout=0s`)).code, 200);
  });

  test('a watch has all the time', async () => {
    const request = httpsRequest({ host: '127.0.0.1', port: listening.port, ca, agent: false, path: `${MAPS}?watch=true&timeoutSeconds=600` });
    request.on('error', () => {});
    request.end();
    const [response] = (await once(request, 'response')) as [AsyncIterable<Buffer> & { readonly complete: boolean }];
    await clock.advance(120_000, turn);
    await server.ask('POST', MAPS, configMap('seen'));
    for await (const chunk of response) {
      assert.match(chunk.toString(), /"ADDED".*"seen"/);
      break;
    }
    request.destroy();
  });

  test('a body that trickles in is given up, and so is its connection', async () => {
    const socket = connect({ host: '127.0.0.1', port: listening.port, ca });
    await once(socket, 'secureConnect');
    socket.write(`POST ${MAPS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`);
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    decide = () => {
      resolve();
      return true;
    };
    await asked;
    for (let at = 0; at < 5; at++) await turn();
    await clock.advance(60_000, turn);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1\.1 504 /);
    const closed = once(socket, 'close');
    await clock.advance(5000, turn);
    await closed;
  });

  test('a body over HTTP/2 that was given up is given back, and what had come of it is not carried out', async () => {
    const client = connectHttp2(`https://127.0.0.1:${listening.port}`, { ca });
    const stream = client.request({ ':method': 'POST', ':path': MAPS, 'content-type': 'application/yaml' });
    stream.on('error', () => {});
    // Whole as it stands, as the beginnings of YAML are.
    const begun = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cut-short\n';
    stream.write(begun);
    while (server.api.bodyBytes < begun.length) await turn();
    for (let at = 0; at < 5; at++) await turn();
    const answered = once(stream, 'response') as Promise<[{ readonly ':status': number }]>;
    await clock.advance(60_000, turn);
    assert.equal((await answered)[0][':status'], 504);
    stream.resume();
    for (let at = 0; at < 1000 && server.api.bodyBytes > 0; at++) await turn();
    assert.equal(server.api.bodyBytes, 0);
    for (let at = 0; at < 20; at++) await turn();
    assert.equal((await server.refusal('GET', `${MAPS}/cut-short`)).code, 404);
    client.destroy();
  });

  test('a body that comes whole after its request was answered for being late is not carried out', async () => {
    const socket = connect({ host: '127.0.0.1', port: listening.port, ca });
    await once(socket, 'secureConnect');
    const body = JSON.stringify(configMap('too-late'));
    socket.write(`POST ${MAPS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 10)}`);
    while (server.api.bodyBytes < 10) await turn();
    await clock.advance(60_000, turn);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1\.1 504 /);
    socket.write(body.slice(10));
    for (let at = 0; at < 1000 && server.api.bodyBytes > 0; at++) await turn();
    assert.equal(server.api.bodyBytes, 0);
    for (let at = 0; at < 20; at++) await turn();
    assert.equal((await server.refusal('GET', `${MAPS}/too-late`)).code, 404);
    socket.destroy();
  });

  test('bodies of all streams and connections have one bound, and each user has a part of it', async () => {
    const started = (user: string, bytes: number) => {
      const client = connectHttp2(`https://127.0.0.1:${listening.port}`, { ca });
      const stream = client.request({ ':method': 'POST', ':path': MAPS, 'content-type': 'application/json', authorization: `Bearer ${user}` });
      stream.on('error', () => {});
      const answer = once(stream, 'response').then(([headers]) => (headers as { readonly ':status': number })[':status']);
      stream.write(Buffer.alloc(bytes, ' '));
      return { stream, answer, end: () => client.destroy() };
    };
    const taken = async (bytes: number): Promise<void> => {
      while (server.api.bodyBytes < bytes) await turn();
    };
    const first = started('jane', 1_500_000);
    await taken(1_500_000);
    // Her own part is 2 MB.
    const second = started('jane', 1_000_000);
    assert.equal(await second.answer, 429);
    const third = started('joe', 1_000_000);
    await taken(2_500_000);
    const fourth = started('jack', 1_000_000);
    assert.equal(await fourth.answer, 429);
    // What is over is given back, whether it was answered or its client has gone.
    first.stream.end('{}');
    assert.equal(await first.answer, 422);
    third.end();
    while (server.api.bodyBytes > 0) await turn();
    const fifth = started('jane', 1_000_000);
    fifth.stream.end('{}');
    assert.equal(await fifth.answer, 422);
    for (const { end } of [first, second, third, fourth, fifth]) end();
  });

  test('who is too slow to read a list is cut off', async () => {
    const value = 'x'.repeat(500_000);
    for (let at = 0; at < 40; at++) await server.ask('POST', '/api/v1/namespaces/long/configmaps', configMap(`m-${at}`, { value }));
    const socket = connect({ host: '127.0.0.1', port: listening.port, ca });
    await once(socket, 'secureConnect');
    let bytes = 0;
    socket.write('GET /api/v1/namespaces/long/configmaps HTTP/1.1\r\nHost: x\r\n\r\n');
    const [head] = (await once(socket, 'data')) as [Buffer];
    bytes += head.length;
    socket.pause();
    for (let at = 0; at < 20; at++) await turn();
    await clock.advance(60_000, turn);
    for await (const chunk of socket as AsyncIterable<Buffer>) bytes += chunk.length;
    assert.match(head.toString(), /^HTTP\/1\.1 200 /);
    assert.ok(bytes < 20_000_000, `${bytes} bytes of 20 MB`);
  });
});
