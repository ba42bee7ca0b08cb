import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { classesOfClaim, decideFinalizers } from './attributes-class-protection.ts';

const FINALIZER = 'kubernetes.io/vac-protection';
const vac = (finalizers: readonly string[], going = false) => ({
  metadata: { name: 'gold', finalizers, ...(going ? { deletionTimestamp: '2030-01-01T00:00:00Z' } : {}) },
  driverName: 'x',
});

describe('the protection of attribute classes', () => {
  const rows = [
    ['a new one is protected', vac([]), false, [FINALIZER]],
    ['one that is protected is left alone', vac([FINALIZER]), false, undefined],
    ['deleted, in use: it stays', vac([FINALIZER], true), true, undefined],
    ['deleted, not in use: it goes, and what others hold stays', vac(['a.b/c', FINALIZER], true), false, ['a.b/c']],
    ['let go already', vac(['a.b/c'], true), false, undefined],
  ] as const;
  for (const [sentence, of, inUse, finalizers] of rows) it(sentence, () => assert.deepEqual(decideFinalizers(of, inUse), finalizers));

  it('a claim uses what it has, what it wants and what it is on its way to', () => {
    assert.deepEqual(
      classesOfClaim({
        spec: { volumeAttributesClassName: 'gold' },
        status: { currentVolumeAttributesClassName: 'silver', modifyVolumeStatus: { status: 'InProgress', targetVolumeAttributesClassName: 'gold' } },
      }),
      ['gold', 'silver'],
    );
    assert.deepEqual(classesOfClaim({ spec: { volumeAttributesClassName: '' } }), []);
  });
});
