import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatFieldError } from '../../machinery/field-error.ts';
import type * as core from '../gen/types/core.v1.ts';
import { defaultPodSpec } from './pod-template.defaults.ts';
import { validateEphemeralContainersUpdate } from './pod.validation.ts';
import { validatePodResize } from './pod-resize.validation.ts';

function pod(resources: core.ResourceRequirements, ephemeral: readonly core.EphemeralContainer[] = []): core.Pod {
  const spec = { containers: [{ name: 'c', image: 'i:1', resources: structuredClone(resources) }], ephemeralContainers: structuredClone([...ephemeral]) };
  defaultPodSpec(spec as never);
  return { metadata: { name: 'x' }, spec, status: { qosClass: 'Burstable' } };
}

const BEFORE = { requests: { cpu: '100m', memory: '1Gi' }, limits: { cpu: '1' } };

const ROWS: readonly (readonly [what: string, now: core.ResourceRequirements, causes: readonly string[]])[] = [
  ['more of both', { requests: { cpu: '200m', memory: '2Gi' }, limits: { cpu: '2' } }, []],
  ['a limit taken away', { requests: BEFORE.requests }, ['spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed']],
  [
    'a device more',
    { ...BEFORE, limits: { cpu: '1', 'nvidia.com/gpu': '1' }, requests: { ...BEFORE.requests, 'nvidia.com/gpu': '1' } },
    ['spec: Forbidden: only cpu and memory resources are mutable'],
  ],
  [
    'all of it taken away',
    {},
    [
      'spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing',
      'spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed',
      'spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed',
    ],
  ],
  [
    'a request above its limit',
    { ...BEFORE, requests: { cpu: '2', memory: '1Gi' } },
    ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
  ],
  [
    'another class of service',
    { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } },
    ['spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing'],
  ],
];

for (const [what, now, causes] of ROWS) test(`resize: ${what}`, () => assert.deepEqual(validatePodResize(pod(now), pod(BEFORE)).map(formatFieldError), causes));

const errorsOf = (now: core.Pod, old: core.Pod): readonly string[] => validatePodResize(now, old).map(formatFieldError);
const container = { name: 'c', image: 'i:1', resources: BEFORE, terminationMessagePolicy: 'File', imagePullPolicy: 'Always' };
const withInit = (requests: string, more: Partial<core.Container>): core.Pod => {
  const before = pod(BEFORE);
  const init = { ...container, name: 'i', resources: { requests: { cpu: requests } }, ...more };
  return { ...before, spec: { containers: [], ...before.spec, initContainers: [init] } };
};

test('resize: containers that run before the others and beside them change in cpu and memory', () => {
  assert.deepEqual(errorsOf(withInit('2', {}), withInit('1', {})), []);
  assert.deepEqual(errorsOf(withInit('2', { restartPolicy: 'Always' }), withInit('1', { restartPolicy: 'Always' })), []);
  assert.deepEqual(errorsOf(withInit('1', { restartPolicy: 'Always', tty: true }), withInit('1', { restartPolicy: 'Always' })), [
    'spec.initContainers[0]: Forbidden: only cpu and memory resources for init or sidecar containers are mutable',
  ]);
  const restarted = { resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] };
  assert.deepEqual(errorsOf(withInit('2', restarted), withInit('1', restarted)), [
    'spec.initContainers[0]: Forbidden: non-sidecar init containers with a resize policy of RestartContainer cannot be resized',
  ]);
});

test('resize: containers are neither added nor moved', () => {
  const two = (...names: readonly string[]): core.Pod => {
    const before = pod(BEFORE);
    return { ...before, spec: { ...before.spec, containers: names.map((name) => ({ ...container, name })) } };
  };
  assert.deepEqual(errorsOf(two('a', 'b'), two('a')), ['spec.containers: Forbidden: containers may not be added or removed on resize']);
  assert.deepEqual(errorsOf(two('b', 'a'), two('a', 'b')), [
    'spec.containers[0].name: Forbidden: containers may not be renamed or reordered on resize',
    'spec.containers[1].name: Forbidden: containers may not be renamed or reordered on resize',
  ]);
  assert.deepEqual(errorsOf(pod(BEFORE), withInit('1', {})), ['spec.initContainers: Forbidden: initContainers may not be added or removed on resize']);
});

test('resize: what the pod as a whole has', () => {
  const whole = (resources: core.ResourceRequirements | undefined): core.Pod => {
    const before = pod({ requests: { cpu: '100m' } });
    return { ...before, spec: { containers: [], ...before.spec, ...(resources === undefined ? {} : { resources }) } };
  };
  const old = whole({ requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '2' } });
  assert.deepEqual(errorsOf(whole({ requests: { cpu: '2', memory: '2Gi' }, limits: { cpu: '3' } }), old), []);
  assert.deepEqual(errorsOf(whole(undefined), old), ['spec.resources: Forbidden: pod-level resources cannot be removed']);
  assert.deepEqual(errorsOf(whole({ requests: { cpu: '2' } }), old), [
    'spec.resources.requests: Forbidden: pod-level resource requests cannot be removed',
    'spec.resources.limits: Forbidden: pod-level resource limits cannot be removed',
  ]);
  assert.deepEqual(errorsOf(whole({ requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '2', 'hugepages-2Mi': '2Mi' } }), old), [
    'spec: Forbidden: only cpu and memory resources are mutable at pod-level',
  ]);
});

test('resize: pods of a file, pods of Windows, and nodes that cannot', () => {
  const now = pod({ ...BEFORE, limits: { cpu: '2' } });
  const old = pod(BEFORE);
  const { spec } = old;
  assert.deepEqual(errorsOf(now, { ...old, metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } } }), [
    ': Forbidden: static pods cannot be resized',
  ]);
  assert.deepEqual(errorsOf(now, { ...old, spec: { containers: [], ...spec, os: { name: 'windows' } } }), [': Forbidden: windows pods cannot be resized']);
  const running = { name: 'c', image: 'i', imageID: '', ready: true, restartCount: 0, state: { running: { startedAt: '2026-01-01T00:00:00Z' } } };
  const on = (resources: object): core.Pod => ({ ...old, status: { qosClass: 'Burstable', containerStatuses: [{ ...running, ...resources }] } });
  assert.deepEqual(errorsOf(now, on({})), ['spec: Forbidden: Pod running on node without support for resize']);
  assert.deepEqual(errorsOf(now, on({ resources: BEFORE })), []);
});

test('ephemeral containers are added, never changed nor removed', () => {
  const one = { name: 'a', image: 'i' };
  const errors = (now: readonly core.EphemeralContainer[], before: readonly core.EphemeralContainer[]): readonly string[] =>
    validateEphemeralContainersUpdate(pod({}, now), pod({}, before)).map(formatFieldError);
  assert.deepEqual(errors([one, { name: 'b', image: 'i' }], [one]), []);
  assert.deepEqual(errors([], [one]), ['spec.ephemeralContainers: Forbidden: existing ephemeral containers "a" may not be removed\n']);
  assert.deepEqual(errors([{ name: 'a', image: 'j' }], [one]), ['spec.ephemeralContainers: Forbidden: existing ephemeral containers "a" may not be changed\n']);
  assert.deepEqual(errors([{ name: 'c', image: 'i' }], []), ['spec.ephemeralContainers[0].name: Duplicate value: "c"']);
  assert.deepEqual(errors([{ name: 'd', image: 'i', ports: [{ containerPort: 1 }] }], []), [
    'spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container',
  ]);
});
