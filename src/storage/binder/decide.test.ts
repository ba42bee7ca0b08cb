import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec } from '../../api/gen/types/core.v1.ts';
import type { StorageClass } from '../../api/gen/types/storage.v1.ts';
import { BIND_COMPLETED, BOUND_BY_CONTROLLER, PROVISIONED_BY, SELECTED_NODE } from '../../api/core/persistent-volume.rules.ts';
import { decideClaim } from './decide-claim.ts';
import { decideVolume } from './decide-volume.ts';

interface ClaimGiven {
  /** `none`: the claim names no class. */
  readonly className?: string;
  readonly volumeName?: string;
  readonly annotations?: Record<string, string>;
  readonly phase?: string;
  readonly going?: boolean;
}

function claim({ className = '', volumeName, annotations = {}, phase = 'Pending', going = false }: ClaimGiven = {}): PersistentVolumeClaim {
  const named = className !== 'none';
  return {
    metadata: { name: 'c', namespace: 'ns', uid: 'u1', annotations, ...(going ? { deletionTimestamp: '2030-01-01T00:00:00Z' } : {}) },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
      ...(named ? { storageClassName: className } : {}),
      ...(volumeName === undefined ? {} : { volumeName }),
    },
    status: { phase },
  };
}

function volume(spec: Partial<PersistentVolumeSpec> & { readonly phase?: string; readonly annotations?: Record<string, string> } = {}): PersistentVolume {
  const { phase = 'Available', annotations = {}, ...rest } = spec;
  return {
    metadata: { name: 'v', annotations },
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: '', capacity: { storage: '1Gi' }, ...rest },
    status: { phase },
  };
}

const storageClass = (name: string, more: Partial<StorageClass> = {}): StorageClass => ({
  metadata: { name },
  provisioner: 'pool.berth.dev',
  volumeBindingMode: 'WaitForFirstConsumer',
  ...more,
});
const CLASSES = [
  storageClass('berth'),
  storageClass('now', { volumeBindingMode: 'Immediate' }),
  storageClass('by-hand-later', { provisioner: 'kubernetes.io/no-provisioner' }),
  storageClass('by-hand', { provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: 'Immediate' }),
];
const REF = { name: 'c', namespace: 'ns', uid: 'u1' };

interface Row {
  readonly says: string;
  readonly claim: PersistentVolumeClaim;
  readonly volumes?: readonly PersistentVolume[];
  readonly taken?: boolean;
  readonly byDefault?: string;
  readonly pods?: readonly string[];
  readonly consumerNode?: string;
  readonly expected: string;
}

const DONE = { [BIND_COMPLETED]: 'yes' };

