import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Pod } from '../api/gen/types/core.v1.ts';
import { silentLog } from '../base/log.ts';
import { SeededRandom } from '../base/random.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import type { ComponentOptions } from '../client/component.ts';
import type { Informer } from '../client/informer.ts';
import type { Stored } from '../machinery/object.ts';
import { StatusError } from '../machinery/status-error.ts';
import { QUARANTINE_MS, startPodCollector } from './pod-gc.ts';

const POD: Stored<Pod> = { metadata: { name: 'p', namespace: 'ns', uid: 'u', resourceVersion: '1' }, spec: { nodeName: 'n', containers: [] } };

const nobody = { [Symbol.dispose]: (): void => {} };

/** Whether the pod is deleted within two quarantines when the cache lacks its node, and the server has it or not. */
async function isDeleted(nodeLives: boolean): Promise<boolean> {
  let deleted = false;
  const clock = new VirtualClock();
  const pods: Partial<Informer<Pod>> = {
    whenSynced: async () => {},
    get: () => (deleted ? undefined : POD),
    onChange: ({ added }) => {
      added?.(POD);
      return nobody;
    },
  };
  const nodes: Partial<Informer<Node>> = { whenSynced: async () => {}, get: () => undefined, onChange: () => nobody };
  const client = {
    get: async () => {
      if (!nodeLives) throw new StatusError('NotFound', 'nodes "n" not found');
      return { metadata: { name: 'n' } };
    },
    delete: async () => {
      deleted = true;
      return {};
    },
  };
  const informers = { of: ({ resource }: { readonly resource: string }) => (resource === 'pods' ? pods : nodes) };
  await using _ = startPodCollector({ client, informers, clock, random: new SeededRandom(1), log: silentLog } as unknown as ComponentOptions);
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  await settle();
  await clock.advance(2 * QUARANTINE_MS, settle);
  return deleted;
}

test('a pod whose node has gone is deleted after the quarantine', async () => assert.equal(await isDeleted(false), true));

test('a pod whose node only the cache lacks is left alone', async () => assert.equal(await isDeleted(true), false));
