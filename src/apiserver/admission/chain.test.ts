import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Keys } from '../../base/keys.ts';
import { SeededRandom } from '../../base/random.ts';
import { RbacIndex } from '../authz/rbac.ts';
import { admissionChain } from './chain.ts';

test('the chain refuses a name that it does not know', () => {
  const keys: Keys = {
    digest: (data) => data,
    secret: () => new Uint8Array(),
    sign: (data) => data,
    verify: () => false,
    signing: { algorithm: 'HS256', keyId: 'k' },
  };
  assert.throws(
    () =>
      admissionChain({ random: new SeededRandom(1), keys, authorize: () => ({ allowed: true, reason: '' }), rbac: new RbacIndex(), disabled: ['Prioritee'] }),
    /no admission plugin is called "Prioritee"/,
  );
});
