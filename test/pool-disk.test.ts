import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, it } from 'node:test';
import type { VolumeCapability } from '../src/csi/driver.ts';
import type { Files, Host } from '../src/host/host.ts';
import type { Pool } from '../src/storage/pool/pool.ts';
import { MiB, PoolBench, type PoolOnDisk } from './pool-bench.ts';

const WRITER: VolumeCapability = { access: 'single-node-writer', as: { type: 'mount', fsType: '', mountFlags: [] } };
const KINDS = ['plain', 'btrfs'] as const;

async function stage({ driver }: PoolOnDisk, id: string, at: string): Promise<string> {
  await driver.nodeStage({ volumeId: id, stagingPath: at, publishContext: {}, context: {}, capability: WRITER });
  return at;
}

function create({ driver }: PoolOnDisk, name: string, requiredBytes: number): ReturnType<PoolOnDisk['driver']['createVolume']> {
  return driver.createVolume({ name, requiredBytes, capabilities: [WRITER], parameters: {} });
}

/** Numbers, each on the disk before the next is begun. */
class Counter {
  acknowledged = 0;
  #ended = false;
  #done: Promise<void> = Promise.resolve();

  start(path: string): void {
    this.#done = this.#run(path);
  }

  async stop(): Promise<void> {
    this.#ended = true;
    await this.#done;
  }

  async #run(path: string): Promise<void> {
    const file = await open(path, 'w');
    try {
      while (!this.#ended) {
        await file.write(String(this.acknowledged + 1).padEnd(16), 0);
        await file.datasync();
        this.acknowledged++;
      }
    } finally {
      await file.close();
    }
  }
}

/** Cuts power at random instants while volumes are made and a counter counts; answers how many acknowledgements were checked. */
async function cutPower(kind: Pool['kind'], cuts: number, wrap: (host: Host) => Host = (host) => host): Promise<number> {
  await using bench = new PoolBench(1400 * MiB);
  const on = await bench.open(kind, 'inner', wrap(bench.host));
  await create(on, 'counter', 64 * MiB);
  const counter = new Counter();
  counter.start(join(await stage(on, 'counter', bench.path('stage')), 'n'));
  const made: string[] = [];
  let ended = false;
  const making = (async () => {
    for (let i = 0; !ended; i++) {
      const name = `v${i}`;
      await create(on, name, 16 * MiB);
      made.push(name);
      if (i % 2 === 1) await on.driver.createSnapshot(`s${i}`, name, {});
      if (made.length > 6) await on.driver.deleteVolume(made.shift() ?? '');
      if (i % 8 === 7) {
        for (const { id } of on.pool.snapshots()) await on.driver.deleteSnapshot(id);
        await on.pool.purge('all');
      }
    }
  })();
  let checked = 0;
  try {
    for (let cut = 0; cut < cuts; cut++) {
      await wait(50 + Math.random() * 300);
      // A volume that is about to be deleted may be gone in the clone: only the youngest is certain to be wanted.
      const promised = { count: counter.acknowledged, youngest: made.at(-1) };
      await bench.cut(`cut-${cut}`);
      const after = await bench.open(kind, `cut-${cut}`);
      if (promised.youngest !== undefined) assert.ok(after.pool.volume(promised.youngest) !== undefined, `the volume ${promised.youngest} is lost`);
      const at = await stage(after, 'counter', bench.path(`stage-${cut}`));
      // Before the first flush was acknowledged there need be no file.
      const found = Number(await bench.host.files.readText(join(at, 'n')).catch((thrown: unknown) => (promised.count === 0 ? '0' : Promise.reject(thrown))));
      assert.ok(found >= promised.count, `the counter is lost: ${found}, acknowledged ${promised.count}`);
      checked += promised.count;
      await after.driver.nodeUnstage('counter', at);
      await after.pool[Symbol.asyncDispose]();
      await bench.forget(`cut-${cut}`);
    }
  } finally {
    ended = true;
    await making.catch(() => undefined);
    await counter.stop();
    await on.driver.nodeUnstage('counter', bench.path('stage'));
  }
  return checked;
}

/** The failure that the canary must show, also below one that came after it while things were let go. */
function lost(thrown: unknown): boolean {
  if (thrown instanceof SuppressedError) return lost(thrown.suppressed) || lost(thrown.error);
  return /is lost|is damaged|JSON|is not a record|can.t be read/.test(String(thrown));
}

/** The same machine without any fsync of the pool's. */
function careless(host: Host): Host {
  const files = new Proxy(host.files, {
    get: (target, name: keyof Files) => {
      if (name === 'sync') return async () => undefined;
      if (name === 'writeFileAtomic')
        return (path: string, data: string, options: object) => target.writeFileAtomic(path, data, { ...options, durable: false });
      const member = target[name];
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  return new Proxy(host, {
    get: (target, name: keyof Host) => (name === 'files' ? files : typeof target[name] === 'function' ? target[name].bind(target) : target[name]),
  });
}

describe('pool: the disk below it', { skip: process.getuid?.() === 0 ? false : 'needs root' }, () => {
  for (const kind of KINDS) {
    it(`${kind}: when others fill the disk, volumes write on up to their size, and new ones are refused`, { timeout: 900_000 }, async () => {
      await using bench = new PoolBench(1400 * MiB);
      const on = await bench.open(kind);
      await create(on, 'a', 64 * MiB);
      await create(on, 'b', 64 * MiB);
      const [a, b] = [await stage(on, 'a', bench.path('stage-a')), await stage(on, 'b', bench.path('stage-b'))];
      await bench.host.run('dd', ['if=/dev/zero', `of=${bench.machine}/others`, 'bs=1M', 'conv=fsync']);
      assert.ok((await bench.host.files.statfs(bench.machine)).availableBytes < MiB, 'the disk is full');
      for (const at of [a, b]) {
        const { code, stderr } = await bench.host.run('dd', ['if=/dev/zero', `of=${at}/fill`, 'bs=1M', 'count=40', 'conv=fsync']);
        assert.equal(code, 0, stderr);
        const more = await bench.host.run('dd', ['if=/dev/zero', `of=${at}/more`, 'bs=1M', 'conv=fsync']);
        assert.match(more.stderr, /No space left on device/);
      }
      await assert.rejects(create(on, 'huge', 900 * MiB), { code: 'resource-exhausted' });
      for (const id of ['a', 'b']) await on.driver.nodeUnstage(id, bench.path(`stage-${id}`));
    });

    it(`${kind}: after a power cut every volume and every flushed byte is there`, { timeout: 900_000 }, async (t) => {
      t.diagnostic(`${await cutPower(kind, 5)} flushed writes`);
    });
  }

  it('the canary: a pool that flushes nothing fails this suite', { timeout: 900_000 }, async () => {
    await assert.rejects(cutPower('plain', 10, careless), lost);
  });
});
