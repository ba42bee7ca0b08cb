import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Node, Pod, Taint, Toleration } from '../api/gen/types/core.v1.ts';
import { decideEviction, decideNode, GRACE_MS } from './node-lifecycle.ts';

const NOW = Date.UTC(2030, 0, 1);
const node = (ready: string, taints: readonly Taint[] = [], unschedulable = false): Node => ({
  metadata: { name: 'n' },
  spec: { taints, unschedulable },
  status: { conditions: [{ type: 'Ready', status: ready }] },
});
const keys = (taints: readonly Taint[] | undefined): readonly string[] | undefined =>
  taints?.map(({ key, effect }) => `${key.replace('node.kubernetes.io/', '')}:${effect}`);

describe('a node and its lease', () => {
  it('renewed a moment ago: nothing changes, and it is looked at when the time is over', () => {
    const decision = decideNode({ node: node('True'), renewedMs: NOW - 10_000, seenMs: 0, nowMs: NOW });
    assert.deepEqual(decision, { againAfterMs: GRACE_MS - 10_000 + 1000 });
  });
  it('silent for too long: unknown, and nothing new is placed there', () => {
    const decision = decideNode({ node: node('True'), renewedMs: NOW - GRACE_MS - 1, seenMs: 0, nowMs: NOW });
    assert.equal(decision.conditions?.find(({ type }) => type === 'Ready')?.status, 'Unknown');
    assert.deepEqual(keys(decision.taints), ['unreachable:NoSchedule', 'unreachable:NoExecute']);
  });
  it('back again: the taints go, those of others stay', () => {
    const foreign: Taint = { key: 'dedicated', effect: 'NoSchedule' };
    const tainted = node('True', [foreign, { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }]);
    assert.deepEqual(decideNode({ node: tainted, renewedMs: NOW, seenMs: 0, nowMs: NOW }).taints, [foreign]);
  });
  it('cordoned: tainted unschedulable', () => {
    assert.deepEqual(keys(decideNode({ node: node('True', [], true), renewedMs: NOW, seenMs: 0, nowMs: NOW }).taints), ['unschedulable:NoSchedule']);
  });
  it('the lease is not known to be renewed, but the status was written a moment ago: alive', () => {
    const back: Node = { ...node('True'), status: { conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: new Date(NOW - 1000).toISOString() }] } };
    assert.equal(decideNode({ node: back, renewedMs: NOW - GRACE_MS - 1, seenMs: 0, nowMs: NOW }).conditions, undefined);
  });
  it('never heard of: its time begins when it was first seen', () => {
    assert.equal(decideNode({ node: node('True'), renewedMs: undefined, seenMs: NOW - 1000, nowMs: NOW }).conditions, undefined);
  });
});

describe('whether a pod must leave', () => {
  const taint: Taint = { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute', timeAdded: new Date(NOW - 100_000).toISOString() };
  const pod = (tolerations: readonly Toleration[]): Pod => ({ metadata: { name: 'p' }, spec: { containers: [], tolerations } });
  const rows: readonly (readonly [sentence: string, tolerations: readonly Toleration[], taints: readonly Taint[], decision: unknown])[] = [
    ['no taints', [], [], { do: 'stay' }],
    ['a taint that only keeps new pods away', [], [{ ...taint, effect: 'NoSchedule' }], { do: 'stay' }],
    ['nothing is tolerated', [], [taint], { do: 'evict' }],
    ['everything is tolerated for ever', [{ operator: 'Exists' }], [taint], { do: 'stay' }],
    ['tolerated for 300 s, 100 s ago', [{ key: taint.key, operator: 'Exists', tolerationSeconds: 300 }], [taint], { do: 'wait', forMs: 200_000 }],
    ['tolerated for 60 s, 100 s ago', [{ key: taint.key, operator: 'Exists', tolerationSeconds: 60 }], [taint], { do: 'evict' }],
    ['another taint is tolerated', [{ key: 'other', operator: 'Exists' }], [taint], { do: 'evict' }],
  ];
  for (const [sentence, tolerations, taints, decision] of rows) it(sentence, () => assert.deepEqual(decideEviction(pod(tolerations), taints, NOW), decision));
});
