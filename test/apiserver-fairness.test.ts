import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { bootstrap } from '../src/apiserver/bootstrap/bootstrap.ts';
import { type FairShare, fairShare } from '../src/apiserver/fairness/share.ts';
import type { Listening } from '../src/apiserver/http/front.ts';
import { openStages } from '../src/apiserver/stages.ts';
import { startTestServer, type TestServer } from '../src/apiserver/testing.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { Certificates } from '../src/cluster/certificates.ts';
import { exchange, type RawAnswer } from './apiserver-exchange.ts';

const GROUP = '/apis/flowcontrol.apiserver.k8s.io/v1';
let server: TestServer;
let listening: Listening;
let directory: string;
let caPem: string;
let share: FairShare;
let agent: Agent;
/** While it is held, the flood's requests keep their seats. */
let held = Promise.withResolvers<void>();

before(async () => {
  const clock = new SystemClock();
  server = startTestServer({
    clock,
    yieldToLoop: () => new Promise((resolve) => setImmediate(resolve)),
    stages: (reader) => {
      share = fairShare({ reader, clock, seats: 8, maxWaitMs: 15_000 });
      return {
        ...openStages,
        share,
        authenticate: ({ bearerToken = '' }) => ({ name: bearerToken, groups: ['system:authenticated'] }),
        authorize: async ({ user }) => {
          if (user.name === 'flood') await held.promise;
          return { allowed: true, reason: '' };
        },
      };
    },
  });
  const addresses = { serviceIp: '10.96.0.1', serviceCidr: '10.96.0.0/24', advertiseIp: '192.168.1.2', port: 6443 };
  await bootstrap({ handler: server.api.handler, reader: server.api.reader, addresses, caPem: 'CA', kinds: [] });
  directory = await mkdtemp(join(tmpdir(), 'berth-fair-'));
  const certificates = await Certificates.open(directory, clock);
  const pair = await certificates.issue({ commonName: 'server', organizations: [], dnsNames: [], ipAddresses: ['127.0.0.1'], usages: ['server'] });
  caPem = certificates.caPem;
  listening = await server.api.listen({ host: '127.0.0.1', port: 0, tls: { key: pair.keyPem, cert: pair.certPem, clientCa: caPem } });
  agent = new Agent({ keepAlive: true, maxSockets: 200 });
});

after(async () => {
  held.resolve();
  agent.destroy();
  await listening[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const ask = (user: string, path: string): Promise<RawAnswer> =>
  exchange(listening.port, caPem, agent, 'GET', path, undefined, { authorization: `Bearer ${user}` });

test('answers say how they were classified', async () => {
  const uidOf = async (resource: string, name: string): Promise<unknown> =>
    ((await server.ask('GET', `${GROUP}/${resource}/${name}`)).body['metadata'] as { uid: string }).uid;
  const { code, headers } = await ask('jane', '/api/v1/namespaces');
  assert.deepEqual(
    [code, headers['x-kubernetes-pf-flowschema-uid'], headers['x-kubernetes-pf-prioritylevel-uid']],
    [200, await uidOf('flowschemas', 'global-default'), await uidOf('prioritylevelconfigurations', 'global-default')],
  );
});

test("one client's flood does not starve another's", async () => {
  await server.ask(
    'PATCH',
    `${GROUP}/prioritylevelconfigurations/global-default`,
    { spec: { limited: { limitResponse: { queuing: { queueLengthLimit: 10 } } } } },
    { contentType: 'application/merge-patch+json' },
  );
  held = Promise.withResolvers<void>();
  const flood = Array.from({ length: 120 }, () => ask('flood', '/api/v1/namespaces'));
  // 60 of the flood find no place in the six queues of ten that it was dealt, or a seat.
  const level = (): { seated: number; waiting: number } => share.figures.levels().find(({ name }) => name === 'global-default') ?? { seated: 0, waiting: 0 };
  while (level().waiting < 60) await new Promise((resolve) => setImmediate(resolve));
  const modest = ask('modest', '/api/v1/namespaces');
  while (level().waiting < 61) await new Promise((resolve) => setImmediate(resolve));
  const order: string[] = [];
  for (const each of flood) void each.then(({ code }) => order.push(`flood ${code}`));
  void modest.then(({ code }) => order.push(`modest ${code}`));
  held.resolve();
  const answers = await Promise.all([...flood, modest]);
  const refused = answers.filter(({ code }) => code === 429);
  assert.equal(answers.at(-1)?.code, 200);
  assert.ok(refused.length > 0 && answers.filter(({ code }) => code === 200).length > 60, `${refused.length} of the flood were told to come back`);
  const [first] = refused;
  assert.equal(first?.headers['retry-after'], '1');
  assert.equal((JSON.parse(first?.text ?? '{}') as { message: string }).message, 'Too many requests, please try again later.');
  const served = order.filter((each) => each.endsWith('200'));
  assert.ok(served.indexOf('modest 200') < 40, `the modest one was answered as number ${served.indexOf('modest 200') + 1} of ${served.length}`);
});
