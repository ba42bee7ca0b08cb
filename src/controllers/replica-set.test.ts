import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ReplicaSet } from '../api/gen/types/apps.v1.ts';
import type { Pod } from '../api/gen/types/core.v1.ts';
import type { Stored } from '../machinery/object.ts';
import { decidePods, decideStatus } from './replica-set.ts';

const NOW = Date.UTC(2030, 0, 1, 0, 10);
const at = (secondsAgo: number): string => new Date(NOW - secondsAgo * 1000).toISOString();

const set = (replicas: number, more: Partial<ReplicaSet['spec']> = {}): Stored<ReplicaSet> => ({
  metadata: { name: 'web', namespace: 'default', uid: 'u', resourceVersion: '1', generation: 3 },
  spec: { replicas, selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } } }, ...more },
});

interface PodRow {
  readonly phase?: string;
  readonly ready?: number;
  readonly node?: string;
  readonly going?: boolean;
  readonly cost?: number;
  readonly born?: number;
}

const pod = (name: string, { phase = 'Running', ready, node = 'n', going = false, cost, born = 100 }: PodRow = {}): Stored<Pod> => ({
  metadata: {
    name,
    namespace: 'default',
    uid: name,
    resourceVersion: '1',
    labels: { app: 'web' },
    creationTimestamp: at(born),
    ...(going ? { deletionTimestamp: at(0) } : {}),
    ...(cost === undefined ? {} : { annotations: { 'controller.kubernetes.io/pod-deletion-cost': String(cost) } }),
  },
  spec: { containers: [], nodeName: node },
  status: { phase, conditions: ready === undefined ? [] : [{ type: 'Ready', status: 'True', lastTransitionTime: at(ready) }] },
});

const doomed = (replicas: number, pods: readonly Stored<Pod>[]): readonly string[] =>
  decidePods({ set: set(replicas), pods, nowMs: NOW }).remove.map((each) => each.metadata.name);

describe('how many pods a set makes', () => {
  const rows: readonly (readonly [sentence: string, replicas: number, pods: readonly Stored<Pod>[], create: number])[] = [
    ['none are there: all are made', 3, [], 3],
    ['one has failed: it no longer counts', 2, [pod('a'), pod('b', { phase: 'Failed' })], 1],
    ['one has succeeded: it no longer counts', 1, [pod('a', { phase: 'Succeeded' })], 1],
    ['one is going: its successor is made at once', 1, [pod('a', { going: true })], 1],
    ['enough are there', 2, [pod('a'), pod('b')], 0],
    ['a thousand are missing: five hundred at a time', 1000, [], 500],
  ];
  for (const [sentence, replicas, pods, create] of rows) {
    it(sentence, () => assert.deepEqual(decidePods({ set: set(replicas), pods, nowMs: NOW }), { create, remove: [] }));
  }
  it('a set that is going makes nothing', () => {
    const going = { ...set(3), metadata: { ...set(3).metadata, deletionTimestamp: at(1) } };
    assert.deepEqual(decidePods({ set: going, pods: [], nowMs: NOW }), { create: 0, remove: [] });
  });
});

describe('which pods a set gives up first', () => {
  const rows: readonly (readonly [sentence: string, pods: readonly Stored<Pod>[], first: string])[] = [
    ['one that has no node yet', [pod('a', { ready: 50 }), pod('b', { node: '', phase: 'Pending' })], 'b'],
    ['a pending one before a running one', [pod('a', { ready: 50 }), pod('b', { phase: 'Pending' })], 'b'],
    ['one that is not ready', [pod('a', { ready: 50 }), pod('b')], 'b'],
    ['the cheaper one', [pod('a', { ready: 50, cost: 10 }), pod('b', { ready: 90, cost: -1 })], 'b'],
    ['the one that became ready later', [pod('a', { ready: 50 }), pod('b', { ready: 5 })], 'b'],
    ['the younger one', [pod('a', { ready: 50, born: 200 }), pod('b', { ready: 50, born: 100 })], 'b'],
  ];
  for (const [sentence, pods, first] of rows) it(sentence, () => assert.deepEqual(doomed(1, pods), [first]));
});

describe('what a set says of itself', () => {
  it('counts ready and available apart, and comes back when a pod will be available', () => {
    const pods = [pod('a', { ready: 60 }), pod('b', { ready: 10 }), pod('c'), pod('d', { going: true })];
    const { status, againAfterMs } = decideStatus({ set: set(3, { minReadySeconds: 30 }), pods, nowMs: NOW });
    assert.deepEqual(status, { replicas: 3, fullyLabeledReplicas: 3, readyReplicas: 2, availableReplicas: 1, terminatingReplicas: 1, observedGeneration: 3 });
    assert.equal(againAfterMs, 20_000);
  });
  it('says why no pod can be made', () => {
    const { status } = decideStatus({ set: set(1), pods: [], nowMs: NOW, failure: { reason: 'FailedCreate', message: 'exceeded quota' } });
    assert.deepEqual(status.conditions, [
      { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'exceeded quota', lastTransitionTime: '2030-01-01T00:10:00Z' },
    ]);
  });
});
