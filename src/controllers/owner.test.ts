import assert from 'node:assert/strict';
import { test } from 'node:test';
import { replicaSets } from '../api/gen/resources.ts';
import type { ReplicaSet } from '../api/gen/types/apps.v1.ts';
import type { Client } from '../client/client.ts';
import type { Stored } from '../machinery/object.ts';
import { StatusError } from '../machinery/status-error.ts';
import { adoptable } from './owner.ts';

const set = (uid: string, deletionTimestamp?: string): Stored<ReplicaSet> => ({
  metadata: { name: 'web', namespace: 'ns', uid, resourceVersion: '1', ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }) },
});

/** A server on which the set is as given; undefined: not there. */
function server(live: Stored<ReplicaSet> | undefined): Client {
  const parts = {
    get: async () => {
      if (live === undefined) throw new StatusError('NotFound', 'replicasets.apps "web" not found');
      return live;
    },
  };
  return parts as unknown as Client;
}

const ROWS: readonly (readonly [sentence: string, live: Stored<ReplicaSet> | undefined, taken: readonly string[]])[] = [
  ['the owner lives: they are taken over', set('u'), ['a', 'b']],
  ['the owner is going, and the cache does not say so yet: what was set free stays free', set('u', '2030-01-01T00:00:00Z'), []],
  ['another one bears its name by now', set('other'), []],
  ['the owner is gone', undefined, []],
];

for (const [sentence, live, taken] of ROWS) {
  test(`orphans: ${sentence}`, async () => assert.deepEqual(await adoptable(server(live), replicaSets, set('u'), ['a', 'b']), taken));
}
