/** The mission's manifests in real containers: what they write outlives pods, restarts and kills. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { Berth, until } from './berth.ts';

const WORKSPACE = '/var/lib/berth-mission';

describe('the mission', () => {
  let berth: Berth;
  before(async () => {
    rmSync(WORKSPACE, { recursive: true, force: true });
    berth = await Berth.start(['--extended-resource', 'nvidia.com/gpu=2']);
  });
  after(async () => {
    await berth[Symbol.asyncDispose]();
    rmSync(WORKSPACE, { recursive: true, force: true });
  });

  /** The highest count that anybody read of 02's volume: no later read may be below it. */
  let highest = 0;
  const counter = async (): Promise<number> => {
    const read = await berth.tryKubectl(['exec', 'deploy/counter', '--', 'cat', '/data/n']);
    if (read.code !== 0) return highest;
    const n = Number(read.stdout);
    assert.ok(n >= highest, `the counter went back from ${highest} to ${n}`);
    highest = n;
    return n;
  };
  const beyond = (least: number): Promise<number> => until(counter, (n) => n > least, `the counter goes beyond ${least}`);

  it('01: both replicas write to the shared file, and it goes on growing after the pods are deleted', async () => {
    await berth.kubectl('apply', '-f', berth.mission('01-static.yaml'));
    await berth.kubectl('rollout', 'status', 'deploy/writer', '--timeout=240s');
    const log = async (): Promise<readonly string[]> =>
      (await readFile(`${WORKSPACE}/workspace/log`, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
    const pods = (await berth.get('pods -l app=writer', '.items[*].metadata.name')).split(' ');
    assert.equal(pods.length, 2);
    const before = await until(log, (lines) => pods.every((pod) => lines.some((line) => line.startsWith(pod))), 'both pods have written');
    await berth.kubectl('delete', 'pod', '-l', 'app=writer');
    await berth.kubectl('rollout', 'status', 'deploy/writer', '--timeout=240s');
    const fresh = (await berth.get('pods -l app=writer', '.items[*].metadata.name')).split(' ');
    const grown = await until(log, (lines) => fresh.every((pod) => lines.some((line) => line.startsWith(pod))), 'both new pods have written');
    assert.deepEqual(grown.slice(0, before.length), before, 'nothing is lost');
    assert.equal(await berth.get('pvc workspace', '.status.phase'), 'Bound');
    await berth.kubectl('delete', '-f', berth.mission('01-static.yaml'));
    assert.ok((await log()).length >= grown.length, 'a retained volume keeps its bytes');
  });

  it('02: the counter never goes back', async () => {
    await berth.kubectl('apply', '-f', berth.mission('02-dynamic.yaml'));
    await berth.kubectl('rollout', 'status', 'deploy/counter', '--timeout=240s');
    let n = await beyond(1);

    await berth.kubectl('delete', 'pod', '-l', 'app=counter');
    await berth.kubectl('rollout', 'status', 'deploy/counter', '--timeout=240s');
    n = await beyond(n);

    await berth.kubectl('rollout', 'restart', 'deploy/counter');
    await berth.kubectl('rollout', 'status', 'deploy/counter', '--timeout=240s');
    n = await beyond(n);

    const identity = (): Promise<string> =>
      berth.get(
        'pods -l app=counter',
        '.items[0].metadata.uid} {.items[0].status.containerStatuses[0].containerID} {.items[0].status.containerStatuses[0].state.running.startedAt',
      );
    const adopted = await identity();
    await berth.kill();
    await berth.up();
    assert.equal(await identity(), adopted, 'the same container runs on');
    n = await beyond(n);
  });

  it('02: kill -9 of the shim: another container goes on where the first one stopped, and no process of the first is left to write', async () => {
    const container = async (): Promise<string> =>
      (await berth.get('pods -l app=counter', '.items[0].status.containerStatuses[0].containerID')).replace('containerd://', '');
    const pod = await berth.get('pods -l app=counter', '.items[0].metadata.name');
    const before = await container();
    // The pod before it may still have one, and one that is made has a short-lived parent.
    const shims = await until(
      () => processes('cmdline', `-address ${berth.directory}/containerd/containerd.sock`),
      ({ length }) => length === 1,
      'one shim',
    );
    assert.notDeepEqual(await processes('cgroup', before), []);
    const n = await beyond(0);
    for (const pid of shims) process.kill(pid, 'SIGKILL');
    await until(container, (now) => now !== '' && now !== before, 'a new container');
    assert.deepEqual(await processes('cgroup', before), []);
    assert.equal(await berth.get('pods -l app=counter', '.items[0].metadata.name'), pod, 'in the same pod');
    await beyond(n);
  });

  it('02: the volume has a hard size, and df in the pod says so', async () => {
    const df = await berth.exec('deploy/counter', 'df', '-k', '/data');
    const total = Number(/\s(\d+)\s+\d+\s+\d+\s+\d+%/.exec(df)?.[1]);
    assert.ok(total > 40 * 1024 && total <= 64 * 1024, df);
    const full = await berth.tryKubectl(['exec', 'deploy/counter', '--', 'dd', 'if=/dev/zero', 'of=/data/fill', 'bs=1M', 'count=100']);
    assert.match(full.stderr + full.stdout, /No space left on device/);
    await berth.exec('deploy/counter', 'rm', '/data/fill');
    const n = await counter();
    await beyond(n);
    await berth.kubectl('delete', '-f', berth.mission('02-dynamic.yaml'));
  });

  it('03: the sidecar ships what the application logs', async () => {
    await berth.kubectl('apply', '-f', berth.mission('03-shared-log.yaml'));
    await berth.kubectl('wait', '--for=condition=Ready', 'pod/logger', '--timeout=240s');
    await until(
      () => berth.kubectl('logs', 'logger', '-c', 'shipper'),
      (text) => text.split('\n').length > 3,
      'the shipper has shipped',
    );
    assert.match(await berth.kubectl('exec', 'logger', '-c', 'app', '--', 'grep', '/scratch', '/proc/mounts'), /tmpfs .*size=16384k/);
    await berth.kubectl('delete', '-f', berth.mission('03-shared-log.yaml'));
  });

  it('04: configuration as environment and as files, which follow their source', async () => {
    await berth.kubectl('apply', '-f', berth.mission('04-config.yaml'));
    await berth.kubectl('wait', '--for=condition=Ready', 'pod/configured', '--timeout=240s');
    // The secret has no line end: containerd writes it to the log when the line ends.
    await until(
      () => berth.kubectl('logs', 'configured'),
      (text) => text === 'mode=fast\nthreads=4\n',
      'the log',
    );
    assert.equal(await berth.exec('configured', 'cat', '/etc/secret/password'), 's3cret');
    assert.match(await berth.exec('configured', 'ls', '-lL', '/etc/secret/password'), /^-r--------/);
    await berth.kubectl('patch', 'configmap', 'settings', '-p', '{"data":{"app.conf":"threads=8\\n"}}');
    await until(
      () => berth.exec('configured', 'cat', '/etc/app/app.conf'),
      (text) => text === 'threads=8\n',
      'the file follows',
    );
    await berth.kubectl('delete', '-f', berth.mission('04-config.yaml'));
  });

  it('05: three pods have three volumes, and find them again', async () => {
    await berth.kubectl('apply', '-f', berth.mission('05-stateful.yaml'));
    await berth.kubectl('rollout', 'status', 'statefulset/db', '--timeout=240s');
    const who = (pod: string, times: number): Promise<string> =>
      until(
        () => berth.tryExec(pod, 'cat', '/data/who'),
        (text) => text === `${pod}\n`.repeat(times),
        `${pod} was here ${times} times`,
      );
    for (const pod of ['db-0', 'db-1', 'db-2']) await who(pod, 1);
    const volumes = await berth.get('pvc', '.items[*].spec.volumeName');
    assert.equal(new Set(volumes.split(' ')).size, 3);
    await berth.kubectl('scale', 'statefulset/db', '--replicas=1');
    await berth.kubectl('wait', '--for=delete', 'pod/db-2', 'pod/db-1', '--timeout=240s');
    await berth.kubectl('scale', 'statefulset/db', '--replicas=3');
    await berth.kubectl('rollout', 'status', 'statefulset/db', '--timeout=240s');
    for (const [pod, lines] of [
      ['db-0', 1],
      ['db-1', 2],
      ['db-2', 2],
    ] as const)
      await who(pod, lines);
    assert.equal(await berth.get('pvc', '.items[*].spec.volumeName'), volumes);
    await berth.kubectl('delete', '-f', berth.mission('05-stateful.yaml'));
    assert.equal((await berth.get('pvc', '.items[*].metadata.name')).split(' ').length, 3, 'the claims stay');
    await berth.kubectl('delete', 'pvc', '--all');
  });

  it('06: as many replicas run as there are GPUs, the third says why it waits', async () => {
    await berth.kubectl('apply', '-f', berth.mission('06-gpu.yaml'));
    const phases = (): Promise<string> => berth.get('pods -l app=yolo-api', '.items[*].status.phase');
    await until(phases, (text) => text.split(' ').toSorted().join(' ') === 'Pending Running Running', 'two run, one waits');
    const condition = '{.items[0].status.conditions[?(@.type=="PodScheduled")].message}';
    const reason = await until(
      () => berth.kubectl('get', 'pods', '-l', 'app=yolo-api', '--field-selector=status.phase=Pending', '-o', `jsonpath=${condition}`),
      (text) => text !== '',
      'the third says why it waits',
    );
    assert.match(reason, /^0\/1 nodes are available: 1 Insufficient nvidia\.com\/gpu\. no new claims to deallocate, preemption: 0\/1 nodes are available: /);
    const running = (await berth.kubectl('get', 'pods', '-l', 'app=yolo-api', '--field-selector=status.phase=Running', '-o', 'name')).trim().split('\n');
    const deviceOf = (pod: string): Promise<string> =>
      until(
        () => berth.kubectl('logs', pod),
        (text) => /^gpus=.+\n$/.test(text),
        `${pod} tells its device`,
      );
    const devices = await Promise.all(running.map(deviceOf));
    assert.equal(new Set(devices).size, 2, devices.join(''));
    await berth.kubectl('delete', '-f', berth.mission('06-gpu.yaml'));
  });

  it('07: Services and Ingress are taken, with an event that says what does nothing yet', async () => {
    await berth.kubectl('apply', '-f', berth.mission('07-services.yaml'));
    await berth.kubectl('rollout', 'status', 'deploy/web', '--timeout=240s');
    assert.equal(await berth.get('service web-nodeport', '.spec.ports[0].nodePort'), '30010');
    assert.match(await berth.get('service web', '.spec.clusterIP'), /^10\.96\./);
    await until(
      () => berth.kubectl('get', 'events', '-o', 'jsonpath={.items[*].involvedObject.kind}'),
      (kinds) => /Service/.test(kinds) && /Ingress/.test(kinds),
      'events on Service and Ingress',
    );
    await berth.kubectl('delete', '-f', berth.mission('07-services.yaml'));
  });

  it('08: one of the two runs, the other waits until it has gone', async () => {
    await berth.kubectl('apply', '-f', berth.mission('08-access-modes.yaml'));
    const phase = async (pod: string): Promise<string> => (await berth.tryKubectl(['get', 'pod', pod, '-o', 'jsonpath={.status.phase}'])).stdout;
    const phases = (): Promise<readonly string[]> => Promise.all([phase('holder'), phase('waiter')]);
    const settled = await until(phases, (each) => each.includes('Running') && each.includes('Pending'), 'one runs, one waits');
    const [runs, waits] = settled[0] === 'Running' ? ['holder', 'waiter'] : ['waiter', 'holder'];
    const message = await until(
      () => berth.get(`pod ${waits}`, '.status.conditions[?(@.type=="PodScheduled")].message'),
      (text) => text !== '',
      'the reason',
    );
    assert.match(message, /ReadWriteOncePod access mode/);
    const why = await berth.cli(['why', `pod/${waits}`, '--data-dir', berth.directory]);
    assert.match(why.stdout, new RegExp(`pod ${runs} holds it`));
    await berth.kubectl('delete', 'pod', runs ?? '');
    await berth.kubectl('wait', '--for=condition=Ready', `pod/${waits}`, '--timeout=240s');
    await berth.kubectl('delete', '-f', berth.mission('08-access-modes.yaml'), '--ignore-not-found');
  });

  it('09: each object is refused with field and reason, and nothing of it is stored', async () => {
    const { code, stderr, stdout } = await berth.tryKubectl(['apply', '-f', berth.mission('09-refused.yaml')]);
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(
      stderr,
      /Service "yolo-api-service" is invalid: spec\.ports\[0\]\.nodePort: Invalid value: 10010: provided port is not in the valid range\. The range of valid ports is 30000-32767/,
    );
    assert.match(stderr, /PersistentVolumeClaim "no-size" is invalid: spec\.resources\[storage\]: Required value/);
    assert.match(stderr, /PersistentVolume "two-sources" is invalid: spec\.nfs: Forbidden: may not specify more than 1 volume type/);
    assert.match(
      stderr,
      /Deployment.apps "selector-mismatch" is invalid: spec\.template\.metadata\.labels: Invalid value: .*`selector` does not match template `labels`/,
    );
    for (const what of ['service/yolo-api-service', 'pvc/no-size', 'pv/two-sources', 'deployment/selector-mismatch']) {
      assert.match((await berth.tryKubectl(['get', what])).stderr, /NotFound/);
    }
  });
});

/** Processes by what their command line or cgroup holds; ended ones that nobody has waited for have no command line. */
async function processes(file: 'cmdline' | 'cgroup', needle: string): Promise<readonly number[]> {
  const found = (await readdir('/proc')).map(async (id): Promise<readonly number[]> => {
    if (!/^\d+$/.test(id)) return [];
    const [command = '', text = ''] = await Promise.all(['cmdline', file].map((name) => readFile(`/proc/${id}/${name}`, 'utf8').catch(() => '')));
    return command !== '' && text.replaceAll('\0', ' ').includes(needle) ? [Number(id)] : [];
  });
  return (await Promise.all(found)).flat();
}
