import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Decision, decide } from './decide.ts';
import { RESOURCES_ANNOTATION } from './resources.ts';
import { containerOf, podOf, sandboxOf, T0, viewOf } from './testdata/views.ts';
import type { Ending, PodView } from './view.ts';

const SIDE = { name: 'side', image: 'i', restartPolicy: 'Always' };
const INIT = { name: 'init', image: 'i' };
const ONE_GIGABYTE = { [RESOURCES_ANNOTATION]: '{"requests":{},"limits":{"memory":"1Gi"}}' };
const ending = (over: Partial<Ending> = {}): Ending => ({ cause: 'deleted', atMs: T0, graceSeconds: 30, ...over });

/** A decision in a line: `start c#1`, `kill c 30s`, `end deleted`; `again +8s`; `ended`. */
function words({ actions, againAtMs, ended }: Decision, nowMs: number): string {
  const all = actions.map((a) => {
    switch (a.do) {
      case 'create-sandbox':
        return `sandbox #${a.attempt}`;
      case 'stop-sandbox':
        return `stop ${a.id}`;
      case 'start':
        return `start ${a.name}#${a.attempt}${a.backOff === undefined ? '' : ` next ${a.backOff.delayMs / 1_000}s`}`;
      case 'kill':
        return `kill ${a.name} ${a.graceSeconds}s (${a.message})`;
      case 'report-back-off':
        return `waits ${a.name}`;
      case 'resize':
        return `resize ${a.name}`;
      case 'end':
        return `end ${a.ending.cause}${a.ending.reason === undefined ? '' : ` ${a.ending.reason}`}`;
    }
  });
  if (againAtMs !== undefined) all.push(`again +${(againAtMs - nowMs) / 1_000}s`);
  if (ended === true) all.push('ended');
  return all.join(', ');
}

