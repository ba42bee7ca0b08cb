import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PersistentVolume, Pod } from '../../api/gen/types/core.v1.ts';
import type { VolumeAttachment } from '../../api/gen/types/storage.v1.ts';
import { decideAttach } from './decide.ts';

const volume = (...accessModes: readonly string[]): PersistentVolume => ({
  metadata: { name: 'v' },
  spec: { accessModes, csi: { driver: 'd', volumeHandle: 'h' } },
});
const pod = (node: string, phase = 'Running'): Pod => ({ metadata: { name: `on-${node}` }, spec: { containers: [], nodeName: node }, status: { phase } });
const attached = (node: string): VolumeAttachment => ({
  metadata: { name: `at-${node}` },
  spec: { attacher: 'd', nodeName: node, source: { persistentVolumeName: 'v' } },
});

interface Row {
  readonly says: string;
  readonly volume?: PersistentVolume;
  readonly pods?: readonly Pod[];
  readonly at?: readonly string[];
  readonly inUse?: readonly string[];
  readonly expected: string;
}

const ROWS: readonly Row[] = [
  { says: 'nobody wants it', expected: '' },
  { says: 'a pod wants it', pods: [pod('a')], expected: '+a' },
  { says: 'a pod without a node', pods: [pod('')], expected: '' },
  { says: 'a pod that has ended', pods: [pod('a', 'Succeeded')], at: ['a'], expected: '-a' },
  { says: 'two pods on one node', pods: [pod('a'), pod('a')], at: ['a'], expected: '' },
  { says: 'nobody wants it any more', at: ['a'], expected: '-a' },
  { says: 'nobody wants it any more, and the node still has it mounted', at: ['a'], inUse: ['a'], expected: '' },
  { says: 'it moves, and the old node has it mounted', pods: [pod('b')], at: ['a'], inUse: ['a'], expected: '!b' },
  { says: 'it moves, and the old node is done with it: first let go', pods: [pod('b')], at: ['a'], expected: '-a !b' },
  { says: 'two nodes at once, for one writer', pods: [pod('b'), pod('a')], expected: '+a !b' },
  { says: 'two nodes at once, shared', volume: volume('ReadWriteMany'), pods: [pod('b'), pod('a')], expected: '+a +b' },
  { says: 'many readers', volume: volume('ReadOnlyMany'), pods: [pod('b')], at: ['a'], inUse: ['a'], expected: '+b' },
];

describe('where a volume is attached', () => {
  for (const { says, volume: given = volume('ReadWriteOnce'), pods = [], at = [], inUse = [], expected } of ROWS) {
    it(says, () => {
      const { create, remove, blocked } = decideAttach({
        volume: given,
        driver: undefined,
        pods,
        attachments: at.map(attached),
        inUse: (node) => inUse.includes(node),
      });
      const words = [
        ...create.map(({ node }) => `+${node}`),
        ...remove.map((name) => name.replace('at-', '-')),
        ...blocked.map(({ pod: waiting }) => `!${waiting.spec?.nodeName}`),
      ];
      assert.equal(words.join(' '), expected);
    });
  }

  it('a driver that wants none gets none', () => {
    const { create } = decideAttach({
      volume: volume('ReadWriteOnce'),
      driver: { spec: { attachRequired: false } },
      pods: [pod('a')],
      attachments: [],
      inUse: () => false,
    });
    assert.deepEqual(create, []);
  });
});
