/**
 * One node under everything at once: pods come, go and are forced out, containers crash, images can't be pulled, drivers refuse, the
 * kubelet is killed and comes back. After it settles, what runs is what the API says, and nothing else is left. The seed is printed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { configMaps, pods } from '../../src/api/gen/resources.ts';
import { NodeHarness } from './harness.ts';

type Step =
  | { readonly do: 'create' | 'delete' | 'force' | 'crash' | 'config'; readonly pod: number }
  | { readonly do: 'restart' | 'pulls fail' | 'pulls work' | 'wait' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('create' as const), pod: fc.nat(4) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('delete' as const, 'force' as const, 'crash' as const, 'config' as const), pod: fc.nat(4) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('restart' as const, 'pulls fail' as const, 'pulls work' as const, 'wait' as const) }) },
);

const SPECS = [
  {},
  { restartPolicy: 'Never' },
  { initContainers: [{ name: 'init', image: 'init:1' }] },
  { initContainers: [{ name: 'side', image: 'side:1', restartPolicy: 'Always' }] },
  {
    volumes: [
      { name: 'm', emptyDir: { medium: 'Memory' } },
      { name: 'c', configMap: { name: 'settings' } },
    ],
    containers: [
      {
        name: 'c',
        image: 'app:1',
        volumeMounts: [
          { name: 'm', mountPath: '/m' },
          { name: 'c', mountPath: '/c' },
        ],
      },
    ],
  },
] as const;

async function perform(world: NodeHarness, steps: readonly Step[], state: { pullsFail: boolean; version: number }): Promise<void> {
  for (const s of steps) {
    switch (s.do) {
      case 'create':
        await world.create(`p${s.pod}`, { terminationGracePeriodSeconds: 2, ...SPECS[s.pod] } as never).catch(() => {});
        break;
      case 'delete':
      case 'force':
        await world.client.delete(pods, `p${s.pod}`, 'default', s.do === 'force' ? { gracePeriodSeconds: 0 } : {}).catch(() => {});
        break;
      case 'crash': {
        const running = (await world.runtime.list()).containers.filter((c) => c.state === 'running');
        const chosen = running[s.pod % Math.max(1, running.length)];
        if (chosen !== undefined) world.runtime.crash(chosen.id, 1);
        break;
      }
      case 'config':
        await world.client.patch(configMaps, 'settings', { type: 'merge', body: { data: { v: String(++state.version) } } }, { namespace: 'default' });
        break;
      case 'restart':
        await world.stop();
        await world.advance(500);
        await world.start();
        break;
      case 'pulls fail':
      case 'pulls work':
        state.pullsFail = s.do === 'pulls fail';
        break;
      case 'wait':
        await world.advance(7_000);
        break;
    }
    await world.advance(50);
  }
}

async function check(world: NodeHarness, version: number): Promise<void> {
  const all = (await world.client.list(pods, { namespace: 'default' })).items;
  const { sandboxes, containers } = await world.runtime.list();
  const uids = new Set(all.map((p) => p.metadata.uid));
  assert.deepEqual(
    sandboxes.filter((s) => !uids.has(s.podUid)),
    [],
    'no sandbox without its pod',
  );
  assert.deepEqual(
    containers.filter((c) => !uids.has(c.podUid)),
    [],
    'no container without its pod',
  );
  const directories = await world.host.files.readDirectory('/var/lib/kubelet/pods');
  assert.deepEqual(
    directories.map((d) => d.name).filter((uid) => !uids.has(uid)),
    [],
    'no directory without its pod',
  );
  for (const pod of all) {
    assert.equal(pod.metadata.deletionTimestamp, undefined, 'what was deleted is gone');
    const running = containers.filter((c) => c.podUid === pod.metadata.uid && c.state === 'running');
    const wanted =
      pod.status?.phase === 'Running' ? [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always')] : [];
    assert.deepEqual(running.map((c) => c.name).toSorted(), wanted.map((c) => c.name).toSorted(), `${pod.metadata.name} is ${pod.status?.phase}`);
    for (const status of pod.status?.containerStatuses ?? []) {
      const id = status.containerID?.replace('containerd://', '');
      if (status.state?.running !== undefined)
        assert.ok(
          running.some((c) => c.id === id && c.attempt === status.restartCount),
          'the status names what runs',
        );
    }
    const mounts = await world.host.mounts.below(`/var/lib/kubelet/pods/${pod.metadata.uid}`);
    if (wanted.length === 0) assert.deepEqual(mounts, [], 'a pod that is over has nothing mounted');
    const config = `/var/lib/kubelet/pods/${pod.metadata.uid}/volumes/kubernetes.io~configmap/c/v`;
    if (wanted.length > 0 && pod.metadata.name === 'p4') assert.equal(await world.host.files.readText(config), String(version), 'the newest configuration');
  }
}

test('whatever happens, a node comes to rest where the API says', { timeout: 300_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const state = { pullsFail: false, version: 0 };
      await using world = await NodeHarness.open({
        behave: ({ name }) => (name === 'init' ? { exitsAfterMs: 300 } : { stopsInMs: 1_000 }),
        pullFault: () => (state.pullsFail ? 'the registry is away' : undefined),
      });
      await world.client.create(configMaps, { metadata: { name: 'settings', namespace: 'default' }, data: { v: '0' } });
      await world.start();
      await perform(world, steps, state);
      state.pullsFail = false;
      // Longer than the longest back-off.
      await world.advance(700_000);
      await check(world, state.version);
    }),
    { numRuns: 20, verbose: 1 },
  );
});

test('the checks see a sandbox that is left behind (canary)', async () => {
  await using world = await NodeHarness.open();
  await world.client.create(configMaps, { metadata: { name: 'settings', namespace: 'default' } });
  world.runtime.removeSandbox = async () => {};
  await world.start();
  await perform(world, [{ do: 'create', pod: 0 }, { do: 'wait' }, { do: 'force', pod: 0 }], { pullsFail: false, version: 0 });
  await world.advance(60_000);
  await assert.rejects(check(world, 0), /no sandbox without its pod/);
});
