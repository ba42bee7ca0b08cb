import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerStatus, PodStatus } from '../../api/gen/types/core.v1.ts';
import { containerOf, podOf, sandboxOf, T0, viewOf } from './testdata/views.ts';
import { podStatus } from './status.ts';
import type { PodView } from './view.ts';

const INIT = { name: 'init', image: 'i' };
const failing = containerOf('c', 'exited', { exitCode: 1, attempt: 1 });
const waits = { backOffs: new Map([['c', { delayMs: 80_000, raisedAtMs: T0 }]]) };

/** `Running c:running ready#0`; a state with its reason; `(last …)` where there is one. */
function words(status: PodStatus): string {
  const one = (s: ContainerStatus): string => {
    const last = s.lastState?.terminated;
    return `${s.name}:${state(s.state)}${s.ready ? ' ready' : ''}#${s.restartCount}${last === undefined ? '' : ` (last ${last.reason ?? ''} ${last.exitCode})`}`;
  };
  return [status.phase ?? '', ...[...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].map(one)].join(' ');
}

function state(s: ContainerStatus['state']): string {
  if (s?.running !== undefined) return 'running';
  if (s?.terminated !== undefined) return `${s.terminated.reason ?? ''} ${s.terminated.exitCode}`;
  return s?.waiting?.reason ?? '';
}

const ROWS: readonly { readonly says: string; readonly view: PodView; readonly is: string }[] = [
  { says: 'nothing yet', view: viewOf(podOf(), [], { sandboxes: [] }), is: 'Pending c:ContainerCreating#0' },
  {
    says: 'nothing yet, behind init',
    view: viewOf(podOf({ initContainers: [INIT] }), [], { sandboxes: [] }),
    is: 'Pending init:PodInitializing#0 c:PodInitializing#0',
  },
  { says: 'init runs', view: viewOf(podOf({ initContainers: [INIT] }), [containerOf('init', 'running')]), is: 'Pending init:running#0 c:PodInitializing#0' },
  {
    says: 'init is done',
    view: viewOf(podOf({ initContainers: [INIT] }), [containerOf('init', 'exited')]),
    is: 'Pending init:Completed 0 ready#0 c:PodInitializing#0',
  },
  { says: 'running', view: viewOf(podOf(), [containerOf('c', 'running')]), is: 'Running c:running ready#0' },
  {
    says: 'one of two runs',
    view: viewOf(podOf({ containers: [{ name: 'c' }, { name: 'd' }] }), [containerOf('c', 'running')]),
    is: 'Pending c:running ready#0 d:ContainerCreating#0',
  },
  {
    says: 'the readiness probe has said nothing',
    view: viewOf(podOf({ containers: [{ name: 'c', image: 'i', readinessProbe: {} }] }), [containerOf('c', 'running')]),
    is: 'Running c:running#0',
  },
  {
    says: 'the image is not to be had',
    view: viewOf(podOf(), [], { memory: { startErrors: new Map([['c', { reason: 'ErrImagePull', message: 'no', retryAtMs: 0 }]]) } }),
    is: 'Pending c:ErrImagePull#0',
  },
  {
    says: 'crashing',
    view: viewOf(podOf(), [failing, containerOf('c', 'exited', { exitCode: 2 })], { memory: waits }),
    is: 'Running c:CrashLoopBackOff#1 (last Error 1)',
  },
  {
    says: 'running again after a crash',
    view: viewOf(podOf(), [containerOf('c', 'running', { attempt: 1 }), containerOf('c', 'exited', { exitCode: 2 })]),
    is: 'Running c:running ready#1 (last Error 2)',
  },
  {
    says: 'out of memory',
    view: viewOf(podOf({ restartPolicy: 'Never' }), [containerOf('c', 'exited', { exitCode: 137, reason: 'OOMKilled' })]),
    is: 'Failed c:OOMKilled 137#0',
  },
  { says: 'done', view: viewOf(podOf({ restartPolicy: 'Never' }), [containerOf('c', 'exited')]), is: 'Succeeded c:Completed 0#0' },
  { says: 'a pod that always restarts is not done', view: viewOf(podOf(), [containerOf('c', 'exited')]), is: 'Running c:Completed 0#0' },
  {
    says: 'unless it is being deleted',
    view: viewOf(podOf(), [containerOf('c', 'exited')], { memory: { ending: { cause: 'deleted', atMs: T0, graceSeconds: 1 } } }),
    is: 'Succeeded c:Completed 0#0',
  },
  {
    says: 'refused',
    view: viewOf(podOf(), [], { sandboxes: [], memory: { ending: { cause: 'failed', reason: 'OutOfcpu', message: 'm', atMs: T0, graceSeconds: 0 } } }),
    is: 'Failed c:ContainerCreating#0',
  },
  {
    says: 'put out, and not over while anything of it runs',
    view: viewOf(podOf({}, { status: { phase: 'Running' } }), [containerOf('c', 'running')], {
      memory: { ending: { cause: 'failed', reason: 'DeadlineExceeded', message: 'm', atMs: T0, graceSeconds: 30 } },
    }),
    is: 'Running c:running ready#0',
  },
  {
    says: 'put out, and over',
    view: viewOf(podOf({}, { status: { phase: 'Running' } }), [containerOf('c', 'exited', { exitCode: 137 })], {
      memory: { ending: { cause: 'failed', reason: 'DeadlineExceeded', message: 'm', atMs: T0, graceSeconds: 30 } },
    }),
    is: 'Failed c:Error 137#0',
  },
  {
    says: 'over, and the runtime has forgotten it',
    view: viewOf(
      podOf(
        {},
        {
          status: {
            phase: 'Succeeded',
            containerStatuses: [
              { name: 'c', image: 'i', imageID: '', ready: false, restartCount: 2, state: { terminated: { exitCode: 0, reason: 'Completed' } } },
            ],
          },
        },
      ),
      [],
      { sandboxes: [] },
    ),
    is: 'Succeeded c:Completed 0#2',
  },
];

