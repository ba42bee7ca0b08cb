/** The end of a server: what is under way is answered, watches end, and nobody who does nothing is waited for. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { Agent } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { Listening } from '../src/apiserver/http/front.ts';
import { openStages } from '../src/apiserver/stages.ts';
import { configMap, startTestServer, type TestServer } from '../src/apiserver/testing.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { Certificates, type KeyPair } from '../src/cluster/certificates.ts';
import { exchange } from './apiserver-exchange.ts';

const MAPS = '/api/v1/namespaces/ns/configmaps';

describe('the end of a server', { timeout: 30_000 }, () => {
  let directory: string;
  let ca: string;
  let pair: KeyPair;
  let server: TestServer;
  let listening: Listening;
  /** Resolves when a request has come that waits. */
  let come: PromiseWithResolvers<void>;
  let goOn: PromiseWithResolvers<void>;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-end-'));
    const certificates = await Certificates.open(directory, new SystemClock());
    ca = certificates.caPem;
    pair = await certificates.issue({ commonName: 'server', organizations: [], dnsNames: [], ipAddresses: ['127.0.0.1'], usages: ['server'] });
  });
  after(() => rm(directory, { recursive: true }));

  beforeEach(async () => {
    come = Promise.withResolvers();
    goOn = Promise.withResolvers();
    const authorize = async ({ verb }: { readonly verb: string }) => {
      if (verb === 'create') {
        come.resolve();
        await goOn.promise;
      }
      return { allowed: true, reason: '' };
    };
    server = startTestServer({
      clock: new SystemClock(),
      stages: () => ({ ...openStages, authorize }),
      yieldToLoop: () => new Promise((resolve) => setImmediate(resolve)),
    });
    listening = await server.api.listen({ host: '127.0.0.1', port: 0, tls: { key: pair.keyPem, cert: pair.certPem, clientCa: ca } });
  });

  test('a write that is under way is answered', async () => {
    const agent = new Agent({ keepAlive: true });
    const json = { 'content-type': 'application/json' };
    const answer = exchange(listening.port, ca, agent, 'POST', MAPS, JSON.stringify(configMap('a', { k: 'v' })), json);
    await come.promise;
    const ended = listening[Symbol.asyncDispose]();
    goOn.resolve();
    assert.equal((await answer).code, 201);
    await ended;
    await server[Symbol.asyncDispose]();
  });

  test('over HTTP/2 as well', async () => {
    const session = connectHttp2(`https://127.0.0.1:${listening.port}`, { ca });
    const stream = session.request({ ':path': MAPS, ':method': 'POST', 'content-type': 'application/json' });
    stream.end(JSON.stringify(configMap('b', { k: 'v' })));
    await come.promise;
    const told = once(session, 'goaway');
    const ended = listening[Symbol.asyncDispose]();
    await told;
    goOn.resolve();
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    assert.equal(headers[':status'], 201);
    stream.resume();
    await once(stream, 'end');
    await ended;
    await server[Symbol.asyncDispose]();
  });

  test('who only holds a connection is not waited for', async () => {
    const { port } = listening;
    const silent = connectPlain(port, '127.0.0.1');
    const idle = connectTls({ host: '127.0.0.1', port, ca });
    const session = connectHttp2(`https://127.0.0.1:${port}`, { ca });
    const closed = [silent, idle, session].map((each) => once(each, 'close'));
    silent.on('error', () => {}).resume();
    idle.on('error', () => {}).resume();
    await Promise.all([once(silent, 'connect'), once(idle, 'secureConnect'), once(session, 'connect')]);
    const began = performance.now();
    await server[Symbol.asyncDispose]();
    await Promise.all(closed);
    assert.ok(performance.now() - began < 5000);
  });
});
