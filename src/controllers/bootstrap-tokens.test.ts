import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import type { Secret } from '../api/gen/types/core.v1.ts';
import type { Stored } from '../machinery/object.ts';
import { decideCleaning, detachedSignature, signedData, tokenOf } from './bootstrap-tokens.ts';

const NOW = Date.UTC(2026, 5, 1);
const sha256 = (data: Uint8Array): Uint8Array => createHash('sha256').update(data).digest();
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const secret = (fields: object = {}, name = 'bootstrap-token-abcdef'): Stored<Secret> => ({
  metadata: { name, namespace: 'kube-system', uid: 'u', resourceVersion: '1' },
  type: 'bootstrap.kubernetes.io/token',
  data: Object.fromEntries(
    Object.entries({ 'token-id': 'abcdef', 'token-secret': '0123456789abcdef', 'usage-bootstrap-signing': 'true', ...fields }).map(([key, value]) => [
      key,
      base64(String(value)),
    ]),
  ),
});

describe('bootstrap tokens end', () => {
  const rows = [
    ['one without an end', secret(), { do: 'nothing' }],
    ['one that ends later', secret({ expiration: '2026-06-01T00:00:10Z' }), { do: 'nothing', againAfterMs: 10_000 }],
    ['one that is over', secret({ expiration: '2026-05-31T00:00:00Z' }), { do: 'delete' }],
    ['a time that can not be read', secret({ expiration: 'soon' }), { do: 'delete' }],
    ['a day without a time of day', secret({ expiration: '2027-01-01' }), { do: 'delete' }],
    ['a Secret of another name', secret({ expiration: '2020-01-01T00:00:00Z' }, 'mine'), { do: 'nothing' }],
    ['one that has gone', undefined, { do: 'nothing' }],
  ] as const;
  for (const [what, given, decision] of rows) test(what, () => assert.deepEqual(decideCleaning(given, NOW), decision));
});

describe('cluster-info', () => {
  const token = tokenOf(secret());
  assert.ok(token !== undefined);
  const info = (data: Readonly<Record<string, string>>) => ({ metadata: { name: 'cluster-info' }, data });
  const signature = detachedSignature('the kubeconfig', token, sha256);

  test('the signature is what any reader of JSON web signatures makes of it', () => {
    const [header = '', payload, sealed] = signature.split('.');
    assert.deepEqual(JSON.parse(Buffer.from(header, 'base64url').toString()), { alg: 'HS256', kid: 'abcdef' });
    assert.equal(payload, '');
    const signed = `${header}.${Buffer.from('the kubeconfig').toString('base64url')}`;
    assert.equal(sealed, createHmac('sha256', '0123456789abcdef').update(signed).digest('base64url'));
  });

  test('has the signature of every token that is to sign, and no other', () => {
    const silent = tokenOf(secret({ 'usage-bootstrap-signing': 'false' }));
    const over = tokenOf(secret({ expiration: '2020-01-01T00:00:00Z' }));
    assert.ok(silent !== undefined && over !== undefined);
    const bare = info({ kubeconfig: 'the kubeconfig', mine: 'x', 'jws-kubeconfig-zzzzzz': 'old' });
    assert.deepEqual(signedData(bare, [token], sha256, NOW), { kubeconfig: 'the kubeconfig', mine: 'x', 'jws-kubeconfig-abcdef': signature });
    assert.deepEqual(signedData(bare, [silent, over], sha256, NOW), { kubeconfig: 'the kubeconfig', mine: 'x' });
    assert.equal(signedData(info({ kubeconfig: 'the kubeconfig', 'jws-kubeconfig-abcdef': signature }), [token], sha256, NOW), undefined);
    assert.equal(signedData(info({}), [token], sha256, NOW), undefined);
  });
});
