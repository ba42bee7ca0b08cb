import assert from 'node:assert/strict';
import { test } from 'node:test';
import { persistentVolumeClaims, storageClasses } from '../../api/gen/resources.ts';
import { defaultStorageClass } from './default-storage-class.ts';
import { requestOf, run, stored } from './testing.ts';

test('DefaultStorageClass takes the newest default and leaves an empty name', async () => {
  const mark = (time: string) => ({ metadata: { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' }, creationTimestamp: time } });
  const objects = [
    stored(storageClasses, 'old', mark('2026-01-01T00:00:00Z')),
    stored(storageClasses, 'new', mark('2026-02-01T00:00:00Z')),
    stored(storageClasses, 'other'),
  ];
  const rows: readonly (readonly [object, string | undefined, object?])[] = [
    [{}, 'new'],
    [{ storageClassName: '' }, ''],
    [{ storageClassName: 'other' }, 'other'],
    [{}, undefined, { annotations: { 'volume.beta.kubernetes.io/storage-class': 'x' } }],
  ];
  for (const [spec, expected, metadata = {}] of rows) {
    const out = await run(
      defaultStorageClass,
      requestOf({ resource: persistentVolumeClaims, object: { metadata: { name: 'c', ...metadata }, spec }, objects }),
    );
    assert.equal((out as { spec: { storageClassName?: string } }).spec.storageClassName, expected);
  }
});