const ROWS: readonly Row[] = [
  {
    says: 'no class, no default, no volume',
    claim: claim({ className: 'none' }),
    expected: 'wait Normal FailedBinding no persistent volumes available for this claim and no storage class is set',
  },
  { says: 'no class, and a default', claim: claim({ className: 'none' }), byDefault: 'berth', expected: 'default-class berth' },
  {
    says: 'the empty class keeps the default away',
    claim: claim(),
    byDefault: 'berth',
    expected: 'wait Normal FailedBinding no persistent volumes available for this claim and no storage class is set',
  },
  { says: 'a volume that fits', claim: claim(), volumes: [volume()], expected: 'bind v' },
  {
    says: 'a volume that another pass takes',
    claim: claim(),
    volumes: [volume()],
    taken: true,
    expected: 'wait Normal FailedBinding no persistent volumes available for this claim and no storage class is set',
  },
  {
    says: 'a class that waits',
    claim: claim({ className: 'berth' }),
    volumes: [volume({ storageClassName: 'berth' })],
    expected: 'wait Normal WaitForFirstConsumer waiting for first consumer to be created before binding',
  },
  {
    says: 'a class that waits, and a pod',
    claim: claim({ className: 'berth' }),
    pods: ['p'],
    expected: 'wait Normal WaitForPodScheduled waiting for pod p to be scheduled',
  },
  {
    says: 'a class that waits, and pods',
    claim: claim({ className: 'berth' }),
    pods: ['p', 'q'],
    expected: 'wait Normal WaitForPodScheduled waiting for pods p,q to be scheduled',
  },
  { says: 'a class that waits, and a pod that has its node already', claim: claim({ className: 'berth' }), consumerNode: 'n', expected: 'select-node n' },
  {
    says: 'a class that waits and makes none, and a pod that has its node already',
    claim: claim({ className: 'by-hand-later' }),
    consumerNode: 'n',
    expected: 'wait Normal WaitForFirstConsumer waiting for first consumer to be created before binding',
  },
  { says: 'a class that waits, and a node', claim: claim({ className: 'berth', annotations: { [SELECTED_NODE]: 'n' } }), expected: 'provision pool.berth.dev' },
  {
    says: 'a class that waits, and the volume that was made',
    claim: claim({ className: 'berth', annotations: { [SELECTED_NODE]: 'n' } }),
    volumes: [volume({ storageClassName: 'berth', phase: 'Pending', claimRef: REF })],
    expected: 'bind v',
  },
  { says: 'an immediate class', claim: claim({ className: 'now' }), expected: 'provision pool.berth.dev' },
  {
    says: 'an immediate class takes a volume that is there',
    claim: claim({ className: 'now' }),
    volumes: [volume({ storageClassName: 'now' })],
    expected: 'bind v',
  },
  {
    says: 'a class that is not there',
    claim: claim({ className: 'gone' }),
    expected: 'wait Warning ProvisioningFailed storageclass.storage.k8s.io "gone" not found',
  },
  {
    says: 'a class of volumes made by hand',
    claim: claim({ className: 'by-hand' }),
    expected: 'wait Normal FailedBinding no persistent volumes available for this claim, and the storage class "by-hand" makes none',
  },
  { says: 'deleted before it was bound', claim: claim({ className: 'now', going: true }), expected: 'nothing' },
  { says: 'names a volume that is not there', claim: claim({ volumeName: 'v' }), expected: 'wait Warning FailedBinding volume "v" not found' },
  { says: 'names a volume that is free', claim: claim({ volumeName: 'v' }), volumes: [volume()], expected: 'bind v' },
  {
    says: 'names a volume that is too small',
    claim: claim({ volumeName: 'v' }),
    volumes: [volume({ capacity: { storage: '1Mi' } })],
    expected: 'wait Warning VolumeMismatch Cannot bind to requested volume "v": requested PV is too small',
  },
  {
    says: "names a volume that is another's",
    claim: claim({ volumeName: 'v' }),
    volumes: [volume({ claimRef: { ...REF, uid: 'u2' } })],
    expected: 'wait Warning FailedBinding volume "v" already bound to a different claim.',
  },
  {
    says: 'half bound by a pass that was killed',
    claim: claim({ volumeName: 'v', annotations: DONE }),
    volumes: [volume({ claimRef: REF, phase: 'Bound' })],
    expected: 'bind v',
  },
  {
    says: 'bound',
    claim: claim({ volumeName: 'v', annotations: DONE, phase: 'Bound' }),
    volumes: [volume({ claimRef: REF, phase: 'Bound' })],
    expected: 'nothing',
  },
  {
    says: 'bound to what has gone',
    claim: claim({ volumeName: 'v', annotations: DONE, phase: 'Bound' }),
    expected: 'lose Warning ClaimLost Bound claim has lost its PersistentVolume. Data on the volume is lost!',
  },
  {
    says: 'bound to nothing any more',
    claim: claim({ annotations: DONE, phase: 'Bound' }),
    expected: 'lose Warning ClaimLost Bound claim has lost reference to PersistentVolume. Data on the volume is lost!',
  },
  {
    says: "bound to what is another's",
    claim: claim({ volumeName: 'v', annotations: DONE, phase: 'Bound' }),
    volumes: [volume({ claimRef: { ...REF, uid: 'u2' } })],
    expected: 'lose Warning ClaimMisbound Two claims are bound to the same volume, this one is bound incorrectly',
  },
  { says: 'bound, and the volume forgot it', claim: claim({ volumeName: 'v', annotations: DONE, phase: 'Bound' }), volumes: [volume()], expected: 'bind v' },
];

