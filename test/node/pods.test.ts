/** The kubelet between a real API server and a simulated runtime: what its users see in the API, and what is left on the machine. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configMaps, events, nodes, pods } from '../../src/api/gen/resources.ts';
import type { ContainerStatus, Pod } from '../../src/api/gen/types/core.v1.ts';
import type { ContainerSpec } from '../../src/node/runtime/runtime.ts';
import { NodeHarness } from './harness.ts';

const GRACE = { terminationGracePeriodSeconds: 1 };

function statusOf(pod: Pod, name = 'c'): ContainerStatus | undefined {
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])].find((s) => s.name === name);
}

async function running(world: NodeHarness, name: string): Promise<void> {
  await world.until(`${name} is Running`, async () => (await world.get(name)).status?.phase === 'Running');
}

async function gone(world: NodeHarness, name: string): Promise<void> {
  await world.until(
    `${name} is gone`,
    async () => (await world.client.list(pods, { namespace: 'default', fieldSelector: `metadata.name=${name}` })).items.length === 0,
  );
}

async function reasons(world: NodeHarness, name: string): Promise<readonly string[]> {
  await world.advance(2_000);
  const all = await world.client.list(events, { namespace: 'default' });
  return all.items.filter((e) => e.involvedObject.name === name).map((e) => e.reason ?? '');
}

async function counts(world: NodeHarness, reason: string): Promise<readonly (number | undefined)[]> {
  const all = await world.client.list(events, { namespace: 'default' });
  return all.items.filter((e) => e.reason === reason).map((e) => e.count);
}

test('a pod runs, is deleted, and nothing of it is left', async () => {
  await using world = await NodeHarness.open();
  await world.start();
  const node = await world.client.get(nodes, 'n1');
  assert.equal(node.status?.conditions?.find((c) => c.type === 'Ready')?.status, 'True');
  const created = await world.create('a', {
    ...GRACE,
    volumes: [{ name: 'v', emptyDir: { medium: 'Memory' } }],
    containers: [{ name: 'c', image: 'busybox:1.36', volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
  });
  await running(world, 'a');
  const pod = await world.get('a');
  assert.deepEqual(
    pod.status?.conditions?.map((c) => `${c.type}=${c.status}`),
    ['PodReadyToStartContainers=True', 'Initialized=True', 'Ready=True', 'ContainersReady=True', 'PodScheduled=True'],
  );
  assert.equal(pod.status?.podIP, '10.244.0.2');
  assert.deepEqual(await reasons(world, 'a'), ['Pulling', 'Pulled', 'Created', 'Started']);

  await world.client.delete(pods, 'a', 'default');
  await gone(world, 'a');
  assert.deepEqual(await reasons(world, 'a'), ['Pulling', 'Pulled', 'Created', 'Started', 'Killing']);
  assert.deepEqual(await counts(world, 'Killing'), [1]);
  assert.deepEqual(await world.runtime.list(), { sandboxes: [], containers: [] });
  assert.equal(await world.host.files.stat(`/var/lib/kubelet/pods/${created.metadata.uid}`), undefined);
  assert.deepEqual(await world.host.mounts.below('/var/lib/kubelet'), []);
});

test('an event of a container says which one it is about', async () => {
  await using world = await NodeHarness.open();
  await world.start();
  await world.create('a', {
    ...GRACE,
    initContainers: [{ name: 'side', image: 'busybox:1.36', restartPolicy: 'Always' }],
    containers: [{ name: 'main', image: 'busybox:1.36' }],
  });
  await running(world, 'a');
  await world.client.delete(pods, 'a', 'default');
  await gone(world, 'a');
  await world.advance(2_000);
  const all = await world.client.list(events, { namespace: 'default' });
  const parts = all.items
    .filter(({ involvedObject }) => involvedObject.name === 'a')
    .map(({ reason, involvedObject: { fieldPath } }) => `${reason} ${fieldPath}`);
  const each = (path: string): readonly string[] => ['Created', 'Killing', 'Pulled', 'Started'].map((reason) => `${reason} ${path}`);
  assert.deepEqual(parts.filter((part) => !part.startsWith('Pulling')).sort(), [...each('spec.containers{main}'), ...each('spec.initContainers{side}')].sort());
});

test('a kubelet that comes back adopts what runs: same containers, same start, no restart', async () => {
  await using world = await NodeHarness.open();
  await world.start();
  await world.create('a', {
    volumes: [{ name: 'v', emptyDir: {} }],
    containers: [{ name: 'c', image: 'busybox:1.36', volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
  });
  await running(world, 'a');
  const before = statusOf(await world.get('a'));
  const uid = (await world.client.get(nodes, 'n1')).metadata.uid;
  await world.stop();
  await world.advance(5_000);
  await world.start();
  await world.advance(30_000);
  assert.deepEqual(statusOf(await world.get('a')), before);
  assert.equal((await world.runtime.list()).containers.length, 1);
  assert.equal((await world.client.get(nodes, 'n1')).metadata.uid, uid);
});

test('what the runtime made after nobody waited for it any more, of a pod that has gone, is found and removed', async () => {
  await using world = await NodeHarness.open();
  await world.start();
  await world.create('a', { ...GRACE, containers: [{ name: 'c', image: 'busybox:1.36' }] });
  await running(world, 'a');
  const [sandbox] = (await world.runtime.list()).sandboxes;
  assert.ok(sandbox !== undefined);
  await world.client.delete(pods, 'a', 'default');
  await gone(world, 'a');
  const { podUid, podName, podNamespace, labels, annotations } = sandbox;
  await world.runtime.runSandbox({
    ...{ podUid, podName, podNamespace, attempt: 7, hostname: 'a', logDirectory: '/tmp', labels, annotations },
    ...{ dns: { servers: [], searches: [], options: [] }, hostNetwork: false, hostPid: false, hostIpc: false, shareProcessNamespace: false },
    ...{ cgroupParent: '', sysctls: {}, portMappings: [], runtimeHandler: '', supplementalGroups: [], privileged: false, readOnlyRootFilesystem: false },
  });
  assert.equal((await world.runtime.list()).sandboxes.length, 1);
  await world.advance(310_000);
  assert.deepEqual(await world.runtime.list(), { sandboxes: [], containers: [] });
});

test('a pod that was deleted while the kubelet was down is cleaned up; foreign directories are left alone', async () => {
  await using world = await NodeHarness.open();
  await world.start();
  const pod = await world.create('a', {
    ...GRACE,
    volumes: [{ name: 'v', emptyDir: {} }],
    containers: [{ name: 'c', image: 'busybox:1.36', volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
  });
  await running(world, 'a');
  await world.stop();
  await world.client.delete(pods, 'a', 'default', { gracePeriodSeconds: 0 });
  await world.host.files.makeDirectory('/var/lib/kubelet/pods/foreign/volumes/kubernetes.io~empty-dir/data');
  await world.start();
  await world.until('nothing runs', async () => (await world.runtime.list()).containers.length === 0);
  await world.advance(1_000);
  assert.equal(await world.host.files.stat(`/var/lib/kubelet/pods/${pod.metadata.uid}`), undefined);
  assert.notEqual(await world.host.files.stat('/var/lib/kubelet/pods/foreign/volumes/kubernetes.io~empty-dir/data'), undefined);
});

test('a container that fails again and again is restarted after 0, 10, 20 … seconds', async () => {
  await using world = await NodeHarness.open({ behave: () => ({ exitsAfterMs: 1_000, exitCode: 3 }) });
  await world.start();
  await world.create('a', {});
  await world.until('back-off', async () => statusOf(await world.get('a'))?.state?.waiting?.reason === 'CrashLoopBackOff');
  const pod = await world.get('a');
  const status = statusOf(pod);
  assert.equal(status?.restartCount, 1);
  assert.equal(status?.lastState?.terminated?.exitCode, 3);
  assert.equal(status?.state?.waiting?.message, `back-off 10s restarting failed container=c pod=a_default(${pod.metadata.uid})`);
  const startedMs: number[] = [];
  let seen = '';
  for (let i = 0; i < 900; i++) {
    const { containers } = await world.runtime.list();
    const newest = containers.toSorted((a, b) => b.attempt - a.attempt)[0];
    if (newest !== undefined && newest.id !== seen && newest.startedAtMs > 0) {
      seen = newest.id;
      startedMs.push(newest.startedAtMs);
    }
    await world.advance(100);
  }
  const gaps = startedMs.slice(1).map((ms, i) => Math.round((ms - (startedMs[i] ?? 0)) / 1_000));
  assert.deepEqual(gaps.slice(0, 3), [11, 21, 41]);
  assert.ok((await world.runtime.list()).containers.length <= 2, 'one dead container is kept for its log');
});

const POLICIES: readonly { readonly says: string; readonly policy: string; readonly exitCode: number; readonly phase: string; readonly restarted: boolean }[] =
  [
    { says: 'Never and success', policy: 'Never', exitCode: 0, phase: 'Succeeded', restarted: false },
    { says: 'Never and failure', policy: 'Never', exitCode: 1, phase: 'Failed', restarted: false },
    { says: 'OnFailure and success', policy: 'OnFailure', exitCode: 0, phase: 'Succeeded', restarted: false },
    { says: 'OnFailure and failure', policy: 'OnFailure', exitCode: 1, phase: 'Running', restarted: true },
    { says: 'Always and success', policy: 'Always', exitCode: 0, phase: 'Running', restarted: true },
  ];

for (const { says, policy, exitCode, phase, restarted } of POLICIES) {
  test(`restart policy ${says}: ${phase}`, async () => {
    await using world = await NodeHarness.open({ behave: () => ({ exitsAfterMs: 500, exitCode }) });
    await world.start();
    await world.create('a', { restartPolicy: policy });
    await world.advance(4_000);
    const pod = await world.get('a');
    assert.equal(pod.status?.phase, phase);
    assert.equal((statusOf(pod)?.restartCount ?? 0) > 0, restarted);
    if (restarted) return;
    assert.equal(statusOf(pod)?.state?.terminated?.exitCode, exitCode);
    assert.equal(pod.status?.conditions?.find((c) => c.type === 'Ready')?.reason, exitCode === 0 ? 'PodCompleted' : 'PodFailed');
    assert.ok((await world.runtime.list()).sandboxes.every((s) => !s.ready));
  });
}

test('init containers run one after another, a sidecar before the app and until after it', async () => {
  const order: string[] = [];
  await using world = await NodeHarness.open({
    behave: ({ name }) => {
      order.push(name);
      return name.startsWith('init') ? { exitsAfterMs: 200 } : name === 'app' ? { exitsAfterMs: 2_000 } : {};
    },
  });
  await world.start();
  await world.create('a', {
    restartPolicy: 'Never',
    initContainers: [
      { name: 'init1', image: 'i' },
      { name: 'side', image: 'i', restartPolicy: 'Always' },
      { name: 'init2', image: 'i' },
    ],
    containers: [{ name: 'app', image: 'i' }],
  });
  await world.until('first', async () => statusOf(await world.get('a'), 'init1')?.state?.running !== undefined);
  const early = await world.get('a');
  assert.equal(early.status?.phase, 'Pending');
  assert.equal(statusOf(early, 'app')?.state?.waiting?.reason, 'PodInitializing');
  await world.until('over', async () => (await world.get('a')).status?.phase === 'Succeeded');
  assert.deepEqual(order, ['init1', 'side', 'init2', 'app']);
  await world.advance(1_000);
  assert.ok((await world.runtime.list()).containers.every((c) => c.state === 'exited'));
});

test('a failed init container ends a pod that is not restarted', async () => {
  await using world = await NodeHarness.open({ behave: ({ name }) => (name === 'init' ? { exitsAfterMs: 100, exitCode: 7 } : {}) });
  await world.start();
  await world.create('a', { restartPolicy: 'Never', initContainers: [{ name: 'init', image: 'i' }] });
  await world.until('Failed', async () => (await world.get('a')).status?.phase === 'Failed');
  const pod = await world.get('a');
  assert.equal(statusOf(pod, 'init')?.state?.terminated?.exitCode, 7);
  assert.equal(pod.status?.conditions?.find((c) => c.type === 'Initialized')?.message, 'containers with incomplete status: [init]');
});

test('readiness, startup and liveness decide by their thresholds', async () => {
  let healthy = false;
  await using world = await NodeHarness.open({
    network: { http: async () => ({ status: healthy ? 200 : 503, body: '' }), tcp: async () => undefined, grpc: async () => ({ status: 'SERVING' }) },
  });
  await world.start();
  const httpGet = { path: '/', port: 80 };
  await world.create('a', {
    ...GRACE,
    containers: [{ name: 'c', image: 'i', readinessProbe: { httpGet, periodSeconds: 1 }, livenessProbe: { httpGet, periodSeconds: 2, failureThreshold: 5 } }],
  });
  await running(world, 'a');
  assert.equal(statusOf(await world.get('a'))?.ready, false);
  healthy = true;
  await world.until('ready', async () => statusOf(await world.get('a'))?.ready === true);
  healthy = false;
  await world.until('not ready', async () => statusOf(await world.get('a'))?.ready === false);
  await world.until('restarted', async () => statusOf(await world.get('a'))?.restartCount === 1);
  const told = await reasons(world, 'a');
  assert.ok(told.includes('Unhealthy') && told.includes('Killing'), told.join());
});

test('a pod that was ready stays ready while the kubelet comes back', async () => {
  await using world = await NodeHarness.open();
  await world.start();
  const httpGet = { path: '/', port: 80 };
  await world.create('a', {
    containers: [{ name: 'c', image: 'i', readinessProbe: { httpGet, periodSeconds: 5 }, startupProbe: { httpGet, initialDelaySeconds: 3 } }],
  });
  await world.until('ready', async () => statusOf(await world.get('a'))?.ready === true);
  const before = (await world.get('a')).status;
  await world.stop();
  await world.advance(10_000);
  await world.start();
  for (let i = 0; i < 50; i++) {
    assert.deepEqual((await world.get('a')).status, before);
    await world.advance(200);
  }
});

test('a pod past its deadline fails', async () => {
  await using world = await NodeHarness.open();
  await world.start();
  await world.create('a', { ...GRACE, activeDeadlineSeconds: 5 });
  await running(world, 'a');
  await world.until('Failed', async () => (await world.get('a')).status?.phase === 'Failed');
  assert.equal((await world.get('a')).status?.reason, 'DeadlineExceeded');
  await world.until('stopped', async () => (await world.runtime.list()).containers.every((c) => c.state === 'exited'));
});

test('an image that cannot be pulled: ErrImagePull, then ImagePullBackOff, then it is there', async () => {
  let there = false;
  await using world = await NodeHarness.open({ pullFault: (image) => (there ? undefined : `failed to resolve reference "${image}"`) });
  await world.start();
  await world.create('a', {});
  await world.until('ErrImagePull', async () => statusOf(await world.get('a'))?.state?.waiting?.reason === 'ErrImagePull');
  await world.until('ImagePullBackOff', async () => statusOf(await world.get('a'))?.state?.waiting?.reason === 'ImagePullBackOff');
  there = true;
  await running(world, 'a');
});

test('a volume follows its ConfigMap by the atomic layout, and a missing one is told of', async () => {
  await using world = await NodeHarness.open();
  await world.start();
  const pod = await world.create('a', {
    volumes: [{ name: 'conf', configMap: { name: 'settings', defaultMode: 0o400 } }],
    containers: [{ name: 'c', image: 'i', volumeMounts: [{ name: 'conf', mountPath: '/etc/app' }] }],
  });
  await world.advance(3_000);
  assert.equal(statusOf(await world.get('a'))?.state?.waiting?.reason, 'ContainerCreating');
  assert.ok((await reasons(world, 'a')).includes('FailedMount'));
  await world.client.create(configMaps, { metadata: { name: 'settings', namespace: 'default' }, data: { mode: 'fast', gone: 'soon' } });
  await running(world, 'a');
  const directory = `/var/lib/kubelet/pods/${pod.metadata.uid}/volumes/kubernetes.io~configmap/conf`;
  assert.equal(await world.host.files.readText(`${directory}/mode`), 'fast');
  assert.equal((await world.host.files.stat(`${directory}/mode`, { follow: true }))?.mode, 0o400);
  assert.equal(await world.host.files.readLink(`${directory}/mode`), '..data/mode');
  const version = await world.host.files.readLink(`${directory}/..data`);
  await world.client.patch(configMaps, 'settings', { type: 'merge', body: { data: { mode: 'slow', gone: null, new: 'x' } } }, { namespace: 'default' });
  await world.until('followed', async () => (await world.host.files.readText(`${directory}/mode`)) === 'slow', 5);
  const names = (await world.host.files.readDirectory(directory)).map((e) => e.name);
  assert.ok(!names.includes('gone') && names.includes('new') && !names.includes(version ?? ''), names.join());
});

test('a pod that fills its emptyDir beyond the limit is put out', async () => {
  let bytes = 1_000;
  await using world = await NodeHarness.open({ run: (command) => ({ code: 0, stdout: command === 'du' ? `${bytes}\t/x\n` : '', stderr: '' }) });
  await world.start();
  await world.create('a', {
    ...GRACE,
    volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Mi' } }],
    containers: [{ name: 'c', image: 'i', volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
  });
  await running(world, 'a');
  await world.advance(30_000);
  assert.equal((await world.get('a')).status?.phase, 'Running');
  bytes = 2 ** 21;
  await world.until('Failed', async () => (await world.get('a')).status?.phase === 'Failed');
  await world.advance(1_000);
  const { status } = await world.get('a');
  assert.deepEqual([status?.reason, status?.message], ['Evicted', 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ']);
  assert.equal(status?.conditions?.find((c) => c.type === 'DisruptionTarget')?.reason, 'TerminationByKubelet');
  assert.ok((await world.runtime.list()).containers.every((c) => c.state === 'exited'));
});

test('an image is replaced under a running pod', async () => {
  await using world = await NodeHarness.open();
  await world.start();
  await world.create('a', GRACE);
  await running(world, 'a');
  const before = statusOf(await world.get('a'));
  await world.client.patch(pods, 'a', { type: 'strategic', body: { spec: { containers: [{ name: 'c', image: 'busybox:2' }] } } }, { namespace: 'default' });
  await world.until('replaced', async () => statusOf(await world.get('a'))?.restartCount === 1 && statusOf(await world.get('a'))?.ready === true);
  const after = statusOf(await world.get('a'));
  assert.notEqual(after?.containerID, before?.containerID);
  assert.equal((await world.get('a')).status?.observedGeneration, 2);
});

test('force deletion ends what runs, and a new pod of the name does not wait for it', async () => {
  await using world = await NodeHarness.open({ behave: () => ({ stopsInMs: 20_000 }) });
  await world.start();
  await world.create('a', {});
  await running(world, 'a');
  await world.client.delete(pods, 'a', 'default', { gracePeriodSeconds: 0 });
  const next = await world.create('a', {});
  await running(world, 'a');
  assert.equal((await world.get('a')).metadata.uid, next.metadata.uid);
  await world.until('one left', async () => (await world.runtime.list()).containers.length === 1, 40);
});

test('a grace period that is shortened later counts from then', async () => {
  await using world = await NodeHarness.open({ behave: () => ({ stopsInMs: 1_000_000 }) });
  await world.start();
  await world.create('a', { terminationGracePeriodSeconds: 600 });
  await running(world, 'a');
  await world.client.delete(pods, 'a', 'default');
  await world.advance(30_000);
  assert.equal((await world.get('a')).metadata.deletionGracePeriodSeconds, 600);
  await world.client.delete(pods, 'a', 'default', { gracePeriodSeconds: 3 });
  await world.until('gone', async () => (await world.runtime.list()).sandboxes.length === 0, 10);
});

test('GPUs are allocated once, told to the container, and free again afterwards', async () => {
  const env: (string | undefined)[] = [];
  await using world = await NodeHarness.open({
    extendedResources: { 'nvidia.com/gpu': 2 },
    behave: (spec) => {
      env.push(spec.env.find((e) => e.name === 'NVIDIA_VISIBLE_DEVICES')?.value);
      return {};
    },
  });
  await world.start();
  assert.equal((await world.client.get(nodes, 'n1')).metadata.labels?.['nvidia.com/gpu.present'], 'true');
  const containers = [{ name: 'c', image: 'i', resources: { limits: { 'nvidia.com/gpu': '1' } } }];
  await world.create('a', { ...GRACE, containers });
  await world.create('b', { ...GRACE, containers });
  await running(world, 'a');
  await running(world, 'b');
  assert.deepEqual(new Set(env), new Set(['0', '1']));
  await world.create('late', { ...GRACE, containers });
  await world.until('refused', async () => (await world.get('late')).status?.phase === 'Failed');
  assert.equal((await world.get('late')).status?.reason, 'OutOfnvidia.com/gpu');
  await world.client.delete(pods, 'a', 'default');
  await gone(world, 'a');
  await world.stop();
  await world.start();
  await world.create('d', { ...GRACE, containers });
  await running(world, 'd');
  assert.equal(new Set(env.slice(1)).size, 2, `two running pods share no GPU: ${env.join()}`);
});

test('devices of a plugin: counted, given to a container with what they need, and gone with the plugin', async () => {
  let healthy: readonly string[] = ['x', 'y'];
  let tell = (): void => {};
  const made: ContainerSpec[] = [];
  await using world = await NodeHarness.open({
    deviceSource: {
      devices: () => new Map([['example.com/card', healthy]]),
      onChange: (listener) => {
        tell = listener;
        return { [Symbol.dispose]: () => {} };
      },
      edits: async (resource, ids) => ({
        env: { CARDS: `${resource} ${ids.join()}` },
        mounts: [],
        devices: ids.map((id) => ({ hostPath: `/dev/${id}`, containerPath: `/dev/${id}`, permissions: 'rw' })),
      }),
    },
    behave: (spec) => {
      made.push(spec);
      return {};
    },
  });
  await world.start();
  assert.equal((await world.client.get(nodes, 'n1')).status?.allocatable?.['example.com/card'], '2');
  await world.create('a', { containers: [{ name: 'c', image: 'i', resources: { limits: { 'example.com/card': '2' } } }] });
  await running(world, 'a');
  assert.equal(made[0]?.env.find((e) => e.name === 'CARDS')?.value, 'example.com/card x,y');
  assert.deepEqual(
    made[0]?.devices.map((d) => d.hostPath),
    ['/dev/x', '/dev/y'],
  );
  healthy = ['x'];
  tell();
  await world.until('told', async () => (await world.client.get(nodes, 'n1')).status?.allocatable?.['example.com/card'] === '1');
  await running(world, 'a');
});