for (const { says, view, is } of ROWS) {
  test(`status: ${says}`, () => assert.equal(words(podStatus(view, ['192.0.2.1'])), is));
}

test('a back-off says how long, and for whom', () => {
  const status = podStatus(viewOf(podOf(), [failing], { memory: waits }), []);
  assert.equal(status.containerStatuses?.[0]?.state?.waiting?.message, 'back-off 1m20s restarting failed container=c pod=p_ns(u)');
});

test('conditions: those of others are kept, times change only with the status', () => {
  const old = '2029-01-01T00:00:00Z';
  const before: PodStatus = {
    conditions: [
      { type: 'Ready', status: 'True', lastTransitionTime: old },
      { type: 'ContainersReady', status: 'False', lastTransitionTime: old },
      { type: 'example.com/gate', status: 'True', lastTransitionTime: old },
    ],
  };
  const { conditions } = podStatus(
    viewOf(podOf({ readinessGates: [{ conditionType: 'example.com/gate' }] }, { status: before }), [containerOf('c', 'running')]),
    [],
  );
  const times = Object.fromEntries((conditions ?? []).map((c) => [c.type, c.lastTransitionTime]));
  assert.deepEqual(Object.keys(times), ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled', 'example.com/gate']);
  assert.equal(times['Ready'], old);
  assert.equal(times['ContainersReady'], '2030-01-01T00:00:02Z');
});

test('conditions: a readiness gate that is missing', () => {
  const { conditions } = podStatus(viewOf(podOf({ readinessGates: [{ conditionType: 'g' }] }), [containerOf('c', 'running')]), []);
  const ready = conditions?.find((c) => c.type === 'Ready');
  assert.deepEqual(
    [ready?.status, ready?.reason, ready?.message],
    ['False', 'ReadinessGatesNotReady', 'corresponding condition of pod readiness gate "g" does not exist.'],
  );
});

test('addresses are the sandbox’s, and stay while the pod ends', () => {
  const pod = podOf({}, { status: { podIP: '10.0.0.9', podIPs: [{ ip: '10.0.0.9' }] } });
  assert.equal(podStatus(viewOf(pod, [], { sandboxes: [sandboxOf()] }), []).podIP, '10.0.0.2');
  const ended = viewOf(pod, [], { sandboxes: [], memory: { ending: { cause: 'deleted', atMs: T0, graceSeconds: 1 } } });
  assert.equal(podStatus(ended, []).podIP, '10.0.0.9');
});
