import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { SystemClock } from '../../src/base/system-clock.ts';
import { runCommand } from '../../src/node/containerd/commands.ts';
import type { RunningContainerd } from '../../src/node/containerd/start.ts';
import { containerSpec, Events, sandboxSpec } from '../contract/runtime.ts';
import { writeBusyboxImage } from '../fixtures/busybox-image.ts';
import { testContainerd, whyNoContainers } from '../fixtures/containerd.ts';

const clock = new SystemClock();
const PATIENCE_MS = 240_000;

/** Looks until it is so; what cannot be waited for by an event. */
async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (const endMs = clock.monotonic() + PATIENCE_MS; clock.monotonic() < endMs; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Error(`not seen in ${PATIENCE_MS} ms: ${what}`);
}

/** The process ids of shims that serve this socket. */
function shims(socket: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return command[0]?.includes('containerd-shim') === true && command.includes(socket);
      } catch {
        return false;
      }
    })
    .map(Number);
}

function childrenOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter((text) => text !== '')
    .map(Number);
}

function mountsBelow(directory: string): readonly string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((point) => point.startsWith(`${directory}/`));
}

describe('containers outlive what watches over them', { skip: whyNoContainers() ?? false }, () => {
  it('kill -9 of the process group: the daemon and the container stay, and are taken over', async () => {
    await using at = await testContainerd();
    const archive = writeBusyboxImage(join(at.directory, 'busybox.tar'));
    const script = join(import.meta.dirname, '..', 'fixtures', 'leaves-containerd.ts');
    const child = spawn(process.execPath, [script, at.directory, at.clusterId, archive], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const { id, sandboxId } = JSON.parse(line.toString('utf8')) as { readonly id: string; readonly sandboxId: string };
    const pidFile = join(at.directory, 'containerd', 'containerd.pid');
    const pid = Number(readFileSync(pidFile, 'utf8'));
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await once(child, 'exit');

    const again = await at.start();
    assert.deepEqual([again.adopted, again.pid], [true, pid]);
    const { sandboxes, containers } = await again.runtime.list();
    assert.deepEqual(
      sandboxes.map((sandbox) => [sandbox.id, sandbox.ready]),
      [[sandboxId, true]],
    );
    assert.deepEqual(
      containers.map((container) => [container.id, container.state, container.attempt]),
      [[id, 'running', 0]],
    );
    const log = join(at.logDirectory, 'stays', 'main-0.log');
    const before = readFileSync(log, 'utf8').length;
    await until('the log goes on', () => (readFileSync(log, 'utf8').length > before ? true : undefined));
    const numbers = readFileSync(log, 'utf8')
      .trimEnd()
      .split('\n')
      .map((entry) => Number(entry.split(' ')[3]));
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => i),
      'no line was lost or came twice',
    );
  });

  it('kill -9 of containerd: it is started again, the container never stopped', async () => {
    await using at = await testContainerd();
    const running = await at.start();
    const id = await runContainer(running, at, 'sleep 600');
    const before = await running.runtime.container(id);
    using events = new Events(running.runtime);
    await events.until({ type: 'lost' });
    const firstPid = running.pid;
    process.kill(firstPid, 'SIGKILL');
    await until('a second daemon', () => (running.pid !== firstPid ? true : undefined));
    const after = await until('the container', () => running.runtime.container(id).catch(() => undefined));
    assert.deepEqual([after.state, after.startedAtMs], ['running', before?.startedAtMs]);
    assert.deepEqual(await running.runtime.execSync(id, ['echo', 'here'], 5000), { exitCode: 0, stdout: 'here\n', stderr: '' });
    await until('events may have been lost', () => (events.all.filter(({ event }) => event.type === 'lost').length > 1 ? true : undefined));
    // And the new daemon hears of its end.
    await running.runtime.stopContainer(id, 0);
    assert.equal(await events.until({ type: 'exited', containerId: id }), 'exited');
  });

  it('containerd gone and nobody there: the next start brings a new one to the same containers', async () => {
    await using at = await testContainerd();
    const first = await at.start();
    const id = await runContainer(first, at, 'sleep 600');
    const startedAtMs = (await first.runtime.container(id))?.startedAtMs;
    const { pid } = first;
    await first.stop({ pods: false });
    process.kill(pid, 'SIGKILL');
    await until(`the end of ${pid}`, () => (existsSync(`/proc/${pid}/exe`) ? undefined : true));
    const second = await at.start();
    assert.equal(second.adopted, false);
    const container = await second.runtime.container(id);
    assert.deepEqual([container?.state, container?.startedAtMs], ['running', startedAtMs]);
  });

  it('a containerd that is gone before it could be taken over is followed by a new one', async () => {
    await using at = await testContainerd();
    const first = await at.start();
    const { pid, layout } = first;
    await first.stop({ pods: false });
    process.kill(pid, 'SIGKILL');
    await until(`the end of ${pid}`, () => (existsSync(`/proc/${pid}/exe`) ? undefined : true));
    // What looks like it at the first glance: a process of its configuration, and one of its sockets.
    for (const path of [layout.socket, layout.ttrpcSocket]) rmSync(path, { force: true });
    const dying = spawn('sh', ['-c', 'sleep 600 & wait', layout.configFile], { detached: true, stdio: 'ignore' });
    const ended = once(dying, 'exit');
    writeFileSync(layout.pidFile, String(dying.pid));
    const socket = createServer((connection) => connection.destroy()).listen(layout.socket);
    await once(socket, 'listening');
    try {
      const second = await at.start();
      assert.equal(second.adopted, false);
      assert.deepEqual(await second.runtime.list(), { sandboxes: [], containers: [] });
    } finally {
      socket.close();
      process.kill(-(dying.pid ?? 0), 'SIGKILL');
      await ended;
    }
  });

  it('an exit while containerd was away is seen afterwards', async () => {
    await using at = await testContainerd();
    const first = await at.start();
    const id = await runContainer(first, at, 'while [ ! -e /stop ]; do sleep 0.02; done; exit 9');
    const { pid } = first;
    await first.stop({ pods: false });
    process.kill(pid, 'SIGSTOP');
    // Through the host: the daemon does not answer now.
    const [shim] = shims(first.layout.socket);
    const main = childrenOf(shim ?? 0).find((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('/stop'));
    assert.ok(main !== undefined);
    process.kill(pid, 'SIGKILL');
    process.kill(main, 'SIGKILL');
    const second = await at.start();
    const container = await until('the exit', async () => {
      const found = await second.runtime.container(id);
      return found?.state === 'exited' ? found : undefined;
    });
    assert.equal(container.exitCode, 137);
  });

  it('kill -9 of a shim: the containers of its pod are told as exited, and the pod can be made anew', async () => {
    await using at = await testContainerd();
    const running = await at.start();
    const id = await runContainer(running, at, 'sleep 600');
    using events = new Events(running.runtime);
    await events.until({ type: 'lost' });
    const [shim] = shims(running.layout.socket);
    assert.ok(shim);
    process.kill(shim, 'SIGKILL');
    assert.equal(await events.until({ type: 'exited', containerId: id }), 'exited');
    assert.notEqual((await running.runtime.container(id))?.exitCode, 0);
    const sandbox = await until('the sandbox is not ready', async () => (await running.runtime.list()).sandboxes.find(({ ready }) => !ready));
    await running.runtime.stopSandbox(sandbox.id);
    await running.runtime.removeSandbox(sandbox.id);
    const next = await runContainer(running, at, 'sleep 600', 1);
    assert.equal((await running.runtime.container(next))?.state, 'running');
  });

  it('power loss: what ran is seen as ended, can be removed with its address, and new pods run', async () => {
    await using at = await testContainerd();
    const first = await at.start();
    const id = await runContainer(first, at, 'sleep 600');
    const [before] = (await first.runtime.list()).sandboxes;
    const { pid, layout } = first;
    await first.stop({ pods: false });
    // Nothing that the kernel keeps survives: processes, mounts, devices.
    const all = [pid, ...shims(layout.socket).flatMap((shim) => [shim, ...childrenOf(shim)])];
    for (const each of all) process.kill(each, 'SIGKILL');
    for (const each of all) await until(`the end of ${each}`, () => (existsSync(`/proc/${each}/exe`) ? undefined : true));
    for (const point of mountsBelow(layout.stateDirectory).toReversed()) await runCommand('umount', ['-l', point]);
    await runCommand('ip', ['link', 'delete', `b${at.clusterId}`]);

    const second = await at.start();
    const { sandboxes, containers } = await second.runtime.list();
    assert.deepEqual(
      sandboxes.map((sandbox) => [sandbox.id, sandbox.ready]),
      [[before?.id, false]],
    );
    assert.deepEqual(
      containers.map((container) => [container.id, container.state]),
      [[id, 'exited']],
    );
    assert.notEqual(containers[0]?.exitCode, 0);
    await second.runtime.stopSandbox(before?.id ?? '');
    await second.runtime.removeSandbox(before?.id ?? '');
    assert.deepEqual(
      readdirSync(join(layout.ipamDirectory, `b${at.clusterId}`)).filter((name) => /^\d/.test(name)),
      [],
    );
    const next = await runContainer(second, at, 'sleep 600', 1);
    assert.equal((await second.runtime.execSync(next, ['true'], 5000)).exitCode, 0);
  });

  it('too much memory is told as such', async () => {
    await using at = await testContainerd();
    const running = await at.start();
    using events = new Events(running.runtime);
    await events.until({ type: 'lost' });
    const id = await runContainer(running, at, 'sleep 0.1; tail /dev/zero', 0, 16 << 20);
    await events.until({ type: 'exited', containerId: id });
    const { reason, exitCode } = (await running.runtime.container(id)) ?? {};
    assert.deepEqual([reason, exitCode], ['OOMKilled', 137]);
  });

  it('two clusters on one machine do not see each other, and the end of one leaves the other', async () => {
    await using here = await testContainerd();
    const left = await here.start();
    const id = await runContainer(left, here, 'sleep 600');
    {
      await using there = await testContainerd();
      const right = await there.start();
      assert.deepEqual(await right.runtime.list(), { sandboxes: [], containers: [] });
      await runContainer(right, there, 'sleep 600');
      assert.equal((await left.runtime.list()).containers.length, 1);
    }
    assert.equal((await left.runtime.container(id))?.state, 'running');
    assert.equal((await left.runtime.execSync(id, ['ip', 'address', 'show', 'eth0'], 5000)).exitCode, 0);
  });
});

async function runContainer(
  { runtime }: RunningContainerd,
  at: { readonly directory: string; readonly logDirectory: string },
  script: string,
  attempt = 0,
  memoryLimitBytes?: number,
): Promise<string> {
  if ((await runtime.images.find('busybox:1.36')) === undefined) await runtime.images.load(writeBusyboxImage(join(at.directory, 'busybox.tar')));
  const image = await runtime.images.find('busybox:1.36');
  const pod = sandboxSpec('pod', join(at.logDirectory, 'pod'), { attempt });
  const { id: sandboxId } = await runtime.runSandbox(pod);
  const id = await runtime.createContainer(sandboxId, containerSpec(pod, image?.id ?? '', ['sh', '-c', script], { resources: { memoryLimitBytes } }));
  await runtime.startContainer(id);
  return id;
}
