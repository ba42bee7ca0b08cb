/**
 * Power loss. `kill -9` proves nothing about flushing, since the page cache outlives a process. Here the data directory lies on
 * an ext4 whose backing file is cloned at random instants while the store is being written to, and each clone is mounted and
 * opened: what the inner file system had not yet sent to its device is not in the clone, as after a power cut.
 *
 *   disk file ─ loop ─ btrfs ─ backing file ─ loop ─ ext4 ─ data directory
 *                                 └ reflink, atomic also in the middle of a flush (a plain copy would mix instants) ─ mount ─ open
 *
 * It is kinder than the worst disk: what was sent and not flushed is kept. So it catches a flush that is missing
 * (`synchronous=OFF`, the canary), not one that a disk ignores.
 *
 * As root: `node test/store-power.ts [--cuts 50] [--seed N] [--synchronous off]`.
 */
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { silentLog } from '../src/base/log.ts';
import { SeededRandom } from '../src/base/random.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { defaultStoreSettings } from '../src/store/settings.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';
import { Promises } from './contract/store-promises.ts';

const CHILD = fileURLToPath(new URL('./store-crash-child.ts', import.meta.url));
const run = promisify(execFile);

export interface PowerOptions {
  readonly cuts: number;
  /** More cuts, if need be, until so many writes have been acknowledged: how many there are between two is up to the machine. */
  readonly writes?: number;
  readonly seed: number;
  readonly synchronous: 'full' | 'off';
}

/** Why power can't be cut here; undefined: it can. */
export function whyNoPowerCuts(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  try {
    execFileSync('mkfs.btrfs', ['--version'], { stdio: 'ignore' });
    execFileSync('losetup', ['--find'], { stdio: 'ignore' });
  } catch {
    return 'needs btrfs-progs and loop devices';
  }
  return undefined;
}

export async function cutPower(options: PowerOptions): Promise<{ readonly cuts: number; readonly acknowledged: number }> {
  const bench = new Bench();
  try {
    return await cutOften(bench, options);
  } finally {
    bench.end();
  }
}

async function cutOften(
  bench: Bench,
  { cuts, writes = 0, seed, synchronous }: PowerOptions,
): Promise<{ readonly cuts: number; readonly acknowledged: number }> {
  const random = new SeededRandom(seed);
  const promises = new Promises();
  let cut = 0;
  while (cut < cuts || promises.acknowledged < writes) {
    const life = cut < cuts ? Math.min(5, cuts - cut) : 1;
    const child = spawn(process.execPath, [CHILD, bench.directory, String(seed + cut), synchronous, 'keep'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()));
    const opened = Promise.withResolvers<void>();
    const lines = createInterface({ input: child.stdout });
    const faults: unknown[] = [];
    promises.life();
    lines.on('line', (line) => {
      try {
        promises.hear(line);
      } catch (thrown) {
        faults.push(thrown);
      }
      if (line.startsWith('open ')) opened.resolve();
    });
    try {
      await opened.promise;
      for (let i = 0; i < life; i++) await bench.cut(random.float() * 150, promises, cut++);
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
    if (faults.length > 0) throw faults[0];
    // The end of the last life was a kill: what is in the page cache is still there for the next one.
  }
  return { cuts: cut, acknowledged: promises.acknowledged };
}

/** The disk, and what is mounted on it. */
class Bench {
  readonly #root = mkdtempSync('/var/tmp/berth-power-');
  readonly #mounted: string[] = [];

  constructor() {
    try {
      this.#build();
    } catch (thrown) {
      this.end();
      throw thrown;
    }
  }

  get directory(): string {
    return join(this.#root, 'inner', 'data');
  }

  /** Cuts the power after `ms`, and looks at what a new start would find. */
  async cut(ms: number, promises: Promises, number: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, ms));
    const promised = promises.copy();
    const clone = join(this.#root, 'outer', `cut-${number}.img`);
    await run('cp', ['--reflink=always', join(this.#root, 'outer', 'disk.img'), clone]);
    const at = join(this.#root, 'cut');
    this.#mount(['-o', 'loop', clone], at);
    try {
      await look(join(at, 'data'), promised);
    } finally {
      this.#unmount(at);
      rmSync(clone);
    }
  }

  end(): void {
    for (const at of [...this.#mounted].reverse()) this.#unmount(at);
    rmSync(this.#root, { recursive: true });
  }

  #build(): void {
    const disk = join(this.#root, 'disk.img');
    writeFileSync(disk, '');
    truncateSync(disk, 1536 * 1024 * 1024);
    execFileSync('mkfs.btrfs', ['-q', disk]);
    this.#mount(['-o', 'loop', disk], join(this.#root, 'outer'));
    const image = join(this.#root, 'outer', 'disk.img');
    writeFileSync(image, '');
    truncateSync(image, 256 * 1024 * 1024);
    execFileSync('mkfs.ext4', ['-q', '-F', image]);
    this.#mount(['-o', 'loop', image], join(this.#root, 'inner'));
  }

  #mount(args: readonly string[], at: string): void {
    mkdirSync(at, { recursive: true });
    execFileSync('mount', [...args, at]);
    this.#mounted.push(at);
  }

  #unmount(at: string): void {
    // The loop device of what lay inside is let go a moment after its unmount, and keeps this one busy until then.
    for (let tries = 1; ; tries++) {
      try {
        execFileSync('umount', [at], { stdio: 'pipe' });
        break;
      } catch (thrown) {
        if (tries === 100) throw thrown;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
      }
    }
    this.#mounted.splice(this.#mounted.indexOf(at), 1);
  }
}

async function look(directory: string, promised: Promises): Promise<void> {
  const store = await openSqliteStore<number>({
    directory,
    clock: new SystemClock(),
    settings: defaultStoreSettings,
    project: (_, value) => Number(Buffer.from(value).toString('latin1', 0, 12)),
    log: silentLog,
    ballastBytes: 0,
  });
  try {
    promised.life();
    for (const { key, projection, modRevision } of store.list('').entries) promised.hear(`have ${key} ${projection} ${modRevision}`);
    promised.hear(`open ${store.revision}`);
  } finally {
    await store[Symbol.asyncDispose]();
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      cuts: { type: 'string', default: '50' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
      synchronous: { type: 'string', default: 'full' },
    },
  });
  assert.equal(whyNoPowerCuts(), undefined);
  console.log(`seed ${values.seed}`);
  const synchronous = values.synchronous === 'off' ? 'off' : 'full';
  console.log(JSON.stringify(await cutPower({ cuts: Number(values.cuts), seed: Number(values.seed), synchronous })));
}
