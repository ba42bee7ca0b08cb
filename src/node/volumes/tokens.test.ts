import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serviceAccounts } from '../../api/gen/resources.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import type { Client } from '../../client/client.ts';
import { formatTime } from '../../machinery/time.ts';
import { Tokens } from './tokens.ts';

test('a token is kept for 80 % of its life, and then asked for again', async () => {
  const clock = new VirtualClock();
  let asked = 0;
  const client: Pick<Client, 'createSubresource'> = {
    createSubresource: async () => ({ status: { token: `t${++asked}`, expirationTimestamp: formatTime(clock.now() + 1_000_000) } }),
  };
  const tokens = new Tokens(client, clock);
  const get = async (): Promise<string> =>
    (await tokens.get({ pod: { uid: 'u', name: 'p', namespace: 'ns' }, resource: serviceAccounts, account: 'a', audience: '', expirationSeconds: 1_000 }))
      .token;
  const drain = async (): Promise<void> => {};
  assert.equal(await get(), 't1');
  await clock.advance(799_000, drain);
  assert.equal(await get(), 't1');
  await clock.advance(1_001, drain);
  assert.equal(await get(), 't2');
  tokens.forget('u');
  assert.equal(await get(), 't3');
});
