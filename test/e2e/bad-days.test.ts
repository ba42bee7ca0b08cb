/** Bad days: the machine reboots, the start is interrupted, paths are unusual; and that nothing secret can be read by others. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Berth, run, until } from './berth.ts';

const ROOT = join(import.meta.dirname, '..', '..');

const APP = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: kept }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 32Mi } } }
---
apiVersion: v1
kind: Secret
metadata: { name: password }
stringData: { password: hunter2-hunter2 }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: app }
spec:
  strategy: { type: Recreate }
  selector: { matchLabels: { app: app } }
  template:
    metadata: { labels: { app: app } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: c
          image: busybox:1.36
          command: ["sh", "-c", "trap 'exit 0' TERM; echo start >> /data/log; sync; while true; do sleep 1 & wait $!; done"]
          env: [{ name: PASSWORD, valueFrom: { secretKeyRef: { name: password, key: password } } }]
          volumeMounts: [{ name: v, mountPath: /data }, { name: s, mountPath: /secret }]
      volumes: [{ name: v, persistentVolumeClaim: { claimName: kept } }, { name: s, secret: { secretName: password } }]
---
apiVersion: v1
kind: Pod
metadata: { name: once }
spec:
  restartPolicy: Never
  containers: [{ name: c, image: "busybox:1.36", command: [sleep, "3600"] }]
`;

/** Processes whose command line holds a text, this one apart. */
function processes(needle: string): readonly number[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) return [];
    try {
      return readFileSync(`/proc/${entry}/cmdline`, 'utf8').includes(needle) ? [Number(entry)] : [];
    } catch {
      return [];
    }
  });
}

/** Pids in the cluster's cgroups: its containers. */
function contained(clusterId: string): readonly number[] {
  const root = '/sys/fs/cgroup';
  const found = new Set<number>();
  for (const path of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    if (!path.includes(`berth-${clusterId}`) || !path.endsWith('cgroup.procs')) continue;
    try {
      for (const pid of readFileSync(join(root, path), 'utf8').split('\n')) if (pid !== '') found.add(Number(pid));
    } catch {
      // It went while it was looked for.
    }
  }
  return [...found];
}

/** Kills what may have ended by itself since it was found. */
function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH')) throw thrown;
  }
}

/** What a reboot leaves of a cluster: its files. */
async function reboot(berth: Berth): Promise<void> {
  await berth.kill();
  const { id } = JSON.parse(readFileSync(join(berth.directory, 'cluster.json'), 'utf8')) as { readonly id: string };
  for (const name of ['containerd/config.toml', 'containerd/containerd.sock']) for (const pid of processes(`${berth.directory}/${name}`)) end(pid);
  for (const pid of contained(id)) end(pid);
  await until(
    async () => contained(id).length,
    (left) => left === 0,
    'the containers are dead',
  );
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((target) => target.startsWith(`${berth.directory}/`));
  for (const target of mounts.reverse()) await run('umount', ['-l', target]);
  await run('sh', ['-c', `for l in $(losetup -a | grep ${berth.directory} | cut -d: -f1); do losetup -d $l; done; ip link delete berth-${id}`]);
}

