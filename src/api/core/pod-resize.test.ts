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
    [
      'spec.containers[0].resources.limits: Forbidden: only cpu and memory resources are mutable',
      'spec.containers[0].resources.requests: Forbidden: only cpu and memory resources are mutable',
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
