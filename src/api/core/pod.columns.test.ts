import assert from 'node:assert/strict';
import { test } from 'node:test';
import type * as core from '../gen/types/core.v1.ts';
import { podColumns } from './pod.columns.ts';

const nowMs = Date.UTC(2026, 0, 1, 12, 0, 0);
const running = (name: string, more: Partial<core.ContainerStatus> = {}): core.ContainerStatus => ({
  name,
  image: 'i',
  imageID: '',
  ready: true,
  restartCount: 0,
  state: { running: {} },
  ...more,
});
const pod = (spec: Partial<core.PodSpec>, status: core.PodStatus, more: core.Pod = {}): core.Pod => ({
  metadata: { name: 'web', creationTimestamp: '2026-01-01T11:59:00Z', ...more.metadata },
  spec: { containers: [{ name: 'a' }], ...spec },
  status,
});

interface Row {
  readonly what: string;
  readonly pod: core.Pod;
  /** READY, STATUS, RESTARTS. */
  readonly shown: readonly [string, string, string];
}

const ROWS: readonly Row[] = [
  { what: 'waiting for a node', pod: pod({}, { phase: 'Pending' }), shown: ['0/1', 'Pending', '0'] },
  {
    what: 'held by a gate',
    pod: pod({}, { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] }),
    shown: ['0/1', 'SchedulingGated', '0'],
  },
  {
    what: 'starting',
    pod: pod({}, { phase: 'Pending', containerStatuses: [running('a', { ready: false, state: { waiting: { reason: 'ContainerCreating' } } })] }),
    shown: ['0/1', 'ContainerCreating', '0'],
  },
  { what: 'running', pod: pod({}, { phase: 'Running', containerStatuses: [running('a')] }), shown: ['1/1', 'Running', '0'] },
  {
    what: 'one of two ready',
    pod: pod({ containers: [{ name: 'a' }, { name: 'b' }] }, { phase: 'Running', containerStatuses: [running('a'), running('b', { ready: false })] }),
    shown: ['1/2', 'Running', '0'],
  },
  {
    what: 'restarted a while ago',
    pod: pod(
      {},
      {
        phase: 'Running',
        containerStatuses: [running('a', { restartCount: 3, lastState: { terminated: { exitCode: 1, finishedAt: '2026-01-01T11:55:00Z' } } })],
      },
    ),
    shown: ['1/1', 'Running', '3 (5m ago)'],
  },
  {
    what: 'restarted nobody knows when',
    pod: pod(
      {},
      {
        phase: 'Running',
        containerStatuses: [running('a', { restartCount: 2, lastState: { terminated: { exitCode: 137, finishedAt: null } } } as object)],
      },
    ),
    shown: ['1/1', 'Running', '2'],
  },
  {
    what: 'failing again and again',
    pod: pod(
      {},
      { phase: 'Running', containerStatuses: [running('a', { ready: false, restartCount: 5, state: { waiting: { reason: 'CrashLoopBackOff' } } })] },
    ),
    shown: ['0/1', 'CrashLoopBackOff', '5'],
  },
  {
    what: 'ended',
    pod: pod({}, { phase: 'Succeeded', containerStatuses: [running('a', { ready: false, state: { terminated: { exitCode: 0, reason: 'Completed' } } })] }),
    shown: ['0/1', 'Completed', '0'],
  },
  {
    what: 'ended by a signal',
    pod: pod({}, { phase: 'Failed', containerStatuses: [running('a', { ready: false, state: { terminated: { exitCode: 137, signal: 9 } } })] }),
    shown: ['0/1', 'Signal:9', '0'],
  },
  {
    what: 'one container ended beside one that runs and is not ready',
    pod: pod(
      { containers: [{ name: 'a' }, { name: 'b' }] },
      { phase: 'Running', containerStatuses: [running('a', { ready: false, state: { terminated: { exitCode: 0, reason: 'Completed' } } }), running('b')] },
    ),
    shown: ['1/2', 'NotReady', '0'],
  },
  {
    what: 'the second init container of two',
    pod: pod(
      { initContainers: [{ name: 'x' }, { name: 'y' }] },
      { phase: 'Pending', initContainerStatuses: [running('x', { state: { terminated: { exitCode: 0 } } }), running('y')] },
    ),
    shown: ['0/1', 'Init:1/2', '0'],
  },
  {
    what: 'an init container that failed',
    pod: pod({ initContainers: [{ name: 'x' }] }, { phase: 'Pending', initContainerStatuses: [running('x', { state: { terminated: { exitCode: 2 } } })] }),
    shown: ['0/1', 'Init:ExitCode:2', '0'],
  },
  {
    what: 'a sidecar counts',
    pod: pod(
      { initContainers: [{ name: 'x', restartPolicy: 'Always' }] },
      { phase: 'Running', initContainerStatuses: [running('x', { started: true })], containerStatuses: [running('a')] },
    ),
    shown: ['2/2', 'Running', '0'],
  },
  {
    what: 'going',
    pod: pod({}, { phase: 'Running', containerStatuses: [running('a')] }, { metadata: { deletionTimestamp: '2026-01-01T12:00:00Z' } }),
    shown: ['1/1', 'Terminating', '0'],
  },
  {
    what: 'lost with its node',
    pod: pod({}, { phase: 'Running', reason: 'NodeLost' }, { metadata: { deletionTimestamp: '2026-01-01T12:00:00Z' } }),
    shown: ['0/1', 'Unknown', '0'],
  },
  { what: 'pushed out', pod: pod({}, { phase: 'Failed', reason: 'Evicted' }), shown: ['0/1', 'Evicted', '0'] },
];

for (const { what, pod: shownPod, shown } of ROWS) {
  test(`kubectl get pods: ${what}`, () => {
    const cells = podColumns.map((column) => column.cell(shownPod, nowMs));
    assert.deepEqual(cells.slice(1, 4), shown);
    assert.equal(cells[4], '60s');
  });
}

test('kubectl get pods -o wide: addresses and nodes, or <none>', () => {
  const bare = podColumns.slice(5).map((column) => column.cell(pod({}, { phase: 'Pending' }), nowMs));
  assert.deepEqual(bare, ['<none>', '<none>', '<none>', '<none>']);
  const placed = pod(
    { nodeName: 'n1', readinessGates: [{ conditionType: 'a/b' }] },
    { phase: 'Running', podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }], conditions: [{ type: 'a/b', status: 'True' }] },
  );
  assert.deepEqual(
    podColumns.slice(5).map((column) => column.cell(placed, nowMs)),
    ['10.0.0.1', 'n1', '<none>', '1/1'],
  );
});