describe('bad days', { skip: process.getuid?.() !== 0 && 'containers need root' }, () => {
  it('the machine reboots: pods come back, volumes have their bytes, what may not restart has failed; nothing secret can be read', async () => {
    await using berth = await Berth.start(['--log-level', 'debug']);
    await berth.apply(APP);
    await berth.kubectl('rollout', 'status', 'deploy/app', '--timeout=240s');
    await berth.kubectl('wait', '--for=condition=Ready', 'pod/once', '--timeout=240s');
    const uid = await berth.get('pods -l app=app', '.items[0].metadata.uid');
    const ip = await berth.get('pods -l app=app', '.items[0].status.podIP');

    // By the API itself: kubectl has `create token` only since 1.24.
    const review = await berth.tryKubectl(['create', '--raw', '/api/v1/namespaces/default/serviceaccounts/default/token', '-f', '-'], {
      stdin: '{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}}',
    });
    const { status } = JSON.parse(review.stdout) as { readonly status: { readonly token: string } };
    const words = [
      'hunter2-hunter2',
      Buffer.from('hunter2-hunter2').toString('base64'),
      status.token,
      'PRIVATE KEY',
      readFileSync(join(berth.directory, 'pki', 'admin.key'), 'utf8').split('\n')[1] ?? '?',
    ];
    const events = await berth.kubectl('get', 'events', '-A', '-o', 'yaml');
    const commands = readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .map((pid) => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        } catch {
          return '';
        }
      })
      .filter((line) => !line.includes('node --test'))
      .join('\n');
    for (const word of words) {
      assert.ok(word.length > 8 && !berth.output.includes(word), `the log holds ${word.slice(0, 12)}…`);
      assert.ok(!events.includes(word), `an event holds ${word.slice(0, 12)}…`);
      assert.ok(!commands.includes(word), `a command line holds ${word.slice(0, 12)}…`);
    }
    for (const name of ['.', 'store', 'pki', 'pool']) assert.equal(statSync(join(berth.directory, name)).mode & 0o077, 0, `${name} is open to others`);
    await until(
      () => berth.tryExec('deploy/app', 'cat', '/data/log'),
      (text) => text === 'start\n',
      'there are bytes to lose',
    );

    await reboot(berth);
    await berth.up();
    await berth.kubectl('rollout', 'status', 'deploy/app', '--timeout=240s');
    const pod = (await berth.get('pods -l app=app', '.items[0].metadata.name')).trim();
    assert.equal(await berth.get(`pod ${pod}`, '.metadata.uid'), uid, 'the same pod');
    await until(
      () => berth.get(`pod ${pod}`, '.status.containerStatuses[0].restartCount'),
      (n) => n === '1',
      'its container was made again',
    );
    await until(
      () => berth.tryExec(pod, 'cat', '/data/log'),
      (text) => text === 'start\nstart\n',
      'its volume has its bytes',
    );
    assert.notEqual(ip, '');
    await until(
      () => berth.get('pod once', '.status.phase'),
      (phase) => phase === 'Failed',
      'what may not restart has failed',
    );
    await berth.kubectl('wait', '--for=condition=Ready', 'node', '--all', '--timeout=240s');
    await berth.kubectl('delete', 'deploy,pod,pvc', '--all', '--timeout=240s');
    await until(
      () => berth.kubectl('get', 'pods', '-o', 'name'),
      (text) => text === '',
      'the pods have gone',
    );
  });

  it('a directory with spaces, and of more bytes than a socket’s name may have', async () => {
    const on = mkdtempSync('/var/tmp/berth-e2e-');
    try {
      const deep = join(on, 'with a space', 'x'.repeat(60), 'y'.repeat(40));
      mkdirSync(deep, { recursive: true });
      await using berth = await Berth.start([], { on: deep });
      assert.match(berth.output, /export KUBECONFIG='[^']+ a space[^']+'/);
      await berth.apply(APP);
      await berth.kubectl('rollout', 'status', 'deploy/app', '--timeout=240s');
      const pod = (await berth.get('pods -l app=app', '.items[0].metadata.name')).trim();
      await until(
        () => berth.tryExec(pod, 'cat', '/data/log', '/secret/password'),
        (text) => text === 'start\nhunter2-hunter2',
        'the volumes are there',
      );
    } finally {
      rmSync(on, { recursive: true, force: true });
    }
  });

  it('a start that is interrupted, by a signal or by `berth down`, ends cleanly', async () => {
    const directory = mkdtempSync('/var/tmp/berth-e2e-');
    try {
      for (const [how, afterMs] of [
        ['SIGTERM', 300],
        ['SIGINT', 700],
        ['down', 600],
        ['down', 1000],
      ] as const) {
        const child = spawn(process.execPath, [join(ROOT, 'bin', 'berth.cjs'), 'up', '--data-dir', directory], {
          cwd: ROOT,
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        let said = '';
        for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
        const ended = once(child, 'close');
        // A stage is told when it is done: the store is open, so the process can be found.
        await until(
          async () => /store$/m.test(said),
          (open) => open,
          'the store is open',
        );
        await delay(afterMs - 300);
        if (how === 'down') assert.equal((await run(process.execPath, [join(ROOT, 'bin', 'berth.cjs'), 'down', '--data-dir', directory])).code, 0);
        else child.kill(how);
        const [code] = (await ended) as [number | null];
        assert.equal(code, 0, said);
        assert.match(said, /stopped\n$/);
      }
      assert.equal((await run(process.execPath, [join(ROOT, 'bin', 'berth.cjs'), 'down', '--data-dir', directory])).code, 0);
      assert.deepEqual(processes(directory), []);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('a damaged record puts its own volume out of order: it says so, the others go on, and once mended it is back', async () => {
    await using berth = await Berth.start();
    const user = (name: string): string => `
apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec:
  terminationGracePeriodSeconds: 1
  containers: [{ name: c, image: "busybox:1.36", command: ["sh", "-c", "echo ${name} > /data/name; trap 'exit 0' TERM; while true; do sleep 1 & wait $!; done"], volumeMounts: [{ name: v, mountPath: /data }] }]
  volumes: [{ name: v, persistentVolumeClaim: { claimName: ${name} } }]
`;
    const claim = (name: string): string =>
      `---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: { name: ${name} }\nspec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 32Mi } } }\n`;
    await berth.apply(`${user('bad')}${claim('bad')}---\n${user('good')}${claim('good')}`);
    await berth.kubectl('wait', '--for=condition=Ready', 'pod/bad', 'pod/good', '--timeout=240s');
    await berth.kubectl('delete', 'pod', 'bad');
    const volume = await berth.get('pvc bad', '.spec.volumeName');
    await berth.interrupt();
    const record = join(berth.directory, 'pool', 'volumes', volume, 'volume.json');
    const text = readFileSync(record, 'utf8');
    writeFileSync(record, '');

    await berth.up();
    await berth.apply(user('bad'));
    await until(
      () => berth.kubectl('describe', 'pod', 'bad'),
      (said) => /FailedMount.*volume\.json can't be read/.test(said),
      'the pod says why it waits',
    );
    await until(
      () => berth.kubectl('get', 'pv', volume),
      (row) => row.includes('VolumeConditionAbnormal'),
      'the volume says so',
    );
    for (const [what, says] of [
      ['pvc/bad', /out of order\.\n +why: .*volume\.json/],
      [`pv/${volume}`, /is out of order\.\n +why: .*volume\.json/],
      ['pod/bad', /volume\.json/],
    ] as const) {
      const why = await berth.cli(['why', what, '--data-dir', berth.directory]);
      assert.equal(why.code, 4);
      assert.match(why.stdout, says);
    }
    assert.equal(await berth.exec('good', 'cat', '/data/name'), 'good\n');

    writeFileSync(record, text);
    await berth.kubectl('wait', '--for=condition=Ready', 'pod/bad', '--timeout=240s');
    await until(
      async () => (await berth.cli(['why', 'pvc/bad', '--data-dir', berth.directory])).code,
      (code) => code === 0,
      'all is well',
    );
  });
});
