import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../base/random.ts';
import { newKeyPem } from './certificate-issue.ts';
import { ecKeys, hmacKeys } from './node-keys.ts';

const data = new TextEncoder().encode('header.claims');

test('a signature is good for its key, its data and nothing else', () => {
  const keys = ecKeys({ privatePem: newKeyPem() });
  const signature = keys.sign(data);
  assert.equal(keys.verify(keys.signing.keyId, data, signature), true);
  assert.equal(keys.verify('unknown', data, signature), false);
  assert.equal(keys.verify(keys.signing.keyId, new TextEncoder().encode('other'), signature), false);
  assert.equal(keys.verify(keys.signing.keyId, data, signature.subarray(1)), false);
  assert.equal(ecKeys({ privatePem: newKeyPem() }).verify(keys.signing.keyId, data, signature), false);
});

test('an earlier key stays trusted and is published', () => {
  const oldPem = newKeyPem();
  const before = ecKeys({ privatePem: oldPem });
  const after = ecKeys({ privatePem: newKeyPem(), trustedPems: [oldPem] });
  assert.equal(after.verify(before.signing.keyId, data, before.sign(data)), true);
  assert.deepEqual(
    after.publicKeys?.().map((key) => [key.kid, key.alg, key.kty]),
    [after.signing.keyId, before.signing.keyId].map((kid) => [kid, 'ES256', 'EC']),
  );
});

test('shared-secret keys are deterministic', () => {
  const make = () => hmacKeys(new Uint8Array(32).fill(7), new SeededRandom(1));
  assert.deepEqual(make().sign(data), make().sign(data));
  assert.deepEqual(make().secret(8), make().secret(8));
  assert.equal(make().verify(make().signing.keyId, data, make().sign(data)), true);
});
