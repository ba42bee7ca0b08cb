import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pods } from '../../api/gen/resources.ts';
import { extendedResourceToleration } from './extended-resource-toleration.ts';
import { requestOf, run } from './testing.ts';

test('who asks for a device tolerates the taint of its name, once', async () => {
  const requests = { cpu: '1', 'nvidia.com/gpu': '1', 'example.com/fpga': '2' };
  const tolerations = [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }];
  const object = { metadata: { name: 'web' }, spec: { containers: [{ name: 'a', resources: { requests } }], tolerations } };
  const out = (await run(extendedResourceToleration, requestOf({ resource: pods, object }))) as unknown as typeof object;
  assert.deepEqual(out.spec.tolerations, [...tolerations, { key: 'example.com/fpga', operator: 'Exists', effect: 'NoSchedule' }]);
});
