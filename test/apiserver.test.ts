import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startTestServer, type TestServer } from '../src/apiserver/testing.ts';
import type { Listening } from '../src/apiserver/http/front.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { Certificates } from '../src/cluster/certificates.ts';
import { type Ask, inProcess, overHttps, unique } from './apiserver-exchange.ts';
import { scenarios } from './contract/api-handler.ts';

describe('the API server, over both transports', () => {
  let server: TestServer;
  let listening: Listening;
  let directory: string;
  let agent: Agent;
  const ways = new Map<string, Ask>();

  before(async () => {
    const clock = new SystemClock();
    server = startTestServer({ clock, yieldToLoop: () => new Promise((resolve) => setImmediate(resolve)) });
    directory = await mkdtemp(join(tmpdir(), 'berth-apiserver-'));
    const certificates = await Certificates.open(directory, clock);
    const pair = await certificates.issue({ commonName: 'server', ipAddresses: ['127.0.0.1'], dnsNames: [], usages: ['server'], organizations: [] });
    listening = await server.api.listen({ host: '127.0.0.1', port: 0, tls: { key: pair.keyPem, cert: pair.certPem, clientCa: certificates.caPem } });
    agent = new Agent({ keepAlive: true });
    ways.set('in process', inProcess(server));
    ways.set('over HTTPS', overHttps(listening.port, certificates.caPem, agent));
  });

  after(async () => {
    agent.destroy();
    await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  for (const way of ['in process', 'over HTTPS']) {
    for (const { says, run } of scenarios) {
      test(`${way}: ${says}`, async () => {
        const ask = ways.get(way);
        assert.ok(ask !== undefined);
        await run(ask, `ns-${unique()}`);
      });
    }
  }
});
