import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LETTING_GO } from '../api/core/persistent-volume.rules.ts';
import type { PersistentVolumeClaim } from '../api/gen/types/core.v1.ts';
import { CLAIM_FINALIZER, decideAnnounced, decideClaim } from './volume-protection.ts';

const claim = ({ going = false, held = true, announced = false }): PersistentVolumeClaim => ({
  metadata: {
    name: 'data',
    finalizers: held ? [CLAIM_FINALIZER] : ['example.com/other'],
    annotations: announced ? { [LETTING_GO]: 'true' } : {},
    ...(going ? { deletionTimestamp: '2030-01-01T00:00:00Z' } : {}),
  },
});

describe('the protection of claims', () => {
  const rows: readonly (readonly [sentence: string, claim: PersistentVolumeClaim, inUse: boolean, decision: string])[] = [
    ['a new claim is protected', claim({ held: false }), false, 'protect'],
    ['one that is protected is left alone', claim({}), false, 'nothing'],
    ['deleted, in use: it stays', claim({ going: true }), true, 'nothing'],
    ['deleted, not in use: first it says that it goes', claim({ going: true }), false, 'announce'],
    ['it has said so: the server is asked for pods that were placed before', claim({ going: true, announced: true }), false, 'look'],
    ['it has said so, and a pod was faster', claim({ going: true, announced: true }), true, 'withdraw'],
    ['let go already, and held by somebody else', claim({ going: true, held: false, announced: true }), false, 'nothing'],
  ];
  for (const [sentence, of, inUse, decision] of rows) it(sentence, () => assert.equal(decideClaim(of, inUse).do, decision));
  it('asked: a pod was placed before', () => assert.equal(decideAnnounced(true).do, 'withdraw'));
  it('asked: none was', () => assert.equal(decideAnnounced(false).do, 'let-go'));
});
