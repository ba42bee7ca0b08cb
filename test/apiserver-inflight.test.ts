/** What is being worked on over HTTPS is told of when it begins, and told of again when it ends: a watch when it is closed. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStages } from '../src/apiserver/stages.ts';
import { startTestServer } from '../src/apiserver/testing.ts';
import { Disposals } from '../src/base/disposal.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { Certificates } from '../src/cluster/certificates.ts';
import { exchange } from './apiserver-exchange.ts';

test('requests and watches begin and end', async () => {
  await using ends = new Disposals();
  const log: string[] = [];
  let ended = Promise.withResolvers<void>();
  const server = ends.use(
    startTestServer({
      clock: new SystemClock(),
      stages: () => ({
        ...openStages,
        onBegin: ({ verb, resource }, takesLong) => {
          const what = `${verb} ${resource}${takesLong ? ' long' : ''}`;
          log.push(`begin ${what}`);
          return () => {
            log.push(`end ${what}`);
            ended.resolve();
          };
        },
      }),
    }),
  );
  const directory = await mkdtemp(join(tmpdir(), 'berth-inflight-'));
  ends.add(() => rm(directory, { recursive: true }));
  const certificates = await Certificates.open(directory, new SystemClock());
  const pair = await certificates.issue({ commonName: 'server', organizations: [], dnsNames: [], ipAddresses: ['127.0.0.1'], usages: ['server'] });
  const { caPem } = certificates;
  const listening = ends.use(await server.api.listen({ host: '127.0.0.1', port: 0, tls: { key: pair.keyPem, cert: pair.certPem, clientCa: caPem } }));
  const agent = new Agent({ keepAlive: true });
  ends.add(async () => agent.destroy());

  await exchange(listening.port, caPem, agent, 'GET', '/api/v1/namespaces', undefined);
  await exchange(listening.port, caPem, agent, 'GET', '/api/v1/namespaces/absent', undefined);
  await ended.promise;
  assert.deepEqual(log, ['begin list namespaces', 'end list namespaces', 'begin get namespaces', 'end get namespaces']);

  log.length = 0;
  ended = Promise.withResolvers();
  const watch = request({ host: '127.0.0.1', port: listening.port, ca: caPem, agent, path: '/api/v1/namespaces?watch=true' });
  const answered = new Promise((resolve) => watch.once('response', resolve));
  watch.on('error', () => {});
  watch.end();
  await answered;
  assert.deepEqual(log, ['begin watch namespaces long']);
  watch.destroy();
  await ended.promise;
  assert.deepEqual(log, ['begin watch namespaces long', 'end watch namespaces long']);
});
