/** A VolumeAttributesClass stays while a claim has it, and goes when none does any more. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { namespaces, persistentVolumeClaims, volumeAttributesClasses } from '../src/api/gen/resources.ts';
import { SimulatedCluster } from '../src/testing/simulated-cluster.ts';

it('a VolumeAttributesClass in use stays until it is not', async () => {
  await using cluster = await SimulatedCluster.start({ seed: 1, nodes: 1 });
  const { client } = cluster;
  const left = async (): Promise<readonly string[]> => (await client.list(volumeAttributesClasses)).items.map(({ metadata }) => metadata.name);
  await cluster.perform(client.create(namespaces, { metadata: { name: 'shop' } }));
  for (const name of ['used', 'spare'])
    await cluster.perform(client.create(volumeAttributesClasses, { metadata: { name }, driverName: 'example.com', parameters: { tier: name } }));
  const spec = { accessModes: ['ReadWriteOnce'], volumeAttributesClassName: 'used', resources: { requests: { storage: '1Gi' } } };
  await cluster.perform(client.create(persistentVolumeClaims, { metadata: { name: 'data', namespace: 'shop' }, spec }));
  for (const name of ['used', 'spare']) await cluster.perform(client.delete(volumeAttributesClasses, name));
  await cluster.settle();
  assert.deepEqual(await cluster.perform(left()), ['used']);
  await cluster.perform(client.delete(persistentVolumeClaims, 'data', 'shop'));
  await cluster.settle();
  assert.deepEqual(await cluster.perform(left()), []);
  assert.deepEqual(cluster.refusals, []);
});