const ROWS: readonly { readonly says: string; readonly view: PodView; readonly does: string }[] = [
  { says: 'a new pod waits for its volumes', view: viewOf(podOf(), [], { memory: { volumesReady: false }, sandboxes: [] }), does: '' },
  { says: 'then it gets a sandbox', view: viewOf(podOf(), [], { sandboxes: [] }), does: 'sandbox #0' },
  { says: 'one at a time', view: viewOf(podOf(), [], { sandboxes: [], memory: { sandboxBusy: true } }), does: '' },
  {
    says: 'a sandbox that failed is tried again later',
    view: viewOf(podOf(), [], { sandboxes: [], memory: { sandboxRetryAtMs: T0 + 5_000 } }),
    does: 'again +3s',
  },
  { says: 'then its container is started', view: viewOf(podOf()), does: 'start c#0' },
  {
    says: 'one container is started after another',
    view: viewOf(
      podOf({
        containers: [
          { name: 'a', image: 'i' },
          { name: 'b', image: 'i' },
        ],
      }),
      [containerOf('a', 'running')],
    ),
    does: 'start b#0',
  },
  { says: 'nothing is started while the hand is busy', view: viewOf(podOf(), [], { memory: { starting: 'c' } }), does: '' },
  { says: 'what runs is left alone', view: viewOf(podOf(), [containerOf('c', 'running')]), does: '' },
  {
    says: 'a container that was made and not started is made again under the same number',
    view: viewOf(podOf(), [containerOf('c', 'created', { attempt: 2 })]),
    does: 'start c#2',
  },
  { says: 'the first failure is made good at once', view: viewOf(podOf(), [containerOf('c', 'exited', { exitCode: 1 })]), does: 'start c#1 next 10s' },
  {
    says: 'the second one waits',
    view: viewOf(podOf(), [containerOf('c', 'exited', { exitCode: 1, attempt: 1 })], {
      memory: { backOffs: new Map([['c', { delayMs: 10_000, raisedAtMs: T0 }]]) },
    }),
    does: 'waits c, again +9s',
  },
  {
    says: 'and after the wait the next one is twice as long',
    view: viewOf(podOf(), [containerOf('c', 'exited', { exitCode: 1, attempt: 1 })], {
      memory: { backOffs: new Map([['c', { delayMs: 10_000, raisedAtMs: T0 }]]) },
      nowMs: T0 + 11_000,
    }),
    does: 'start c#2 next 20s',
  },
  {
    says: 'a restart that is under way does not wait',
    view: viewOf(podOf(), [containerOf('c', 'exited', { exitCode: 1 })], {
      memory: { starting: 'c', backOffs: new Map([['c', { delayMs: 10_000, raisedAtMs: T0 }]]) },
    }),
    does: '',
  },
  {
    says: 'it is never longer than five minutes',
    view: viewOf(podOf(), [containerOf('c', 'exited', { exitCode: 1 })], {
      memory: { backOffs: new Map([['c', { delayMs: 300_000, raisedAtMs: T0 }]]) },
      nowMs: T0 + 400_000,
    }),
    does: 'start c#1 next 300s',
  },
  {
    says: 'ten good minutes wipe the slate',
    view: viewOf(podOf(), [containerOf('c', 'exited', { exitCode: 1, finishedAtMs: T0 + 700_000 })], {
      memory: { backOffs: new Map([['c', { delayMs: 300_000, raisedAtMs: T0 }]]) },
      nowMs: T0 + 700_001,
    }),
    does: 'start c#1 next 10s',
  },
  { says: 'OnFailure: success ends the pod', view: viewOf(podOf({ restartPolicy: 'OnFailure' }), [containerOf('c', 'exited')]), does: 'end finished' },
  {
    says: 'OnFailure: failure does not',
    view: viewOf(podOf({ restartPolicy: 'OnFailure' }), [containerOf('c', 'exited', { exitCode: 1 })]),
    does: 'start c#1 next 10s',
  },
  { says: 'Never: failure ends the pod', view: viewOf(podOf({ restartPolicy: 'Never' }), [containerOf('c', 'exited', { exitCode: 1 })]), does: 'end finished' },
  {
    says: 'a rule of the container beats the policy of the pod',
    view: viewOf(
      podOf({
        restartPolicy: 'Never',
        containers: [{ name: 'c', image: 'i', restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }] }],
      }),
      [containerOf('c', 'exited', { exitCode: 42 })],
    ),
    does: 'start c#1 next 10s',
  },
  {
    says: 'one of two is over: the pod goes on',
    view: viewOf(
      podOf({
        restartPolicy: 'Never',
        containers: [
          { name: 'a', image: 'i' },
          { name: 'b', image: 'i' },
        ],
      }),
      [containerOf('a', 'exited'), containerOf('b', 'running')],
    ),
    does: '',
  },
  { says: 'init before app', view: viewOf(podOf({ initContainers: [INIT] })), does: 'start init#0' },
  { says: 'app waits for init', view: viewOf(podOf({ initContainers: [INIT] }), [containerOf('init', 'running')]), does: '' },
  { says: 'app after init', view: viewOf(podOf({ initContainers: [INIT] }), [containerOf('init', 'exited')]), does: 'start c#0' },
  {
    says: 'init that failed is tried again',
    view: viewOf(podOf({ initContainers: [INIT] }), [containerOf('init', 'exited', { exitCode: 1 })]),
    does: 'start init#1 next 10s',
  },
  {
    says: 'init that failed for good ends the pod',
    view: viewOf(podOf({ restartPolicy: 'Never', initContainers: [INIT] }), [containerOf('init', 'exited', { exitCode: 1 })]),
    does: 'end finished',
  },
  {
    says: 'a sidecar that has started lets the next one begin',
    view: viewOf(podOf({ initContainers: [SIDE, INIT] }), [containerOf('side', 'running')]),
    does: 'start init#0',
  },
  {
    says: 'a sidecar whose startup probe has not passed does not',
    view: viewOf(podOf({ initContainers: [{ ...SIDE, startupProbe: {} }, INIT] }), [containerOf('side', 'running')]),
    does: '',
  },
  {
    says: 'a sidecar that ended is restarted beside the app, also where the pod would not be',
    view: viewOf(podOf({ restartPolicy: 'Never', initContainers: [SIDE] }), [containerOf('side', 'exited'), containerOf('c', 'running')]),
    does: 'start side#1 next 10s',
  },
  {
    says: 'the app is over: so is the sidecar',
    view: viewOf(podOf({ restartPolicy: 'Never', initContainers: [SIDE] }), [containerOf('side', 'running'), containerOf('c', 'exited')]),
    does: 'end finished',
  },
  {
    says: 'an ephemeral container is started once',
    view: viewOf(podOf({ ephemeralContainers: [{ name: 'dbg' }] }), [containerOf('c', 'running')]),
    does: 'start dbg#0',
  },
  {
    says: 'and not again',
    view: viewOf(podOf({ ephemeralContainers: [{ name: 'dbg' }] }), [containerOf('c', 'running'), containerOf('dbg', 'exited', { exitCode: 1 })]),
    does: '',
  },
  {
    says: 'another image: the container is replaced',
    view: viewOf(podOf({ containers: [{ name: 'c', image: 'j' }] }), [containerOf('c', 'running')]),
    does: 'kill c 30s (Container c definition changed, will be restarted)',
  },
  {
    says: 'at once, whatever the policy',
    view: viewOf(podOf({ restartPolicy: 'Never', containers: [{ name: 'c', image: 'j' }] }), [containerOf('c', 'exited', { exitCode: 137 })]),
    does: 'start c#1',
  },
  {
    says: 'a failed liveness probe kills, with the grace period of the probe',
    view: viewOf(podOf({ containers: [{ name: 'c', image: 'i', livenessProbe: { terminationGracePeriodSeconds: 3 } }] }), [containerOf('c', 'running')], {
      memory: { probes: new Map([['c/0', { liveness: false }]]) },
    }),
    does: 'kill c 3s (Container c failed liveness probe, will be restarted)',
  },
  {
    says: 'a container of which the runtime knows nothing is ended first',
    view: viewOf(podOf(), [containerOf('c', 'unknown')]),
    does: 'kill c 30s (Container c is in unknown state, try killing it before restart)',
  },
  {
    says: 'more memory: the container is told, once',
    view: viewOf(podOf({ containers: [{ name: 'c', image: 'i', resources: { limits: { memory: '2Gi' } } }] }), [
      containerOf('c', 'running', { annotations: ONE_GIGABYTE }),
    ]),
    does: 'resize c',
  },
  {
    says: 'while that is under way nothing is done',
    view: viewOf(
      podOf({ containers: [{ name: 'c', image: 'i', resources: { limits: { memory: '2Gi' } } }] }),
      [containerOf('c', 'running', { annotations: ONE_GIGABYTE })],
      { memory: { resizing: new Set(['c/0']) } },
    ),
    does: '',
  },
  {
    says: 'a container that must be restarted for it is',
    view: viewOf(
      podOf({
        containers: [
          { name: 'c', image: 'i', resources: { limits: { memory: '2Gi' } }, resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }] },
        ],
      }),
      [containerOf('c', 'running', { annotations: ONE_GIGABYTE })],
    ),
    does: 'kill c 30s (Container c resize requires restart)',
  },
  {
    says: 'once',
    view: viewOf(podOf(), [containerOf('c', 'running')], { memory: { probes: new Map([['c/0', { liveness: false }]]), killing: new Map([['c/0', T0]]) } }),
    does: '',
  },
  {
    says: 'a start that failed is tried again later',
    view: viewOf(podOf(), [], { memory: { startErrors: new Map([['c', { reason: 'ErrImagePull', message: '', retryAtMs: T0 + 10_000 }]]) } }),
    does: 'again +8s',
  },
  {
    says: 'a sandbox that died takes its containers along, and is made again',
    view: viewOf(podOf(), [containerOf('c', 'exited', { exitCode: 137 })], { sandboxes: [sandboxOf({ ready: false })] }),
    does: 'sandbox #1',
  },
  {
    says: 'what still runs in it is stopped first',
    view: viewOf(podOf(), [containerOf('c', 'running')], { sandboxes: [sandboxOf({ ready: false })] }),
    does: 'kill c 30s (Stopping container c)',
  },
  {
    says: 'in a new sandbox init begins again',
    view: viewOf(podOf({ initContainers: [INIT] }), [containerOf('init', 'exited'), containerOf('c', 'exited')], {
      sandboxes: [sandboxOf({ id: 's1', attempt: 1 }), sandboxOf({ ready: false })],
    }),
    does: 'start init#1',
  },
  {
    says: 'a pod that is not restarted gets no second sandbox',
    view: viewOf(
      podOf({
        restartPolicy: 'Never',
        containers: [
          { name: 'a', image: 'i' },
          { name: 'b', image: 'i' },
        ],
      }),
      [containerOf('a', 'exited')],
      { sandboxes: [sandboxOf({ ready: false })] },
    ),
    does: '',
  },
  {
    says: 'a restart count goes on where the API says it was',
    view: viewOf(
      podOf({}, { status: { containerStatuses: [{ name: 'c', image: '', imageID: '', ready: false, restartCount: 4, containerID: 'containerd://x' }] } }),
    ),
    does: 'start c#5',
  },
  {
    says: 'deleted: it ends',
    view: viewOf(podOf({}, { metadata: { deletionTimestamp: '2030-01-01T00:00:00Z' } }), [containerOf('c', 'running')]),
    does: 'end deleted',
  },
  {
    says: 'past its deadline: it ends',
    view: viewOf(podOf({ activeDeadlineSeconds: 1 }, { status: { startTime: '2030-01-01T00:00:00Z' } }), [containerOf('c', 'running')]),
    does: 'end failed DeadlineExceeded',
  },
  {
    says: 'before its deadline: it is looked at again then',
    view: viewOf(podOf({ activeDeadlineSeconds: 60 }, { status: { startTime: '2030-01-01T00:00:00Z' } }), [containerOf('c', 'running')]),
    does: 'again +58s',
  },
  { says: 'over in the API: nothing is started', view: viewOf(podOf({}, { status: { phase: 'Failed' } })), does: 'end finished' },
  {
    says: 'ending: apps first, in the time that is left',
    view: viewOf(podOf({ initContainers: [SIDE] }), [containerOf('side', 'running'), containerOf('c', 'running')], { memory: { ending: ending() } }),
    does: 'kill c 28s (Stopping container c)',
  },
  {
    says: 'ending: then the sidecars, the last one first',
    view: viewOf(
      podOf({ initContainers: [SIDE, { ...SIDE, name: 'two' }] }),
      [containerOf('side', 'running'), containerOf('two', 'running'), containerOf('c', 'exited')],
      { memory: { ending: ending() } },
    ),
    does: 'kill two 28s (Stopping container two)',
  },
  {
    says: 'ending: a second is always left',
    view: viewOf(podOf(), [containerOf('c', 'running')], { memory: { ending: ending({ graceSeconds: 0 }) } }),
    does: 'kill c 1s (Stopping container c)',
  },
  {
    says: 'ending: not twice',
    view: viewOf(podOf(), [containerOf('c', 'running')], { memory: { ending: ending(), killing: new Map([['c/0', T0 + 30_000]]) } }),
    does: '',
  },
  {
    says: 'ending: again with less time',
    view: viewOf(podOf(), [containerOf('c', 'running')], { memory: { ending: ending({ graceSeconds: 5 }), killing: new Map([['c/0', T0 + 30_000]]) } }),
    does: 'kill c 3s (Stopping container c)',
  },
  { says: 'ending: then the sandbox', view: viewOf(podOf(), [containerOf('c', 'exited')], { memory: { ending: ending() } }), does: 'stop s0' },
  { says: 'ending: a start that is under way is waited for', view: viewOf(podOf(), [], { memory: { ending: ending(), starting: 'c' } }), does: '' },
  {
    says: 'ending: it is over',
    view: viewOf(podOf(), [containerOf('c', 'exited')], { memory: { ending: ending() }, sandboxes: [sandboxOf({ ready: false })] }),
    does: 'ended',
  },
];

for (const { says, view, does } of ROWS) {
  test(says, () => {
    assert.equal(words(decide(view), view.nowMs), does);
    // Safe to repeat: the same view gives the same answer, and nothing in it is changed.
    assert.equal(words(decide(structuredClone(view)), view.nowMs), does);
  });
}

for (const lateMs of [0, 1, 999, 29_500, 40_000]) {
  test(`ending: a kill that is decided ${lateMs} ms after the end began is not decided again while its preStop hook runs`, () => {
    const late = (nowMs: number, killing: ReadonlyMap<string, number> = new Map()): PodView => ({
      ...viewOf(podOf(), [containerOf('c', 'running')], { memory: { ending: ending(), killing } }),
      nowMs,
    });
    const [kill, ...others] = decide(late(T0 + lateMs)).actions;
    assert.ok(kill?.do === 'kill' && others.length === 0);
    for (const laterMs of [0, 1, 300, 5_000]) assert.deepEqual(decide(late(T0 + lateMs + laterMs, new Map([[kill.id, kill.untilMs]]))).actions, []);
  });
}
