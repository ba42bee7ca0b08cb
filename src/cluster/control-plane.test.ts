import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hmacKeys } from './node-keys.ts';
import { silentLog } from '../base/log.ts';
import { SeededRandom } from '../base/random.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import type { Projection } from '../apiserver/codec/projection.ts';
import { openMemoryStore } from '../store/memory.ts';
import { defaultStoreSettings } from '../store/settings.ts';
import { ControlPlane } from './control-plane.ts';

test('a control plane that can not be made closes the store that it opened', async () => {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  let closed = 0;
  await assert.rejects(
    ControlPlane.open({
      clock,
      random,
      keys: hmacKeys(new Uint8Array(32), random),
      log: silentLog,
      openStore: async () => {
        const store = openMemoryStore<Projection>({ clock, settings: defaultStoreSettings });
        const close = store[Symbol.asyncDispose].bind(store);
        store[Symbol.asyncDispose] = async () => {
          closed++;
          await close();
        };
        return store;
      },
      yieldToLoop: async () => {},
      addresses: () => ({ serviceIp: '10.96.0.1', serviceCidr: '10.96.0.0/16', advertiseIp: '192.0.2.1', port: 6443 }),
      caPem: '',
      serviceCidr: '10.0.0.0/40',
      nodePorts: { first: 30000, last: 32767 },
      runtimeConfig: {},
    }),
    /no usable range/,
  );
  assert.equal(closed, 1);
});
