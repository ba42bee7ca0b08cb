import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod } from '../api/gen/types/core.v1.ts';
import { silentLog } from '../base/log.ts';
import { SeededRandom } from '../base/random.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import type { Client } from '../client/client.ts';
import type { ComponentOptions, EventRecorder, Informers } from '../client/component.ts';
import type { ChangeHandler, Informer } from '../client/informer.ts';
import type { KubeObject, Stored } from '../machinery/object.ts';
import { startScheduler } from './scheduler.ts';

const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const pod = (name: string): Stored<Pod> => ({
  metadata: { name, namespace: 'default', uid: name, resourceVersion: '1' },
  spec: { schedulerName: 'default-scheduler', containers: [{ name: 'main', image: 'i' }] },
  status: { phase: 'Pending' },
});

/** A scheduler over caches that are filled by hand, in a cluster without nodes: what it tries, it says it can't place. */
async function world(): Promise<{
  readonly tell: ChangeHandler<Pod>;
  readonly sync: () => void;
  readonly tried: string[];
  readonly end: () => PromiseLike<void>;
}> {
  const synced = Promise.withResolvers<void>();
  const tell: ChangeHandler<Pod> = {};
  const tried: string[] = [];
  const informerOf = (resource: string): Informer<KubeObject> => ({
    resource,
    synced: true,
    whenSynced: () => synced.promise,
    get: () => undefined,
    list: () => [],
    byIndex: () => [],
    onChange: (handler) => {
      if (resource === 'pods' && tell.added === undefined) Object.assign(tell, handler);
      return { [Symbol.dispose]: () => {} };
    },
  });
  const informers = { of: ({ resource }: { readonly resource: string }) => informerOf(resource) } as unknown as Informers;
  const recorder: EventRecorder = { as: () => recorder, event: ({ metadata }) => void tried.push(metadata?.name ?? '') };
  const client = { patch: async () => ({}) } as unknown as Client;
  const options: ComponentOptions = { client, informers, recorder, clock: new VirtualClock(), random: new SeededRandom(1), log: silentLog };
  const scheduler = await startScheduler(options);
  return { tell, sync: () => synced.resolve(), tried, end: () => scheduler[Symbol.asyncDispose]() };
}

describe('the loop of the scheduler', () => {
  for (let turns = 0; turns < 12; turns++) {
    it(`a pod that comes ${turns} promises after the caches are filled is tried`, async () => {
      const { tell, sync, tried, end } = await world();
      sync();
      for (let i = 0; i < turns; i++) await Promise.resolve();
      tell.added?.(pod('a'));
      await drain();
      assert.deepEqual(tried, ['a']);
      await end();
    });
  }
});
