import assert from 'node:assert/strict';
import { test } from 'node:test';
import { persistentVolumeClaims, persistentVolumes } from '../../api/gen/resources.ts';
import { storageObjectInUseProtection } from './storage-object-in-use-protection.ts';
import { requestOf, run } from './testing.ts';

test('StorageObjectInUseProtection', async () => {
  for (const [resource, finalizer] of [
    [persistentVolumeClaims, 'kubernetes.io/pvc-protection'],
    [persistentVolumes, 'kubernetes.io/pv-protection'],
  ] as const) {
    const out = await run(storageObjectInUseProtection, requestOf({ resource, object: { metadata: { name: 'x', finalizers: ['mine'] } } }));
    assert.deepEqual((out as { metadata: { finalizers: unknown } }).metadata.finalizers, ['mine', finalizer]);
  }
});
