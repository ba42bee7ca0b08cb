import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pods } from '../../api/gen/resources.ts';
import { limitPodHardAntiAffinityTopology } from './limit-pod-hard-anti-affinity-topology.ts';
import { requestOf, run } from './testing.ts';

const ask = (topologyKey: string): Promise<unknown> => {
  const term = { topologyKey, labelSelector: {} };
  const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
  return run(limitPodHardAntiAffinityTopology, requestOf({ resource: pods, object: { metadata: { name: 'web' }, spec: { containers: [], affinity } } }));
};

test('others may be kept off a node, not off a zone', async () => {
  assert.equal(typeof (await ask('kubernetes.io/hostname')), 'object');
  assert.equal(
    await ask('topology.kubernetes.io/zone'),
    'pods "web" is forbidden: affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey topology.kubernetes.io/zone but only key kubernetes.io/hostname is allowed',
  );
});