describe('what to do about a claim', () => {
  for (const { says, claim: given, volumes = [], taken = false, byDefault, pods = [], consumerNode, expected } of ROWS) {
    it(says, () => {
      const decision = decideClaim({
        claim: given,
        volumes,
        taken: () => taken,
        classNamed: (name) => CLASSES.find(({ metadata }) => metadata?.name === name),
        byDefault: CLASSES.find(({ metadata }) => metadata?.name === byDefault),
        unscheduledPods: pods,
        consumerNode,
      });
      const detail =
        decision.do === 'bind'
          ? decision.volume.metadata?.name
          : decision.do === 'default-class'
            ? decision.className
            : decision.do === 'provision'
              ? decision.provisioner
              : decision.do === 'select-node'
                ? decision.node
                : 'notice' in decision
                  ? `${decision.notice?.type} ${decision.notice?.reason} ${decision.notice?.message}`
                  : undefined;
      assert.equal(detail === undefined ? decision.do : `${decision.do} ${detail}`, expected);
    });
  }
});

const VOLUME_ROWS: readonly (readonly [says: string, volume: PersistentVolume, claim: PersistentVolumeClaim | undefined, expected: object])[] = [
  ['new', volume({ phase: 'Pending' }), undefined, { do: 'phase', phase: 'Available' }],
  ['free', volume(), undefined, { do: 'nothing' }],
  ['held by name, not yet bound', volume({ phase: 'Pending', claimRef: { name: 'c', namespace: 'ns' } }), claim(), { do: 'phase', phase: 'Available' }],
  ['held for a claim that does not name it yet', volume({ claimRef: REF }), claim(), { do: 'nothing' }],
  ['bound, and does not say so', volume({ claimRef: REF }), claim({ volumeName: 'v' }), { do: 'phase', phase: 'Bound' }],
  ['bound', volume({ claimRef: REF, phase: 'Bound' }), claim({ volumeName: 'v' }), { do: 'nothing' }],
  ['its claim has gone', volume({ claimRef: REF, phase: 'Bound' }), undefined, { do: 'phase', phase: 'Released' }],
  ['released, to be kept', volume({ claimRef: REF, phase: 'Released', persistentVolumeReclaimPolicy: 'Retain' }), undefined, { do: 'nothing' }],
  [
    'released, to be deleted by its driver',
    volume({ claimRef: REF, phase: 'Released', persistentVolumeReclaimPolicy: 'Delete', csi: { driver: 'd', volumeHandle: 'h' } }),
    undefined,
    { do: 'nothing' },
  ],
  [
    'released, a directory below /tmp',
    volume({ claimRef: REF, phase: 'Released', persistentVolumeReclaimPolicy: 'Delete', hostPath: { path: '/tmp/x' } }),
    undefined,
    { do: 'delete-host-path', path: '/tmp/x' },
  ],
  [
    'its claim was bound elsewhere, by the binder',
    volume({ claimRef: REF, phase: 'Bound', annotations: { [BOUND_BY_CONTROLLER]: 'yes' } }),
    claim({ volumeName: 'w' }),
    { do: 'unbind', keepName: false },
  ],
  [
    'its claim was bound elsewhere, and a person had chosen this one',
    volume({ claimRef: REF, phase: 'Bound' }),
    claim({ volumeName: 'w' }),
    { do: 'unbind', keepName: true },
  ],
  [
    'made for a claim that was bound elsewhere',
    volume({ claimRef: REF, persistentVolumeReclaimPolicy: 'Delete', annotations: { [PROVISIONED_BY]: 'd' } }),
    claim({ volumeName: 'w' }),
    { do: 'phase', phase: 'Released' },
  ],
];

describe('what to do about a volume', () => {
  for (const [says, given, held, expected] of VOLUME_ROWS) it(says, () => assert.deepEqual(decideVolume(given, held), expected));

  for (const path of ['/data', '/tmp', '/tmp/', '/tmp//', '/tmp/.', '/tmp/./', '/tmp/../etc']) {
    it(`never deletes ${path}`, () => {
      const decision = decideVolume(volume({ claimRef: REF, phase: 'Released', persistentVolumeReclaimPolicy: 'Delete', hostPath: { path } }), undefined);
      assert.equal(
        decision.do === 'phase' ? `${decision.phase} ${decision.message}` : decision.do,
        `Failed host_path deleter only supports /tmp/.+ but received provided ${path}`,
      );
    });
  }

  it('says that recycling is no more', () => {
    const decision = decideVolume(
      volume({ claimRef: REF, phase: 'Released', persistentVolumeReclaimPolicy: 'Recycle', hostPath: { path: '/tmp/x' } }),
      undefined,
    );
    assert.equal(decision.do === 'phase' ? decision.notice?.reason : '', 'VolumeFailedRecycle');
  });
});
