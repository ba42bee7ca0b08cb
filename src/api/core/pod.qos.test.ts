import assert from 'node:assert/strict';
import { test } from 'node:test';
import type * as core from '../gen/types/core.v1.ts';
import { type QosClass, qosClassOf } from './pod.qos.rules.ts';

type Resources = core.ResourceRequirements;
const ROWS: readonly (readonly [what: string, containers: readonly Resources[], expected: QosClass])[] = [
  ['nothing is asked for', [{}], 'BestEffort'],
  ['zero is nothing', [{ requests: { cpu: '0' } }], 'BestEffort'],
  ['other resources do not count', [{ limits: { 'nvidia.com/gpu': '1' }, requests: { 'nvidia.com/gpu': '1' } }], 'BestEffort'],
  ['some is asked for', [{ requests: { cpu: '100m' } }], 'Burstable'],
  ['limits of both, equal', [{ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1000m', memory: '1024Mi' } }], 'Guaranteed'],
  ['limits of both without requests', [{ limits: { cpu: '1', memory: '1Gi' } }], 'Guaranteed'],
  ['requests below the limits', [{ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m', memory: '1Gi' } }], 'Burstable'],
  ['one of two containers without limits', [{ limits: { cpu: '1', memory: '1Gi' } }, {}], 'Burstable'],
];

for (const [what, containers, expected] of ROWS) {
  test(`${what}: ${expected}`, () => assert.equal(qosClassOf({ containers: containers.map((resources, i) => ({ name: `c${i}`, resources })) }), expected));
}

test('resources of the pod as a whole decide, when it has any', () => {
  assert.equal(qosClassOf({ containers: [{ name: 'c' }], resources: { limits: { cpu: '1', memory: '1Gi' } } }), 'Guaranteed');
});
