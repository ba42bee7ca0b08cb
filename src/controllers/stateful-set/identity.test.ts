import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StatefulSet } from '../../api/gen/types/apps.v1.ts';
import type { PersistentVolumeClaim } from '../../api/gen/types/core.v1.ts';
import type { OwnerReference, Stored } from '../../machinery/object.ts';
import { ownersOfClaim } from './identity.ts';

const set = (whenDeleted: 'Delete' | 'Retain'): Stored<StatefulSet> => ({
  metadata: { name: 'web', namespace: 'ns', uid: 'u', resourceVersion: '1' },
  spec: {
    selector: {},
    template: {},
    volumeClaimTemplates: [{ metadata: { name: 'data' } }],
    persistentVolumeClaimRetentionPolicy: { whenDeleted },
  },
});
const OWN: OwnerReference = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'web', uid: 'u', blockOwnerDeletion: true };
const OTHER: OwnerReference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'c', uid: 'c' };
const MANAGED: OwnerReference = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'p', controller: true };
const claim = (ownerReferences: readonly OwnerReference[], name = 'data-web-0', going = false): Stored<PersistentVolumeClaim> => ({
  metadata: { name, namespace: 'ns', uid: name, resourceVersion: '1', ownerReferences, ...(going ? { deletionTimestamp: '2030-01-01T00:00:00Z' } : {}) },
});

describe('the owners of a claim follow the policy of the set', () => {
  const rows: readonly (readonly [
    sentence: string,
    policy: 'Delete' | 'Retain',
    claim: Stored<PersistentVolumeClaim>,
    owners: readonly OwnerReference[] | undefined,
  ])[] = [
    ['no longer to go with the set: it is let go, and its data stays', 'Retain', claim([OWN]), []],
    ['other owners are kept', 'Retain', claim([OTHER, OWN]), [OTHER]],
    ['it stays, as it should', 'Retain', claim([]), undefined],
    ['from now on it goes with the set', 'Delete', claim([OTHER]), [OTHER, OWN]],
    ['it goes with the set, as it should', 'Delete', claim([OWN]), undefined],
    ['it is managed by somebody else', 'Delete', claim([MANAGED]), undefined],
    ['it is none of the set', 'Delete', claim([], 'data-web-1-0'), undefined],
    ['it is going already', 'Retain', claim([OWN], 'data-web-0', true), undefined],
  ];
  for (const [sentence, policy, given, owners] of rows) it(sentence, () => assert.deepEqual(ownersOfClaim(set(policy), given), owners));
});
