import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PersistentVolumeClaim, Pod } from '../api/gen/types/core.v1.ts';
import { decide } from './ephemeral-volume.ts';

const POD: Pod = {
  metadata: { name: 'p', namespace: 'ns', uid: 'u' },
  spec: {
    containers: [],
    volumes: [
      { name: 'v', ephemeral: { volumeClaimTemplate: { metadata: { labels: { a: 'b' } }, spec: { accessModes: ['ReadWriteOnce'] } } } },
      { name: 'e', emptyDir: {} },
    ],
  },
};
const owned = (uid: string): PersistentVolumeClaim => ({
  metadata: { name: 'p-v', ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid, controller: true }] },
});

test('a claim is made for each ephemeral volume, owned by the pod', () => {
  const { create, foreign } = decide({ pod: POD, claim: () => undefined });
  assert.deepEqual(foreign, []);
  assert.deepEqual(create, [
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {
        name: 'p-v',
        namespace: 'ns',
        labels: { a: 'b' },
        ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u', controller: true, blockOwnerDeletion: true }],
      },
      spec: { accessModes: ['ReadWriteOnce'] },
    },
  ]);
});

test('one that is there is kept; one of another owner is left alone', () => {
  assert.deepEqual(decide({ pod: POD, claim: () => owned('u') }), { create: [], foreign: [] });
  assert.deepEqual(decide({ pod: POD, claim: () => owned('other') }), { create: [], foreign: ['p-v'] });
});

test('a pod that is being deleted gets none', () => {
  assert.deepEqual(decide({ pod: { ...POD, metadata: { ...POD.metadata, deletionTimestamp: '2030-01-01T00:00:00Z' } }, claim: () => undefined }), {
    create: [],
    foreign: [],
  });
});
