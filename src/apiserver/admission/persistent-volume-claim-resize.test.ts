import assert from 'node:assert/strict';
import { test } from 'node:test';
import { persistentVolumeClaims, storageClasses } from '../../api/gen/resources.ts';
import { persistentVolumeClaimResize } from './persistent-volume-claim-resize.ts';
import { type RequestParts, requestOf, run, stored } from './testing.ts';

const refusal = async (plugin: Parameters<typeof run>[0], parts: RequestParts): Promise<string | undefined> => {
  const result = await run(plugin, requestOf(parts));
  return typeof result === 'string' ? result : undefined;
};

test('PersistentVolumeClaimResize', async () => {
  const claim = (size: string, phase = 'Bound', storageClassName = 'grows') => ({
    metadata: { name: 'c' },
    spec: { storageClassName, resources: { requests: { storage: size } } },
    status: { phase },
  });
  const objects = [stored(storageClasses, 'grows', { allowVolumeExpansion: true }), stored(storageClasses, 'stays', {})];
  const grow = (object: object, old: object) =>
    refusal(persistentVolumeClaimResize, { operation: 'UPDATE', resource: persistentVolumeClaims, object, old, objects });
  assert.equal(await grow(claim('2Gi'), claim('1Gi')), undefined);
  assert.equal(
    await grow(claim('2Gi'), claim('1Gi', 'Pending')),
    'persistentvolumeclaims "c" is forbidden: Only bound persistent volume claims can be expanded',
  );
  assert.match((await grow(claim('2Gi', 'Bound', 'stays'), claim('1Gi', 'Bound', 'stays'))) ?? '', /must support resize$/);
  assert.equal(await grow(claim('1Gi', 'Bound', 'stays'), claim('1024Mi', 'Bound', 'stays')), undefined);
});
