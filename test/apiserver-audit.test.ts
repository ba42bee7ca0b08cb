/** Audit events of what comes over HTTPS: who is not known, and who acts as somebody else. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readAuditPolicy } from '../src/apiserver/audit/policy.ts';
import { auditing } from '../src/apiserver/audit/trail.ts';
import type { Listening } from '../src/apiserver/http/front.ts';
import { openStages } from '../src/apiserver/stages.ts';
import { startTestServer, type TestServer } from '../src/apiserver/testing.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { issueAuthority, issueCertificate, newKeyPem } from '../src/cluster/certificate-issue.ts';
import { Certificates } from '../src/cluster/certificates.ts';
import type { JsonObject } from '../src/machinery/object.ts';
import { exchange, type RawAnswer } from './apiserver-exchange.ts';

let server: TestServer;
let listening: Listening;
let directory: string;
let caPem: string;
const agent = new Agent({ keepAlive: true });
let events: JsonObject[] = [];
/** Resolves with the events of a request when its last one is written. */
let last = Promise.withResolvers<void>();

before(async () => {
  const policy = readAuditPolicy(
    { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'Metadata' }] },
    (field, what) => new Error(`${field}: ${what}`),
  );
  const write = (event: JsonObject): void => {
    events.push(JSON.parse(JSON.stringify(event)) as JsonObject);
    if (event['stage'] !== 'RequestReceived') last.resolve();
  };
  server = startTestServer({
    clock: new SystemClock(),
    stages: () => ({
      ...openStages,
      audit: auditing(policy, { write }),
      authenticate: ({ bearerToken = '' }) => (bearerToken === '' ? undefined : { name: bearerToken, groups: ['system:authenticated'] }),
      impersonate: (user, { 'impersonate-user': names }, attributes) =>
        names?.[0] !== undefined
          ? { user: { name: names[0], groups: [] }, constraint: `impersonate:${attributes().verb}-${attributes().user.name}` }
          : { user },
    }),
  });
  directory = await mkdtemp(join(tmpdir(), 'berth-audit-http-'));
  const certificates = await Certificates.open(directory, new SystemClock());
  const pair = await certificates.issue({ commonName: 'server', organizations: [], dnsNames: [], ipAddresses: ['127.0.0.1'], usages: ['server'] });
  caPem = certificates.caPem;
  listening = await server.api.listen({ host: '127.0.0.1', port: 0, tls: { key: pair.keyPem, cert: pair.certPem, clientCa: caPem } });
});

after(async () => {
  agent.destroy();
  await listening[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

async function ask(
  path: string,
  headers: Readonly<Record<string, string>>,
  by: Agent = agent,
): Promise<{ readonly answer: RawAnswer; readonly events: readonly JsonObject[] }> {
  events = [];
  last = Promise.withResolvers();
  const answer = await exchange(listening.port, caPem, by, 'GET', path, undefined, headers);
  await last.promise;
  return { answer, events };
}

test('who proves nothing leaves one event: the answer has begun, 401, about what was asked', async () => {
  const { answer, events: seen } = await ask('/api/v1/namespaces/default/secrets/db', {});
  assert.equal(answer.code, 401);
  assert.deepEqual(
    seen.map(({ stage, user, verb, responseStatus, objectRef }) => ({ stage, user, verb, responseStatus, objectRef })),
    [
      {
        stage: 'ResponseStarted',
        user: {},
        verb: 'get',
        responseStatus: { metadata: {}, message: 'Authentication failed, no credentials provided', code: 401 },
        objectRef: { resource: 'secrets', namespace: 'default', name: 'db', apiVersion: 'v1' },
      },
    ],
  );
});

test('what somebody tried to prove themselves with is told', async () => {
  const { events: seen } = await ask('/api/v1/namespaces', { authorization: 'Basic YTpi' });
  assert.deepEqual(seen[0]?.['responseStatus'], { metadata: {}, message: 'Authentication failed, attempted: basic', code: 401 });
  const authority = await issueAuthority('other', newKeyPem(), Date.now(), 3_600_000);
  const request = { commonName: 'ann', organizations: [], dnsNames: [], ipAddresses: [], usages: ['client'] } as const;
  const { certPem, keyPem } = await issueCertificate(authority, request, Date.now(), 3_600_000);
  const { events: others } = await ask('/api/v1/namespaces', {}, new Agent({ cert: certPem, key: keyPem }));
  assert.deepEqual(others[0]?.['responseStatus'], { metadata: {}, message: 'Authentication failed, attempted: x509', code: 401 });
});

test('a request carries its id, and who acts as whom', async () => {
  const { answer, events: seen } = await ask('/api/v1/namespaces', { authorization: 'Bearer ann', 'impersonate-user': 'bob', 'audit-id': 'given-by-a-proxy' });
  assert.equal(answer.headers['audit-id'], 'given-by-a-proxy');
  const [, done] = seen as [JsonObject, JsonObject];
  assert.deepEqual(
    [done['auditID'], (done['user'] as JsonObject)['username'], (done['impersonatedUser'] as JsonObject)['username'], done['sourceIPs']],
    ['given-by-a-proxy', 'ann', 'bob', ['127.0.0.1']],
  );
  assert.deepEqual(done['authenticationMetadata'], { impersonationConstraint: 'impersonate:list-ann' });
});
