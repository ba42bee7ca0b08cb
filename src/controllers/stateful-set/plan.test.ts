import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StatefulSet } from '../../api/gen/types/apps.v1.ts';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { Stored } from '../../machinery/object.ts';
import { decide, pendingOrdinals } from './plan.ts';

const NOW = Date.UTC(2030, 0, 1);
type Spec = NonNullable<StatefulSet['spec']>;

const set = (replicas: number, more: Partial<Spec> = {}): Stored<StatefulSet> => ({
  metadata: { name: 'db', namespace: 'default', uid: 'u', resourceVersion: '1' },
  spec: { replicas, selector: {}, template: {}, ...more },
});

type State = 'ready' | 'starting' | 'going' | 'failed';
const pod = (ordinal: number, state: State = 'ready', revision = 'new'): Stored<Pod> => ({
  metadata: {
    name: `db-${ordinal}`,
    namespace: 'default',
    uid: `${ordinal}`,
    resourceVersion: '1',
    labels: { 'controller-revision-hash': revision },
    ...(state === 'going' ? { deletionTimestamp: '2030-01-01T00:00:00Z' } : {}),
  },
  status: {
    phase: state === 'failed' ? 'Failed' : 'Running',
    conditions: state === 'ready' || state === 'going' ? [{ type: 'Ready', status: 'True', lastTransitionTime: '2029-12-31T00:00:00Z' }] : [],
  },
});

const steps = (of: Stored<StatefulSet>, pods: readonly Stored<Pod>[], currentRevision = 'new'): string =>
  decide({ set: of, pods, currentRevision, updateRevision: 'new', nowMs: NOW })
    .steps.map((step) => (step.do === 'create' ? `+${step.ordinal}@${step.revision}` : `-${step.pod.metadata.name.slice(3)} ${step.why}`))
    .join(', ');

const PARALLEL: Partial<Spec> = { podManagementPolicy: 'Parallel' };
const partition = (from: number): Partial<Spec> => ({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: from } } });

describe('what a stateful set does next', () => {
  const rows: readonly (readonly [sentence: string, set: Stored<StatefulSet>, pods: readonly Stored<Pod>[], steps: string, current?: string])[] = [
    ['the first pod, and only it', set(3), [], '+0@new'],
    ['the second waits for the first', set(3), [pod(0, 'starting')], ''],
    ['the second, once the first is ready', set(3), [pod(0)], '+1@new'],
    ['a hole is filled first', set(3), [pod(0), pod(2)], '+1@new'],
    ['parallel: all at once', set(3, PARALLEL), [], '+0@new, +1@new, +2@new'],
    ['the highest goes first', set(1), [pod(0), pod(1), pod(2)], '-2 scale'],
    ['the next one waits until it has gone', set(1), [pod(0), pod(1), pod(2, 'going')], ''],
    ['nothing is scaled away while a lower one is not ready', set(1), [pod(0, 'starting'), pod(1)], ''],
    ['parallel: all that are too many', set(1, PARALLEL), [pod(0), pod(1), pod(2)], '-2 scale, -1 scale'],
    ['a failed pod is deleted, to be made again', set(2), [pod(0, 'failed'), pod(1)], '-0 ended'],
    ['an update begins with the highest', set(3), [pod(0, 'ready', 'old'), pod(1, 'ready', 'old'), pod(2, 'ready', 'old')], '-2 update', 'old'],
    ['and goes on when that one is ready', set(3), [pod(0, 'ready', 'old'), pod(1, 'ready', 'old'), pod(2)], '-1 update', 'old'],
    ['and waits while it is not', set(3), [pod(0, 'ready', 'old'), pod(1, 'ready', 'old'), pod(2, 'starting')], '', 'old'],
    ['a partition keeps the lower ones', set(3, partition(2)), [pod(0, 'ready', 'old'), pod(1, 'ready', 'old'), pod(2)], '', 'old'],
    ['below the partition a lost pod comes back as it was', set(3, partition(2)), [pod(1, 'ready', 'old'), pod(2)], '+0@old', 'old'],
    ['OnDelete updates nothing by itself', set(1, { updateStrategy: { type: 'OnDelete' } }), [pod(0, 'ready', 'old')], '', 'old'],
    ['ordinals may start elsewhere', set(2, { ordinals: { start: 5 } }), [pod(5)], '+6@new'],
  ];
  for (const [sentence, of, pods, wanted, current] of rows) it(sentence, () => assert.equal(steps(of, pods, current), wanted));
});

describe('whose claims are made again when they are gone', () => {
  const pending = (ordinal: number, node?: string): Stored<Pod> => ({
    ...pod(ordinal, 'starting'),
    spec: { containers: [], ...(node === undefined ? {} : { nodeName: node }) },
    status: { phase: 'Pending' },
  });
  it('those of pods that wait, with or without a node: the claim may go while the pod is placed', () => {
    const pods = [pending(0), pending(1, 'a'), pod(2), pod(3, 'failed'), pod(4, 'going')];
    assert.deepEqual(pendingOrdinals({ set: set(5), pods, currentRevision: 'new', updateRevision: 'new', nowMs: NOW }), [0, 1]);
  });
});
