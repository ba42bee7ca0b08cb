import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Namespace } from '../api/gen/types/core.v1.ts';
import { configMaps } from '../api/gen/resources.ts';
import { silentLog } from '../base/log.ts';
import { SeededRandom } from '../base/random.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import type { ComponentOptions } from '../client/component.ts';
import type { Informer } from '../client/informer.ts';
import type { Stored } from '../machinery/object.ts';
import { startNamespaceController } from './namespace.ts';

const going = (uid: string): Stored<Namespace> => ({
  metadata: { name: 'shop', uid, resourceVersion: '1', deletionTimestamp: '2030-01-01T00:00:00Z' },
  spec: { finalizers: ['kubernetes'] },
  status: { phase: 'Terminating' },
});
const fresh: Stored<Namespace> = {
  metadata: { name: 'shop', uid: 'new', resourceVersion: '9' },
  spec: { finalizers: ['kubernetes'] },
  status: { phase: 'Active' },
};

/** What the controller asks of the server when its cache shows `cached` and the server has `live`. */
async function asked(cached: Stored<Namespace>, live: Stored<Namespace>): Promise<readonly string[]> {
  const calls: string[] = [];
  const client = {
    get: async () => live,
    list: async () => ({ items: [{ metadata: { name: 'c' } }] }),
    updateStatus: async () => live,
    raw: async (method: string, path: string) => void calls.push(`${method} ${path}`),
  };
  const informer: Partial<Informer<Namespace>> = {
    whenSynced: async () => {},
    get: () => cached,
    onChange: ({ added }) => {
      added?.(cached);
      return { [Symbol.dispose]: () => {} };
    },
  };
  const options = { client, informers: { of: () => informer }, clock: new VirtualClock(), random: new SeededRandom(1), log: silentLog };
  await using _ = startNamespaceController(options as unknown as ComponentOptions, {
    namespaced: () => [configMaps],
    all: () => [configMaps],
    refresh: async () => [],
    onChange: () => ({ [Symbol.dispose]: () => {} }),
  });
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
  return calls;
}

test('a namespace that is going is emptied', async () => {
  assert.deepEqual(await asked(going('old'), going('old')), ['DELETE /api/v1/namespaces/shop/configmaps']);
});

test('a new one of the same name is left alone, although the cache still shows the old one', async () => {
  assert.deepEqual(await asked(going('old'), fresh), []);
});
