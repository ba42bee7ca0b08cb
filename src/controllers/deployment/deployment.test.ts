import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Deployment, ReplicaSet } from '../../api/gen/types/apps.v1.ts';
import type { PodTemplateSpec } from '../../api/gen/types/core.v1.ts';
import type { Stored } from '../../machinery/object.ts';
import { decide } from './deployment.ts';
import { currentSet, historyToDelete } from './history.ts';
import { decideStatus } from './status.ts';

const template = (image: string): PodTemplateSpec => ({ metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image }] } });

const deployment = (replicas: number, more: Partial<Deployment['spec']> = {}, status?: Deployment['status']): Stored<Deployment> => ({
  metadata: { name: 'web', namespace: 'default', uid: 'd', resourceVersion: '1', generation: 2 },
  spec: { replicas, selector: { matchLabels: { app: 'web' } }, template: template('v2'), ...more },
  status,
});

let serial = 0;
const rs = (
  image: string,
  replicas: number,
  available: number,
  of: { readonly desired?: number; readonly max?: number; readonly revision?: number } = {},
): Stored<ReplicaSet> => ({
  metadata: {
    name: `web-${image}`,
    namespace: 'default',
    uid: `${image}`,
    resourceVersion: '1',
    generation: 1,
    creationTimestamp: new Date(Date.UTC(2030, 0, 1) + serial++ * 1000).toISOString(),
    annotations: {
      'deployment.kubernetes.io/desired-replicas': String(of.desired ?? 10),
      'deployment.kubernetes.io/max-replicas': String(of.max ?? 13),
      'deployment.kubernetes.io/revision': String(of.revision ?? 1),
    },
  },
  spec: { replicas, selector: {}, template: template(image) },
  status: { replicas, readyReplicas: available, availableReplicas: available, observedGeneration: 1 },
});

const sizes = (sets: readonly Stored<ReplicaSet>[], of: Stored<Deployment> = deployment(10), oldPodsLeft = false): unknown => {
  const decision = decide({ deployment: of, sets, oldPodsLeft });
  return decision.do === 'resize' ? Object.fromEntries(decision.sizes) : decision.do === 'create' ? `create ${decision.replicas}` : decision.do;
};

describe('the next step of a rolling update, 10 replicas, a quarter more and a quarter fewer', () => {
  const rows: readonly (readonly [sentence: string, sets: readonly Stored<ReplicaSet>[], step: unknown])[] = [
    ['nothing is there: the first set gets all', [], 'create 10'],
    ['a new template: its set begins with the surge', [rs('v1', 10, 10)], 'create 3'],
    ['at the surge: old pods make room, two may be missing', [rs('v1', 10, 10), rs('v2', 3, 0)], { v1: 8 }],
    ['room again: the new set grows', [rs('v1', 8, 8), rs('v2', 3, 0)], { v2: 5 }],
    ['new ones are available: more old ones go', [rs('v1', 8, 8), rs('v2', 5, 5)], { v1: 3 }],
    ['old pods that are not available go first, and cost nothing', [rs('v1', 8, 2), rs('v2', 3, 3)], { v2: 5 }],
    ['all are new', [rs('v1', 0, 0), rs('v2', 10, 10)], 'nothing'],
    ['back to the old template: its set grows again', [rs('v2', 0, 0), rs('v3', 10, 10)], { v2: 3 }],
  ];
  for (const [sentence, sets, step] of rows) it(sentence, () => assert.deepEqual(sizes(sets), step));
});

describe('recreating', () => {
  const recreate = deployment(2, { strategy: { type: 'Recreate' } });
  const two = { desired: 2, max: 2 };
  it('the old set goes to zero first', () => assert.deepEqual(sizes([rs('v1', 2, 2, two)], recreate), { v1: 0 }));
  it('nothing new while old pods are there', () => assert.equal(sizes([rs('v1', 0, 0, two)], recreate, true), 'nothing'));
  it('then the new set, whole', () => assert.equal(sizes([rs('v1', 0, 0, two)], recreate), 'create 2'));
});

const one = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } };

/** As the controller writes it: with the size for which it was given its own. */
function resized(set: Stored<ReplicaSet>, size: number | undefined, wanted: number): Stored<ReplicaSet> {
  if (size === undefined) return set;
  const annotations = { ...set.metadata.annotations, 'deployment.kubernetes.io/desired-replicas': String(wanted) };
  return { ...set, metadata: { ...set.metadata, annotations }, spec: { ...set.spec, selector: {}, replicas: size } };
}

