/** Credentials as the TLS layer and the headers bring them: which of them count, and what those that prove nothing come to. */
import assert from 'node:assert/strict';
import { Agent } from 'node:https';
import { after, before, describe, it } from 'node:test';
import { issueAuthority, issueCertificate, type KeyPair, newKeyPem } from '../../src/cluster/certificate-issue.ts';
import type { JsonObject } from '../../src/machinery/object.ts';
import { exchange } from '../apiserver-exchange.ts';
import { type Front, openFront } from './front.ts';
import { statusOf } from './cluster.ts';

const DAY_MS = 24 * 3600 * 1000;
const WHO = '/apis/authentication.k8s.io/v1/selfsubjectreviews';

describe('credentials', { timeout: 60_000 }, () => {
  let front: Front;
  let token: string;
  before(async () => {
    front = await openFront();
    await front.say('POST', '/api/v1/namespaces', { body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a' } } });
    await front.say('POST', '/api/v1/namespaces/a/serviceaccounts', { body: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'x' } } });
    const { body } = await front.say('POST', '/api/v1/namespaces/a/serviceaccounts/x/token', { body: {} });
    token = String(statusOf(body)['token']);
  });
  after(() => front[Symbol.asyncDispose]());

  /** Who one is with them, or the refusal. */
  const whoAmI = async (pair: Pick<KeyPair, 'keyPem' | 'certPem'> | undefined, headers: Readonly<Record<string, string>> = {}): Promise<string> => {
    const agent = pair === undefined ? new Agent() : new Agent({ key: pair.keyPem, cert: pair.certPem });
    const body = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' });
    const { code, text } = await exchange(front.port, front.caPem, agent, 'POST', WHO, body, { 'content-type': 'application/json', ...headers });
    const answer = JSON.parse(text) as JsonObject;
    if (code === 201) return String((statusOf(answer)['userInfo'] as JsonObject)['username']);
    return /"system:anonymous"/.test(String(answer['message'])) ? 'anonymous' : `${code} ${String(answer['message'])}`;
  };

  it('a certificate that another authority signed is a 401, not anonymous; a token beside it counts', async () => {
    const authority = await issueAuthority('kubernetes', newKeyPem(), Date.now(), DAY_MS);
    const request = { commonName: 'ann', organizations: ['system:masters'], dnsNames: [], ipAddresses: [], usages: ['client'] as const };
    const stranger = await issueCertificate(authority, request, Date.now(), DAY_MS);
    assert.equal(await whoAmI(stranger), '401 Unauthorized');
    assert.equal(await whoAmI(stranger, { authorization: `Bearer ${token}` }), 'system:serviceaccount:a:x');
    assert.equal(await whoAmI(undefined), 'anonymous');
  });

  it('the word after Bearer is the token', async () => {
    const who = (authorization: string) => whoAmI(undefined, { authorization });
    assert.equal(await who(`bearer ${token}`), 'system:serviceaccount:a:x');
    assert.equal(await who(`Bearer ${token} more`), 'system:serviceaccount:a:x');
    // An empty word: as if there were no header.
    assert.equal(await who(`Bearer  ${token}`), 'anonymous');
    assert.equal(await who('Bearer'), 'anonymous');
    assert.equal(await who('Bearer nonsense'), '401 Unauthorized');
    assert.equal(await who(`Token ${token}`), 'anonymous');
  });

  it('a token among the protocols of a WebSocket counts when it stands beside another protocol, once', async () => {
    const carried = `base64url.bearer.authorization.k8s.io.${Buffer.from(token).toString('base64url')}`;
    const who = async (protocols: string, upgrade: Readonly<Record<string, string>> = { connection: 'Upgrade', upgrade: 'websocket' }): Promise<string> => {
      const headers = { ...upgrade, 'sec-websocket-version': '13', 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==', 'sec-websocket-protocol': protocols };
      const { code, text } = await exchange(front.port, front.caPem, new Agent(), 'GET', '/api/v1/secrets?watch=1', undefined, headers);
      assert.ok(!text.includes(carried));
      return code === 403 ? (/User \\"([^"]*)\\"/.exec(text)?.[1] ?? text) : String(code);
    };
    assert.equal(await who(`${carried}, v4.channel.k8s.io`), 'system:serviceaccount:a:x');
    assert.equal(await who(carried), '401');
    assert.equal(await who(`${carried}, ${carried}, v4.channel.k8s.io`), '401');
    assert.equal(await who(`${carried}=, v4.channel.k8s.io`), '401', 'padded');
    assert.equal(await who('base64url.bearer.authorization.k8s.io._w, v4.channel.k8s.io'), '401', 'no UTF-8');
    assert.equal(await who('base64url.bearer.authorization.k8s.io., v4.channel.k8s.io'), 'system:anonymous', 'an empty one is none');
    assert.equal(await who(`${carried}, v4.channel.k8s.io`, {}), 'system:anonymous', 'no WebSocket');
  });
});
