/** Kinds at large: those beyond the default ones are collected and emptied as all others; those that nothing acts on say so. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { configMaps, events, jobs, namespaces, networkPolicies, podGroups } from '../src/api/gen/resources.ts';
import { ADMIN, CONTROLLERS, NETWORK_NOTICES } from '../src/apiserver/bootstrap/identities.ts';
import { Disposals } from '../src/base/disposal.ts';
import { VirtualClock } from '../src/base/virtual-clock.ts';
import type { Client } from '../src/client/client.ts';
import { startControllers } from '../src/controllers/controllers.ts';
import { startNetworkNotices } from '../src/network/notices.ts';
import { openControlPlane } from './fixtures/control-plane.ts';

const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
interface Stage extends AsyncDisposable {
  readonly client: Client;
  rest(): Promise<void>;
}

/** An API server with its controllers, on virtual time. */
async function open(runtimeConfig: Readonly<Record<string, boolean>> = {}): Promise<Stage> {
  const clock = new VirtualClock();
  const ends = new Disposals();
  const plane = ends.use(await openControlPlane({ clock, runtimeConfig }));
  ends.use(startControllers({ ...plane.controllerOptions(CONTROLLERS, 'kube-controller-manager'), caPem: '' }));
  ends.use(startNetworkNotices(plane.componentOptions(NETWORK_NOTICES, 'berth-network')));
  const rest = async (): Promise<void> => {
    for (let i = 0; i < 60; i++) await drain();
    await clock.advance(2_000, drain);
    for (let i = 0; i < 60; i++) await drain();
  };
  await rest();
  return { client: plane.componentOptions(ADMIN, 'test').client, rest, [Symbol.asyncDispose]: () => ends[Symbol.asyncDispose]() };
}

it('an alpha kind that was asked for: its objects go with their owner, and with their namespace', { timeout: 300_000 }, async () => {
  await using stage = await open({ 'scheduling.k8s.io/v1alpha2': true });
  const { client } = stage;
  const left = async (): Promise<readonly string[]> => (await client.list(podGroups)).items.map(({ metadata }) => metadata.name);
  await client.create(namespaces, { metadata: { name: 'shop' } });
  const owner = await client.create(configMaps, { metadata: { name: 'owner', namespace: 'shop' } });
  const spec = { schedulingPolicy: { basic: {} } };
  const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata.uid }];
  await client.create(podGroups, { metadata: { name: 'owned', namespace: 'shop', ownerReferences }, spec });
  await client.create(podGroups, { metadata: { name: 'free', namespace: 'shop' }, spec });
  await client.delete(configMaps, 'owner', 'shop');
  await stage.rest();
  assert.deepEqual(await left(), ['free']);
  await client.delete(namespaces, 'shop');
  await stage.rest();
  assert.deepEqual(await left(), []);
  assert.deepEqual(
    (await client.list(namespaces)).items.filter(({ metadata }) => metadata.name === 'shop'),
    [],
  );
});

it('a kind that is kept, and that nothing acts on, says so on each object, once', { timeout: 300_000 }, async () => {
  await using stage = await open();
  const { client } = stage;
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox:1.36' }] } };
  await client.create(jobs, { metadata: { name: 'job', namespace: 'default' }, spec: { template } });
  await client.create(networkPolicies, { metadata: { name: 'policy', namespace: 'default' }, spec: { podSelector: {} } });
  await client.create(configMaps, { metadata: { name: 'map', namespace: 'default' } });
  await stage.rest();
  const said = (await client.list(events, { namespace: 'default' })).items.map(
    ({ involvedObject, reason, count }) => `${involvedObject.name} ${reason} ${count}`,
  );
  assert.deepEqual(said.sort(), ['job NotActedOn 1', 'policy NotRouted 1']);
});
