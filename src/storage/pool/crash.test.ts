import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SeededRandom, SystemRandom } from '../../base/random.ts';
import { SystemClock } from '../../base/system-clock.ts';
import { type Host } from '../../host/host.ts';
import { openSystemHost } from '../../host/system.ts';
import { openPool } from './open.ts';
import type { Pool } from './pool.ts';

const isRoot = process.getuid?.() === 0;
const ROUNDS = 8;

/** What the acknowledged operations leave behind; an operation that was begun and not acknowledged may have happened or not. */
class Model {
  readonly volumes = new Map<string, { sizeBytes: number; origin: string }>();
  readonly removed = new Map<string, { sizeBytes: number; origin: string }>();
  readonly snapshots = new Set<string>();
  /** The subject of the operation that was under way. */
  pending = '';

  read(log: string): void {
    this.pending = '';
    for (const line of log.split('\n')) {
      const [when, what, id = '', size = '', origin = '?'] = line.split(' ');
      if (when === 'begin') this.pending = id;
      if (when !== 'done') continue;
      this.pending = '';
      this.#apply(what ?? '', id, Number(size), origin);
    }
  }

  #apply(what: string, id: string, sizeBytes: number, origin: string): void {
    const volume = this.volumes.get(id) ?? this.removed.get(id);
    if (what === 'create') this.volumes.set(id, { sizeBytes, origin });
    if (what === 'resize' && volume !== undefined) volume.sizeBytes = sizeBytes;
    if (what === 'snapshot') this.snapshots.add(id);
    if (what === 'unsnapshot') this.snapshots.delete(id);
    if (volume === undefined || (what !== 'remove' && what !== 'restore')) return;
    (what === 'remove' ? this.volumes : this.removed).delete(id);
    (what === 'remove' ? this.removed : this.volumes).set(id, volume);
  }

  async check(pool: Pool): Promise<void> {
    for (const [id, { sizeBytes, origin }] of this.volumes) {
      if (id === this.pending) continue;
      const found = pool.volume(id);
      assert.ok(found !== undefined, `the volume ${id} is gone`);
      assert.equal(found.sizeBytes, sizeBytes, id);
      const handle = await open(pool.path(id));
      const { buffer } = await handle.read(Buffer.alloc(64), 0, 64, 0);
      assert.ok((await handle.stat()).size >= sizeBytes, `${id} is shorter than its record says`);
      await handle.close();
      if (origin !== '?') assert.equal(buffer.toString().trim(), origin, `${id} has other contents`);
    }
    for (const id of this.removed.keys()) if (id !== this.pending) assert.equal(pool.volume(id), undefined, `${id} came back`);
    for (const id of this.snapshots) if (id !== this.pending) assert.ok(pool.snapshot(id) !== undefined, `the snapshot ${id} is gone`);
  }

  /** What really is, from here on. */
  settle(pool: Pool): void {
    for (const { id, sizeBytes } of pool.volumes())
      this.volumes.set(id, { sizeBytes, origin: this.volumes.get(id)?.origin ?? this.removed.get(id)?.origin ?? '?' });
    for (const id of [...this.volumes.keys()]) if (pool.volume(id) === undefined) this.volumes.delete(id);
    for (const id of [...this.removed.keys()]) if (pool.volume(id) !== undefined) this.removed.delete(id);
    for (const { id } of pool.snapshots()) this.snapshots.add(id);
    for (const id of [...this.snapshots]) if (pool.snapshot(id) === undefined) this.snapshots.delete(id);
  }
}

for (const kind of ['plain', 'btrfs'] as const) {
  test(`${kind} pool: killed at any moment, it has what it acknowledged`, { skip: isRoot ? false : 'needs root', timeout: 900_000 }, async (t) => {
    const seed = Math.floor(Math.random() * 1e6);
    t.diagnostic(`seed ${seed}`);
    const random = new SeededRandom(seed);
    const directory = await mkdtemp('/var/tmp/berth-crash-');
    const host = openSystemHost({ clock: new SystemClock(), random: new SystemRandom() });
    t.after(() => cleanUp(host, directory));
    const root = join(directory, 'pool');
    const log = join(directory, 'log');
    const model = new Model();
    for (let round = 0; round < ROUNDS; round++) {
      await writeFile(log, '');
      const child = start(t, [root, kind, String(seed + round), log]);
      while (!(await readFile(log, 'utf8')).includes('ready')) await wait(5);
      await wait(20 + random.float() * 250);
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
      const pool = await openPool({ host, clock: new SystemClock(), root, mark: 'crash', kind });
      model.read(await readFile(log, 'utf8'));
      await model.check(pool);
      model.settle(pool);
      assert.deepEqual(await host.files.readDirectory(join(pool.path('x'), '../../../work')), []);
      for (const { id } of pool.volumes().slice(6)) await pool.remove(id);
      await pool.purge('all');
      model.settle(pool);
      model.removed.clear();
      await host.files.removeFile(join(root, '.owner.json'));
    }
    t.diagnostic(`${model.volumes.size} volumes and ${model.snapshots.size} snapshots at the end`);
  });
}

function start(t: TestContext, args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./crash-child.ts', import.meta.url)), ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

async function cleanUp(host: Host, directory: string): Promise<void> {
  for (const { target } of await host.mounts.below(directory)) await host.mounts.unmount(target);
  for (const { device, file } of await host.loops.list()) if (file.startsWith(`${directory}/`)) await host.loops.detach(device, file);
  await host[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
}
