/** What survives: kills of Berth, of containerd, of a shim; restarts; a second cluster and foreign pods beside ours. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Berth, run, until } from './berth.ts';

const STEADY = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: kept }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 32Mi } } }
---
apiVersion: v1
kind: Pod
metadata: { name: steady }
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: c
      image: busybox:1.36
      command: ["sh", "-c", "n=$(cat /data/n 2>/dev/null || echo 0); while true; do n=$((n+1)); echo $n > /data/t && mv /data/t /data/n; sleep 0.2; done"]
      volumeMounts: [{ name: v, mountPath: /data }, { name: e, mountPath: /scratch }]
  volumes: [{ name: v, persistentVolumeClaim: { claimName: kept } }, { name: e, emptyDir: {} }]
`;

/** Processes by what their command line holds. */
function processes(needle: string): readonly number[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      return readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ').includes(needle) ? [Number(entry)] : [];
    } catch {
      return [];
    }
  });
}

describe('what survives', () => {
  let berth: Berth;
  before(async () => {
    berth = await Berth.start();
    await berth.apply(STEADY);
    await berth.kubectl('wait', '--for=condition=Ready', 'pod/steady', '--timeout=240s');
  });
  after(() => berth[Symbol.asyncDispose]());

  const identity = (): Promise<string> =>
    berth.get(
      'pod steady',
      '.metadata.uid} {.status.containerStatuses[0].containerID} {.status.containerStatuses[0].state.running.startedAt} {.status.containerStatuses[0].restartCount',
    );
  const count = async (): Promise<number> => Number((await berth.tryKubectl(['exec', 'steady', '--', 'cat', '/data/n'])).stdout);
  const goesOn = async (): Promise<void> => {
    const n = await count();
    await until(count, (now) => now > n, 'the count goes on');
  };

  it('Ctrl-C leaves pods running; the next start is the same cluster with the same containers', async () => {
    const before = await identity();
    const namespace = await berth.get('namespace default', '.metadata.uid');
    assert.equal(await berth.interrupt(), 0);
    assert.equal(processes(`${berth.directory}/containerd/containerd.sock`).length > 0, true, 'the shim runs on');
    await berth.up();
    assert.equal(await identity(), before);
    assert.equal(await berth.get('namespace default', '.metadata.uid'), namespace);
    await goesOn();
  });

  it('kill -9 of the whole process group', async () => {
    const before = await identity();
    await berth.kill();
    await berth.up();
    assert.equal(await identity(), before);
    await goesOn();
  });

  it('kill -9 of containerd: it comes back by itself, and finds its containers', async () => {
    const before = await identity();
    const config = `${berth.directory}/containerd/config.toml`;
    const [pid] = processes(`--config ${config}`);
    assert.ok(pid !== undefined);
    process.kill(pid, 'SIGKILL');
    await until(
      async () => processes(`--config ${config}`).filter((each) => each !== pid).length,
      (n) => n > 0,
      'containerd runs again',
    );
    await until(count, (n) => n > 0, 'exec works again');
    assert.equal(await identity(), before);
    await goesOn();
  });

  it('a containerd that was started again outlives Berth too, and is taken over', async () => {
    const before = await identity();
    const [pid] = processes(`--config ${berth.directory}/containerd/config.toml`);
    assert.ok(pid !== undefined);
    await berth.kill();
    assert.deepEqual(processes(`--config ${berth.directory}/containerd/config.toml`), [pid]);
    await berth.up();
    assert.match(berth.output, new RegExp(`containerd adopted pid=${pid} `));
    assert.equal(await identity(), before);
    await goesOn();
  });

  it('kill -9 of Berth and containerd together', async () => {
    const before = await identity();
    const [pid] = processes(`--config ${berth.directory}/containerd/config.toml`);
    await berth.kill();
    assert.ok(pid !== undefined);
    process.kill(pid, 'SIGKILL');
    await berth.up();
    assert.equal(await identity(), before);
    await goesOn();
  });

  it('kill -9 of the helper process: another one takes its place, volumes come and go', async () => {
    const before = await identity();
    const [helper] = processes('host-process').filter((pid) =>
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) . /, '')
        .startsWith(`${berth.pid} `),
    );
    assert.ok(helper !== undefined);
    process.kill(helper, 'SIGKILL');
    await berth.apply(STEADY.replaceAll('kept', 'other').replaceAll('steady', 'other'));
    await berth.kubectl('wait', '--for=condition=Ready', 'pod/other', '--timeout=240s');
    await berth.kubectl('delete', 'pod,pvc', 'other', '--timeout=240s');
    assert.equal(await identity(), before);
    await goesOn();
  });

  it('kill -9 of the shim: the container is made again, the count goes on from where it was', async () => {
    const n = await count();
    const id = (await berth.get('pod steady', '.status.containerStatuses[0].containerID')).replace('containerd://', '');
    // That of the pod before it may still be ending, and one that is made has a short-lived parent.
    const shims = await until(
      async () => processes(`-address ${berth.directory}/containerd/containerd.sock`),
      ({ length }) => length === 1,
      'one shim',
    );
    for (const pid of shims) process.kill(pid, 'SIGKILL');
    await until(
      () => berth.get('pod steady', '.status.containerStatuses[0].containerID'),
      (now) => now !== '' && !now.includes(id),
      'a new container',
    );
    await until(count, (now) => now >= n && now > 0, 'the count is not lower');
    await goesOn();
  });

  it('foreign pods beside ours are never touched', async () => {
    const foreign = join(berth.directory, 'kubelet', 'pods', '11111111-2222-4333-8444-555555555555', 'volumes', 'kubernetes.io~empty-dir', 'precious');
    mkdirSync(foreign, { recursive: true });
    writeFileSync(join(foreign, 'bytes'), 'keep me');
    await berth.interrupt();
    await berth.up();
    await goesOn();
    assert.equal(readFileSync(join(foreign, 'bytes'), 'utf8'), 'keep me');
    rmSync(join(berth.directory, 'kubelet', 'pods', '11111111-2222-4333-8444-555555555555'), { recursive: true });
  });

  it('a second cluster beside the first: nothing is shared, and its end leaves the first alone', async () => {
    const before = await identity();
    {
      await using second = await Berth.start();
      await second.apply(STEADY);
      await second.kubectl('wait', '--for=condition=Ready', 'pod/steady', '--timeout=240s');
      const addresses = await Promise.all([berth, second].map((each) => each.get('pod steady', '.status.podIP')));
      assert.notEqual(addresses[0], addresses[1]);
      assert.notEqual((await second.kubectl('cluster-info')).split('\n')[0], (await berth.kubectl('cluster-info')).split('\n')[0]);
    }
    assert.equal(await identity(), before);
    await goesOn();
  });

  it('a second `berth up` on the same directory is refused in one line that names the first, and changes nothing there', async () => {
    const identity = readFileSync(join(berth.directory, 'cluster.json'), 'utf8');
    const { code, stderr } = await berth.cli(['up', '--data-dir', berth.directory]);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`^berth: .*${berth.pid}.*\\n$`));
    assert.equal(readFileSync(join(berth.directory, 'cluster.json'), 'utf8'), identity, 'the ports are those of the first');
    await goesOn();
  });

  it('a deleted pod frees its directory, mounts and loop device; the claim keeps the bytes', async () => {
    const uid = await berth.get('pod steady', '.metadata.uid');
    const n = await count();
    await berth.kubectl('delete', 'pod', 'steady');
    const mounts = (): readonly string[] =>
      readFileSync('/proc/self/mountinfo', 'utf8')
        .split('\n')
        .filter((line) => line.includes(uid));
    await until(
      async () => mounts().length,
      (left) => left === 0,
      'the mounts have gone',
    );
    await until(
      async () => existsSync(join(berth.directory, 'kubelet', 'pods', uid)),
      (there) => !there,
      'the directory has gone',
    );
    await berth.apply(STEADY);
    await berth.kubectl('wait', '--for=condition=Ready', 'pod/steady', '--timeout=240s');
    await until(count, (now) => now >= n, 'the count is not lower');
  });

  it('status says what runs; down stops it, and says so when nothing does', async () => {
    const status = await berth.cli(['status', '--data-dir', berth.directory, '-o', 'json']);
    assert.equal(status.code, 0, status.stderr);
    const seen = JSON.parse(status.stdout) as {
      readonly running: boolean;
      readonly nodes: readonly { readonly ready: boolean }[];
      readonly defaultStorageClass: string;
    };
    assert.deepEqual([seen.running, seen.nodes[0]?.ready, seen.defaultStorageClass], [true, true, 'berth']);
    const down = await berth.cli(['down', '--data-dir', berth.directory]);
    assert.equal(down.code, 0, down.stderr);
    assert.deepEqual(processes(`${berth.directory}/containerd`), [], 'no process is left');
    assert.doesNotMatch((await run('losetup', ['-a'])).stdout, new RegExp(berth.directory));
    assert.equal((await berth.cli(['status', '--data-dir', berth.directory])).code, 3);
    await berth.up();
    await berth.kubectl('wait', '--for=condition=Ready', 'pod/steady', '--timeout=240s');
    await goesOn();
  });
});
