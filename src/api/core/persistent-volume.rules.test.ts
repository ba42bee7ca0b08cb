import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimSpec, PersistentVolumeSpec } from '../gen/types/core.v1.ts';
import {
  bestVolume,
  defaultClass,
  isBoundTo,
  type MatchOptions,
  matchesNodeSelector,
  mismatch,
  requestedStorage,
  volumeCapacity,
} from './persistent-volume.rules.ts';
import { compareQuantities } from '../../machinery/quantity.ts';

const claim = (spec: Partial<PersistentVolumeClaimSpec> & { readonly size?: string } = {}): PersistentVolumeClaim => {
  const { size = '1Gi', ...rest } = spec;
  return {
    metadata: { name: 'c', namespace: 'ns', uid: 'u1' },
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'fast', resources: { requests: { storage: size } }, ...rest },
  };
};

const volume = (
  name: string,
  spec: Partial<PersistentVolumeSpec> & {
    readonly size?: string;
    readonly phase?: string;
    readonly labels?: Record<string, string>;
    readonly going?: boolean;
  } = {},
): PersistentVolume => {
  const { size = '1Gi', phase = 'Available', labels = {}, going = false, ...rest } = spec;
  return {
    metadata: { name, labels, ...(going ? { deletionTimestamp: '2030-01-01T00:00:00Z' } : {}) },
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'fast', capacity: { storage: size }, volumeMode: 'Filesystem', ...rest },
    status: { phase },
  };
};

const onNode = (node: string): PersistentVolumeSpec['nodeAffinity'] => ({
  required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'host', operator: 'In', values: [node] }] }] },
});

const ROWS: readonly (readonly [
  sentence: string,
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  expected: string | undefined,
  options?: MatchOptions,
])[] = [
  ['nothing fits nothing', claim(), [], undefined],
  [
    'the smallest that is large enough',
    claim({ size: '2Gi' }),
    [volume('a', { size: '5Gi' }), volume('b', { size: '3Gi' }), volume('c', { size: '1Gi' })],
    'b',
  ],
  ['sizes are quantities, not texts', claim({ size: '1Gi' }), [volume('a', { size: '1G' }), volume('b', { size: '1100M' })], 'b'],
  ['of equal ones the first by name', claim(), [volume('b'), volume('a')], 'a'],
  ['fewer access modes before size', claim(), [volume('a', { accessModes: ['ReadWriteOnce', 'ReadOnlyMany'] }), volume('b', { size: '9Gi' })], 'b'],
  ['every wanted access mode must be there', claim({ accessModes: ['ReadWriteOnce', 'ReadWriteMany'] }), [volume('a')], undefined],
  ['another class', claim(), [volume('a', { storageClassName: 'slow' })], undefined],
  ['the empty class is a class', claim({ storageClassName: '' }), [volume('a', { storageClassName: '' })], 'a'],
  ['another volume mode', claim({ volumeMode: 'Block' }), [volume('a')], undefined],
  ['not available', claim(), [volume('a', { phase: 'Released' }), volume('b', { phase: 'Pending' })], undefined],
  ['being deleted', claim(), [volume('a', { going: true })], undefined],
  ['held for another claim', claim(), [volume('a', { claimRef: { name: 'other', namespace: 'ns' } })], undefined],
  ['held for a claim of this name that was deleted', claim(), [volume('a', { claimRef: { name: 'c', namespace: 'ns', uid: 'u0' } })], undefined],
  [
    'held for this claim, whatever its class and phase',
    claim(),
    [volume('a'), volume('b', { size: '9Gi', phase: 'Pending', storageClassName: 'slow', claimRef: { name: 'c', namespace: 'ns' } })],
    'b',
  ],
  ['held for this claim, but too small', claim({ size: '2Gi' }), [volume('a', { claimRef: { name: 'c', namespace: 'ns' } })], undefined],
  ['the selector', claim({ selector: { matchLabels: { tier: 'gold' } } }), [volume('a'), volume('b', { size: '2Gi', labels: { tier: 'gold' } })], 'b'],
  ['an empty selector takes anything', claim({ selector: {} }), [volume('a')], 'a'],
  ['waiting for a consumer: nothing that is not held for it', claim(), [volume('a')], undefined, { delayed: true }],
  ['waiting for a consumer: what is held for it', claim(), [volume('a', { claimRef: { name: 'c', namespace: 'ns' } })], 'a', { delayed: true }],
  [
    'on a node: what reaches it',
    claim(),
    [volume('a', { nodeAffinity: onNode('x') }), volume('b', { size: '2Gi', nodeAffinity: onNode('y') })],
    'b',
    { delayed: true, node: { name: 'y', labels: { host: 'y' } } },
  ],
  [
    'on a node: held for it elsewhere is nothing',
    claim(),
    [volume('a', { nodeAffinity: onNode('x'), claimRef: { name: 'c', namespace: 'ns' } }), volume('b')],
    undefined,
    { node: { name: 'y', labels: { host: 'y' } } },
  ],
  ['what others are about to take', claim(), [volume('a'), volume('b', { size: '2Gi' })], 'b', { excluded: ({ metadata }) => metadata?.name === 'a' }],
];

