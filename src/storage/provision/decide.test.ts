import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../../api/gen/types/core.v1.ts';
import type { StorageClass } from '../../api/gen/types/storage.v1.ts';
import { PROVISIONED_BY, SELECTED_NODE } from '../../api/core/persistent-volume.rules.ts';
import { decideDeletion, decideProvision, DELETION_FINALIZER, type Provisioner, volumeObject } from './decide.ts';

const HERE: Provisioner = { driver: 'pool.berth.dev', node: 'n1', topology: { 'topology.berth.dev/node': 'n1' }, alone: true };

function claim(
  spec: Partial<PersistentVolumeClaimSpec> & { readonly node?: string; readonly phase?: string; readonly going?: boolean } = {},
): PersistentVolumeClaim {
  const { node, phase = 'Pending', going = false, ...rest } = spec;
  return {
    metadata: {
      name: 'c',
      namespace: 'ns',
      uid: 'u1',
      resourceVersion: '7',
      ...(node === undefined ? {} : { annotations: { [SELECTED_NODE]: node } }),
      ...(going ? { deletionTimestamp: '2030-01-01T00:00:00Z' } : {}),
    },
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'berth', resources: { requests: { storage: '64Mi' } }, ...rest },
    status: { phase },
  };
}

const WAITS: StorageClass = { metadata: { name: 'berth' }, provisioner: 'pool.berth.dev', volumeBindingMode: 'WaitForFirstConsumer' };
const NOW: StorageClass = { ...WAITS, volumeBindingMode: 'Immediate' };
const only = (values: readonly string[]): StorageClass => ({
  ...NOW,
  allowedTopologies: [{ matchLabelExpressions: [{ key: 'topology.berth.dev/node', values }] }],
});

const ROWS: readonly (readonly [
  says: string,
  claim: PersistentVolumeClaim,
  storageClass: StorageClass | undefined,
  expected: string,
  provisioner?: Provisioner,
])[] = [
  ['no class', claim(), undefined, 'nothing'],
  ["another driver's class", claim(), { ...NOW, provisioner: 'other' }, 'nothing'],
  ['waits for a node', claim(), WAITS, 'nothing'],
  ['this node was chosen', claim({ node: 'n1' }), WAITS, 'create'],
  ['another node was chosen', claim({ node: 'n2' }), WAITS, 'nothing'],
  ['any node, and this is the only one', claim(), NOW, 'create'],
  ['any node, and there are others: it is taken first', claim(), NOW, 'take', { ...HERE, alone: false }],
  ['any node of the class, and this is one', claim(), only(['n1', 'n2']), 'create'],
  ['any node of the class, and this is none', claim(), only(['n2']), 'nothing'],
  ['bound already', claim({ volumeName: 'v' }), NOW, 'nothing'],
  ['deleted', claim({ going: true }), NOW, 'nothing'],
  ['a mode that nobody knows', claim({ accessModes: ['ReadSometimes'] }), NOW, 'refuse access modes ReadSometimes are not known'],
  ['a copy of a claim', claim({ dataSource: { kind: 'PersistentVolumeClaim', name: 'source' } }), NOW, 'create'],
  [
    'a copy of a claim that has no volume here',
    claim({ dataSource: { kind: 'PersistentVolumeClaim', name: 'other' } }),
    NOW,
    "refuse the claim other, which is to be copied, is not bound to a volume of this class's driver",
  ],
  [
    'a copy of something else',
    claim({ dataSource: { apiGroup: 'example.com', kind: 'Tape', name: 't' } }),
    NOW,
    'refuse a data source of kind Tape in example.com is not supported',
  ],
];

describe('whether this node makes a volume for a claim', () => {
  for (const [says, given, storageClass, expected, provisioner = HERE] of ROWS) {
    it(says, () => {
      const decision = decideProvision({ claim: given, storageClass, provisioner, sourceHandle: (name) => (name === 'source' ? 'pvc-s' : undefined) });
      assert.equal(decision.do === 'refuse' ? `refuse ${decision.message}` : decision.do, expected);
    });
  }

  it('asks the driver for what claim and class say', () => {
    const storageClass = { ...NOW, parameters: { 'csi.storage.k8s.io/fstype': 'ext4', speed: 'high' }, mountOptions: ['noatime'] };
    const decision = decideProvision({ claim: claim({ accessModes: ['ReadWriteOncePod'] }), storageClass, provisioner: HERE, sourceHandle: () => undefined });
    assert.deepEqual(decision, {
      do: 'create',
      request: {
        name: 'pvc-u1',
        requiredBytes: 64 * 2 ** 20,
        capabilities: [{ access: 'single-node-single-writer', as: { type: 'mount', fsType: 'ext4', mountFlags: ['noatime'] } }],
        parameters: { speed: 'high', 'csi.storage.k8s.io/pvc/name': 'c', 'csi.storage.k8s.io/pvc/namespace': 'ns', 'csi.storage.k8s.io/pv/name': 'pvc-u1' },
        topology: { requisite: [HERE.topology], preferred: [HERE.topology] },
      },
    });
  });

  it('a volume that turned out larger says so, and is held for its claim', () => {
    const { spec } = volumeObject(claim(), NOW, HERE, { volumeId: 'h', capacityBytes: 2 ** 30, context: { a: 'b' }, topology: [HERE.topology] });
    assert.deepEqual(spec?.capacity, { storage: '1Gi' });
    assert.deepEqual(spec?.claimRef, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: 'ns', name: 'c', uid: 'u1', resourceVersion: '7' });
    assert.deepEqual(spec?.csi, { driver: 'pool.berth.dev', volumeHandle: 'h', volumeAttributes: { a: 'b' } });
    assert.equal(spec?.persistentVolumeReclaimPolicy, 'Delete');
  });
});

const going = (of: PersistentVolume): PersistentVolume => ({ ...of, metadata: { ...of.metadata, deletionTimestamp: '2030-01-01T00:00:00Z' } });

describe('whether the bytes of a volume go', () => {
  const volume = (phase: string, policy: string, driver = 'pool.berth.dev', finalizers = [DELETION_FINALIZER]): PersistentVolume => ({
    metadata: { name: 'v', annotations: { [PROVISIONED_BY]: driver }, finalizers },
    spec: { csi: { driver, volumeHandle: 'h' }, persistentVolumeReclaimPolicy: policy },
    status: { phase },
  });
  const rows: readonly (readonly [says: string, volume: PersistentVolume, isHere: boolean, expected: string])[] = [
    ['bound', volume('Bound', 'Delete'), true, 'nothing'],
    ['released', volume('Released', 'Delete'), true, 'delete'],
    ['released, on another node', volume('Released', 'Delete'), false, 'nothing'],
    ["released, another driver's", volume('Released', 'Delete', 'other'), true, 'nothing'],
    ['released, to be kept', volume('Released', 'Retain'), true, 'drop-finalizer'],
    ['released, to be kept, and nothing holds it', volume('Released', 'Retain', 'pool.berth.dev', []), true, 'nothing'],
    ['could not be deleted before', volume('Failed', 'Delete'), true, 'delete'],
    ['deleted already, and held by others only', going(volume('Released', 'Delete', 'pool.berth.dev', ['kubernetes.io/pv-protection'])), true, 'nothing'],
  ];
  for (const [says, given, isHere, expected] of rows) it(says, () => assert.equal(decideDeletion(given, HERE, isHere).do, expected));
});
