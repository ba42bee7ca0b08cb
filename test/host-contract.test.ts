import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { test } from 'node:test';
import { SystemRandom } from '../src/base/random.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { VirtualClock } from '../src/base/virtual-clock.ts';
import { FakeHost } from '../src/host/fake.ts';
import { HostError } from '../src/host/host.ts';
import { openSystemHost } from '../src/host/system.ts';
import { hostContract } from './contract/host.ts';

hostContract({
  name: 'fake',
  privileged: true,
  open: async () => {
    const host = new FakeHost({ clock: new VirtualClock() });
    await host.files.makeDirectory('/work');
    return { host, directory: '/work' };
  },
});

hostContract({
  name: 'system',
  privileged: process.getuid?.() === 0,
  open: async (t) => {
    const directory = await mkdtemp('/var/tmp/berth-host-');
    const host = openSystemHost({ clock: new SystemClock(), random: new SystemRandom() });
    t.after(async () => {
      for (const { target } of await host.mounts.below(directory)) await host.mounts.unmount(target);
      for (const { device, file } of await host.loops.list()) if (file.startsWith(`${directory}/`)) await host.loops.detach(device, file);
      await host[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    });
    return { host, directory };
  },
});

test('a device with partitions or swap is not empty: no file system is made on it', async (t) => {
  const directory = await mkdtemp('/var/tmp/berth-host-');
  t.after(() => rm(directory, { recursive: true }));
  await using host = openSystemHost({ clock: new SystemClock(), random: new SystemRandom() });
  const partitioned = `${directory}/partitioned`;
  const table = Buffer.alloc(512);
  table[450] = 0x83;
  table.writeUInt32LE(2_048, 454);
  table.writeUInt32LE(30_000, 458);
  table.writeUInt16LE(0xaa55, 510);
  await host.files.writeFileAtomic(partitioned, table);
  await host.files.truncate(partitioned, 32 * 2 ** 20);
  const swap = `${directory}/swap`;
  await host.files.truncate(swap, 32 * 2 ** 20);
  assert.equal((await host.run('mkswap', [swap])).code, 0);
  for (const [path, type] of [
    [partitioned, 'partitions'],
    [swap, 'swap'],
  ] as const) {
    assert.equal((await host.filesystems.probe(path))?.type, type);
    await assert.rejects(host.filesystems.make(path, { type: 'ext4' }), (thrown: unknown) => thrown instanceof HostError && thrown.code === 'exists');
  }
});

test('commands: status, output, input, bounds', async () => {
  await using host = openSystemHost({ clock: new SystemClock(), random: new SystemRandom() });
  assert.deepEqual(await host.run('sh', ['-c', 'cat; echo bad >&2; exit 3'], { stdin: 'in' }), { code: 3, stdout: 'in', stderr: 'bad\n' });
  assert.equal((await host.run('sh', ['-c', 'kill -9 $$'])).code, 137);
  const failsWith = (expected: string) => (thrown: unknown) => thrown instanceof HostError && thrown.code === expected;
  await assert.rejects(host.run('berth-has-no-such-command', []), failsWith('missing'));
  await assert.rejects(host.run('sh', ['-c', 'sleep 60 & sleep 60'], { timeoutMs: 100 }), failsWith('timeout'));
  await assert.rejects(host.run('head', ['-c', '100000', '/dev/zero'], { maxOutputBytes: 1000 }), failsWith('too-large'));
});

test('a started process outlives its starter and is told apart from another of the same number', async (t) => {
  const directory = await mkdtemp('/var/tmp/berth-host-');
  t.after(() => rm(directory, { recursive: true }));
  const host = openSystemHost({ clock: new SystemClock(), random: new SystemRandom() });
  const started = await host.processes.start('sleep', ['600'], { logFile: `${directory}/log` });
  await host[Symbol.asyncDispose]();
  await using again = openSystemHost({ clock: new SystemClock(), random: new SystemRandom() });
  assert.equal(await again.processes.alive(started), true);
  assert.equal(await again.processes.alive({ ...started, startTicks: started.startTicks + 1 }), false);
  await again.processes.signal({ ...started, startTicks: started.startTicks + 1 }, 'SIGKILL');
  assert.equal(await again.processes.alive(started), true);
  await again.processes.signal(started, 'SIGKILL');
  while (await again.processes.alive(started));
  await again.processes.signal(started, 'SIGKILL');
});

test('the time of a request counts from when the helper is there, which takes long on a busy machine', async (t) => {
  const directory = await mkdtemp('/var/tmp/berth-host-');
  t.after(() => rm(directory, { recursive: true }));
  const clock = new VirtualClock();
  await using host = openSystemHost({ clock, random: new SystemRandom() });
  const written = host.files.writeFileAtomic(`${directory}/file`, 'text');
  await clock.advance(60_000, () => Promise.resolve());
  await written;
  assert.equal(await host.files.readText(`${directory}/file`), 'text');
});

test('a file that hangs holds up nothing else, and its worker is replaced', async (t) => {
  const directory = await mkdtemp('/var/tmp/berth-host-');
  t.after(() => rm(directory, { recursive: true }));
  await using host = openSystemHost({ clock: new SystemClock(), random: new SystemRandom(), quickMs: 6_000 });
  await host.run('mkfifo', [`${directory}/pipe`]);
  // Opening a pipe that nobody writes to waits for ever, as a file of a dead server does: more of them than the pool has threads.
  const hung = Array.from({ length: 12 }, () =>
    assert.rejects(host.files.readText(`${directory}/pipe`), (thrown: unknown) => thrown instanceof HostError && thrown.code === 'timeout'),
  );
  await Promise.all(hung);
  await host.files.writeFileAtomic(`${directory}/file`, 'text');
  assert.equal(await host.files.readText(`${directory}/file`), 'text');
});

test('a helper that is killed is started anew: what was under way is told as lost, what comes next is done', async () => {
  await using host = openSystemHost({ clock: new SystemClock(), random: new SystemRandom() });
  const before = await host.helper();
  let told = 0;
  using _listening = host.onHelper(() => told++);
  // One that ends at once is not started again.
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const lost = host.run('sleep', ['10']);
  process.kill(before.pid, 'SIGKILL');
  await assert.rejects(lost, (thrown: unknown) => thrown instanceof HostError && thrown.code === 'closed');
  assert.equal((await host.run('echo', ['again'])).stdout, 'again\n');
  assert.notEqual((await host.helper()).pid, before.pid);
  assert.equal(told, 1);
});
