import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerStatus, Pod, PodSpec } from '../../api/gen/types/core.v1.ts';
import type { Stored } from '../../machinery/object.ts';
import type { Answer, EventView } from './answer.ts';
import { explainPod } from './pod.ts';
import { explainHealth } from './volume.ts';
import { explainByPods } from './workload.ts';

interface Given {
  readonly spec?: Partial<PodSpec>;
  readonly container?: Partial<ContainerStatus>;
  readonly scheduling?: string;
  readonly events?: readonly EventView[];
}

function pod({ spec = {}, container, scheduling }: Given): Stored<Pod> {
  const conditions = scheduling === undefined ? [] : [{ type: 'PodScheduled', status: 'False', message: scheduling }];
  const status: ContainerStatus = { name: 'c', image: 'i', imageID: '', ready: false, restartCount: 0, ...container };
  return {
    metadata: { name: 'p', namespace: 'default', uid: 'u', resourceVersion: '1' },
    spec: { containers: [{ name: 'c', image: 'i' }], ...(scheduling === undefined ? { nodeName: 'n' } : {}), ...spec },
    status: { phase: scheduling === undefined ? 'Running' : 'Pending', conditions, containerStatuses: [status] },
  };
}

const explain = (given: Given): Answer => explainPod({ pod: pod(given), events: given.events ?? [], others: [], claims: new Map() });
const waiting = (reason: string, message?: string): Partial<ContainerStatus> => ({
  state: { waiting: { reason, ...(message === undefined ? {} : { message }) } },
});

const rows: readonly (readonly [about: string, given: Given, because: RegExp, fix: RegExp])[] = [
  [
    'a command that is not there has no log: the runtime has the words',
    {
      container: {
        ...waiting('CrashLoopBackOff'),
        lastState: { terminated: { exitCode: 128, reason: 'StartError', message: 'exec: "nosuch": executable file not found in $PATH' } },
      },
    },
    /^exec: "nosuch": executable file not found in \$PATH$/,
    /correct its command/,
  ],
  [
    'a container that ended is looked up in its log',
    { container: { ...waiting('CrashLoopBackOff'), restartCount: 3, lastState: { terminated: { exitCode: 1, reason: 'Error' } } } },
    /exit code 1 \(Error\).*3 restarts/,
    /--previous/,
  ],
  [
    'a secret that is not there',
    { container: waiting('CreateContainerConfigError', 'secret "s" not found') },
    /^secret "s" not found$/,
    /create what it names/,
  ],
  [
    'a disk without room',
    { container: waiting('CreateContainerError', 'failed to create containerd container: mkdir /x: no space left on device') },
    /no space left on device$/,
    /make room on the disk/,
  ],
  [
    'labels that no node has',
    {
      scheduling: "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
      spec: {
        nodeSelector: { disk: 'ssd' },
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [
                { matchExpressions: [{ key: 'gpu', operator: 'Exists' }] },
                { matchExpressions: [{ key: 'zone', operator: 'In', values: ['a', 'b'] }] },
              ],
            },
          },
        },
      },
    },
    /^It asks for a node with disk=ssd and gpu Exists, or with disk=ssd and zone In a b\./,
    /kubectl label node/,
  ],
];
for (const [about, given, because, fix] of rows) {
  test(about, () => {
    const answer = explain(given);
    assert.equal(answer.fine, false);
    assert.match(answer.because[0] ?? '', because);
    assert.match(answer.fix.join('\n'), fix);
  });
}

test('what makes pods is answered by the pod in trouble; those that are fine or going say nothing', () => {
  const good: Answer = { state: 'fine', because: [], fix: [], fine: true };
  const bad: Answer = { state: 'Pod b waits.', because: ['x'], fix: ['y'], fine: false };
  const pods = ['a', 'b', 'c'].map((name) => ({
    ...pod({}),
    metadata: { ...pod({}).metadata, name, ...(name === 'c' ? { deletionTimestamp: '2030-01-01T00:00:00Z' } : {}) },
  }));
  const answer = explainByPods('Deployment d', pods, ({ metadata }) => (metadata.name === 'a' ? good : bad));
  assert.deepEqual(answer, { state: 'Deployment d: 1 of 2 pods is not as wanted.', because: ['Pod b waits.', 'x'], fix: ['y'], fine: false });
  assert.equal(
    explainByPods('Deployment d', pods, () => good),
    undefined,
  );
});

test('a volume says of itself what is wrong', () => {
  const status = { phase: 'Bound', reason: 'VolumeConditionAbnormal', message: 'volume.json is damaged' };
  assert.deepEqual(explainHealth('Volume v', ' is', { status })?.because, ['volume.json is damaged']);
  assert.equal(explainHealth('Volume v', ' is', { status: { phase: 'Bound' } }), undefined);
});
