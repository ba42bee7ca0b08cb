import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Keys } from '../../base/keys.ts';
import { SeededRandom } from '../../base/random.ts';
import { RbacIndex } from '../authz/rbac.ts';
import { admissionChain } from './chain.ts';

const keys: Keys = {
  digest: (data) => data,
  secret: () => new Uint8Array(),
  sign: (data) => data,
  verify: () => false,
  signing: { algorithm: 'HS256', keyId: 'k' },
};
const chain = (choice: { readonly disabled?: readonly string[]; readonly enabled?: readonly string[] }): readonly string[] =>
  admissionChain({
    random: new SeededRandom(1),
    keys,
    authorize: () => ({ allowed: true, reason: '' }),
    rbac: new RbacIndex(),
    kinds: () => [],
    ...choice,
  }).map(({ name }) => name);

test('the chain refuses a name that it does not know', () => {
  assert.throws(() => chain({ disabled: ['Prioritee'] }), /no admission plugin is called "Prioritee"/);
  assert.throws(() => chain({ enabled: ['AlwaysAdmit'] }), /no admission plugin is called "AlwaysAdmit"/);
});

test('what is not on by default runs when it is named, in its place', () => {
  const usual = chain({});
  assert.ok(!usual.includes('AlwaysPullImages') && usual.includes('Priority'));
  const named = chain({ enabled: ['AlwaysPullImages'], disabled: ['Priority'] });
  assert.equal(named[named.indexOf('PodSecurity') - 1], 'AlwaysPullImages');
  assert.ok(!named.includes('Priority'));
});
