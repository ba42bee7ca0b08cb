import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodes, pods } from '../../api/gen/resources.ts';
import { podTopologyLabels } from './pod-topology-labels.ts';
import { requestOf, run, stored } from './testing.ts';

test('PodTopologyLabels', async () => {
  const objects = [stored(nodes, 'n1', { metadata: { labels: { 'topology.kubernetes.io/zone': 'a', other: 'x' } } })];
  const out = (await run(
    podTopologyLabels,
    requestOf({ resource: pods, subresource: 'binding', name: 'web', object: { metadata: { name: 'web' }, target: { kind: 'Node', name: 'n1' } }, objects }),
  )) as unknown as { metadata: { labels: object } };
  assert.deepEqual(out.metadata.labels, { 'topology.kubernetes.io/zone': 'a' });
});