describe('the volume for a claim', () => {
  for (const [sentence, given, volumes, expected, options] of ROWS) {
    it(sentence, () => assert.equal(bestVolume(given, volumes, options)?.metadata?.name, expected));
  }

  it('is large enough, and no smaller one would do, whatever the order', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 64 }), { maxLength: 8 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 64 }), (all, wanted) => {
        const volumes = all.map((size, i) => volume(`v${i}`, { size: `${size}Mi` }));
        const asked = claim({ size: `${wanted}Mi` });
        const found = bestVolume(asked, volumes);
        assert.equal(found?.metadata?.name, bestVolume(asked, volumes.toReversed())?.metadata?.name);
        const enough = volumes.filter((each) => compareQuantities(volumeCapacity(each), requestedStorage(asked)) >= 0);
        if (found === undefined) assert.equal(enough.length, 0);
        else assert.ok(enough.includes(found) && enough.every((each) => compareQuantities(volumeCapacity(each), volumeCapacity(found)) >= 0));
      }),
    );
  });
});

describe('why a named volume is not bound', () => {
  const rows: readonly (readonly [PersistentVolume, PersistentVolumeClaim, string | undefined])[] = [
    [volume('a'), claim(), undefined],
    [volume('a', { phase: 'Pending' }), claim({ selector: { matchLabels: { a: 'b' } } }), undefined],
    [volume('a', { size: '1Mi' }), claim(), 'requested PV is too small'],
    [volume('a', { storageClassName: 'slow' }), claim(), 'storageClassName does not match'],
    [volume('a'), claim({ volumeAttributesClassName: 'gold' }), 'volumeAttributesClassName does not match'],
    [volume('a'), claim({ volumeMode: 'Block' }), 'incompatible volumeMode'],
    [volume('a'), claim({ accessModes: ['ReadWriteMany'] }), 'incompatible accessMode'],
  ];
  for (const [given, asked, expected] of rows) it(expected ?? 'it is', () => assert.equal(mismatch(given, asked), expected));
});

it('a volume is bound to a claim by name and namespace, and by UID once that is known', () => {
  const asked = claim();
  assert.equal(isBoundTo(volume('a'), asked), false);
  assert.equal(isBoundTo(volume('a', { claimRef: { name: 'c', namespace: 'ns' } }), asked), true);
  assert.equal(isBoundTo(volume('a', { claimRef: { name: 'c', namespace: 'ns', uid: 'u1' } }), asked), true);
  assert.equal(isBoundTo(volume('a', { claimRef: { name: 'c', namespace: 'ns', uid: 'u2' } }), asked), false);
  assert.equal(isBoundTo(volume('a', { claimRef: { name: 'c', namespace: 'other' } }), asked), false);
});

it('a node is selected by any term, and within it by all', () => {
  const node = { name: 'n1', labels: { zone: 'a', size: '10' } };
  const selects = (...terms: readonly (readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] }[])[]): boolean =>
    matchesNodeSelector({ nodeSelectorTerms: terms.map((matchExpressions) => ({ matchExpressions })) }, node);
  assert.equal(selects([]), false);
  assert.equal(selects([{ key: 'zone', operator: 'In', values: ['b', 'a'] }]), true);
  assert.equal(selects([{ key: 'zone', operator: 'NotIn', values: ['a'] }], [{ key: 'size', operator: 'Gt', values: ['9'] }]), true);
  assert.equal(
    selects([
      { key: 'zone', operator: 'Exists' },
      { key: 'gpu', operator: 'Exists' },
    ]),
    false,
  );
  assert.equal(selects([{ key: '__proto__', operator: 'Exists' }]), false);
  assert.equal(matchesNodeSelector({ nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }] }, node), true);
});

it('the default class is the youngest of those that say so', () => {
  const made = (name: string, second: number, isDefault: boolean): Parameters<typeof defaultClass>[0][number] => ({
    provisioner: 'p',
    metadata: { name, creationTimestamp: `2030-01-01T00:00:0${second}Z`, annotations: { 'storageclass.kubernetes.io/is-default-class': String(isDefault) } },
  });
  assert.equal(defaultClass([made('a', 1, false)]), undefined);
  assert.equal(defaultClass([made('a', 1, true), made('b', 2, true), made('c', 3, false)])?.metadata?.name, 'b');
  assert.equal(defaultClass([made('b', 1, true), made('a', 1, true)])?.metadata?.name, 'a');
});