describe('scaling', () => {
  it('one set: it takes the new size', () => assert.deepEqual(sizes([rs('v2', 10, 10)], deployment(4)), { v2: 4 }));
  it('in the middle of a rollout each set gets its share', () => assert.deepEqual(sizes([rs('v1', 8, 8), rs('v2', 5, 0)], deployment(20)), { v1: 15, v2: 10 }));
  it('a set that keeps its size is told the new one as well, else every pass would be a scaling again', () =>
    assert.deepEqual(sizes([rs('v1', 4, 4, { desired: 5, max: 6 }), rs('v2', 1, 0, { desired: 5, max: 6 })], deployment(3, { strategy: one })), {
      v1: 3,
      v2: 1,
    }));
  it('one set that has the size already is told it', () => assert.deepEqual(sizes([rs('v2', 4, 4)], deployment(4)), { v2: 4 }));
  it('comes to rest while no pod changes, whatever sizes the sets have and remember', () => {
    for (const strategy of [one, undefined])
      for (const wanted of [0, 1, 3, 5])
        for (let mix = 0; mix < 6 ** 4; mix++) {
          const [v1, v2, available, remembered] = [mix % 6, Math.floor(mix / 6) % 6, Math.floor(mix / 36) % 6, Math.floor(mix / 216) % 6];
          const of = { desired: remembered, max: remembered + 1 };
          let sets = [rs('v1', v1, Math.min(available, v1), of), rs('v2', v2, Math.max(0, available - v1), of)];
          for (let pass = 0; ; pass++) {
            const decision = decide({ deployment: deployment(wanted, { strategy }), sets, oldPodsLeft: false });
            if (decision.do !== 'resize') break;
            assert.ok(pass < 20, `${wanted} wanted of ${v1} + ${v2}, ${available} available, sized for ${remembered}: no rest`);
            sets = sets.map((set) => resized(set, decision.sizes.get(set.metadata.uid), wanted));
          }
        }
  });
  it('paused: nothing is rolled out', () => assert.equal(sizes([rs('v1', 10, 10)], deployment(10, { paused: true })), 'nothing'));
});

describe('what a deployment says of itself', () => {
  const NOW = Date.UTC(2030, 0, 1, 1);
  const of = (fresh: Stored<ReplicaSet>, old: readonly Stored<ReplicaSet>[], status?: Deployment['status']): readonly string[] =>
    (
      decideStatus({ deployment: deployment(10, { progressDeadlineSeconds: 600 }, status), fresh, old, collisions: undefined, nowMs: NOW }).status.conditions ??
      []
    ).map(({ type, status: value, reason }) => `${type}=${value} ${reason}`);
  it('complete', () => assert.deepEqual(of(rs('v2', 10, 10), []), ['Available=True MinimumReplicasAvailable', 'Progressing=True NewReplicaSetAvailable']));
  it('on its way', () =>
    assert.deepEqual(of(rs('v2', 3, 0), [rs('v1', 10, 10)]), ['Available=True MinimumReplicasAvailable', 'Progressing=True NewReplicaSetCreated']));
  it('stuck for longer than its deadline', () => {
    const stuck = {
      type: 'Progressing',
      status: 'True',
      reason: 'ReplicaSetUpdated',
      lastUpdateTime: '2030-01-01T00:30:00Z',
      lastTransitionTime: '2030-01-01T00:30:00Z',
    };
    const status = { replicas: 13, updatedReplicas: 3, readyReplicas: 10, availableReplicas: 10, conditions: [stuck] };
    assert.ok(of(rs('v2', 3, 0), [rs('v1', 10, 10)], status).includes('Progressing=False ProgressDeadlineExceeded'));
  });
});

describe('history', () => {
  it('a set that comes back gets the newest number and remembers its old one', () => {
    const next = currentSet(deployment(1), rs('v2', 1, 1, { revision: 1 }), [rs('v1', 1, 1, { revision: 2 })], {})?.metadata.annotations;
    assert.equal(next?.['deployment.kubernetes.io/revision'], '3');
    assert.equal(next?.['deployment.kubernetes.io/revision-history'], '1');
  });
  it('the current set follows the annotations and minReadySeconds of its deployment', () => {
    const cause = { 'kubernetes.io/change-cause': 'why', 'kubectl.kubernetes.io/last-applied-configuration': '{}' };
    const plain = deployment(1, { minReadySeconds: 7 });
    const annotated = { ...plain, metadata: { ...plain.metadata, annotations: cause } };
    const given = rs('v2', 1, 1, { revision: 1, desired: 1, max: 1 });
    const next = currentSet(annotated, given, [], {});
    assert.deepEqual(next?.metadata.annotations, { ...given.metadata.annotations, 'kubernetes.io/change-cause': 'why' });
    assert.equal(next?.spec?.minReadySeconds, 7);
    assert.ok(next !== undefined);
    assert.equal(currentSet(annotated, next, [], {}), undefined);
  });
  it('empty sets beyond the limit go, the oldest first', () => {
    const old = [rs('a', 0, 0, { revision: 3 }), rs('b', 0, 0, { revision: 1 }), rs('c', 2, 2, { revision: 2 })];
    assert.deepEqual(
      historyToDelete(deployment(1, { revisionHistoryLimit: 1 }), old).map(({ metadata }) => metadata.name),
      ['web-b'],
    );
  });
});
