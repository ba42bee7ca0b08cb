import { setTimeout as wait } from 'node:timers/promises';
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SystemRandom } from '../src/base/random.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import type { Host } from '../src/host/host.ts';
import { openSystemHost } from '../src/host/system.ts';
import { PoolDriver } from '../src/storage/driver/driver.ts';
import { openPool } from '../src/storage/pool/open.ts';
import type { Pool } from '../src/storage/pool/pool.ts';

const run = promisify(execFile);
export const MiB = 2 ** 20;

export interface PoolOnDisk {
  readonly pool: Pool;
  readonly driver: PoolDriver;
}

/**
 * A machine's disk that can be filled and whose power can be cut:
 * disk file ─ loop ─ btrfs ─ backing file ─ loop ─ ext4 ─ pool. A clone of the backing file is what a power cut leaves (see
 * `store-power.ts`, whose picture this is).
 */
export class PoolBench implements AsyncDisposable {
  readonly host: Host = openSystemHost({ clock: new SystemClock(), random: new SystemRandom() });
  readonly #root = mkdtempSync('/var/tmp/berth-pool-');
  readonly #mounted: string[] = [];

  constructor(diskBytes: number) {
    const disk = join(this.#root, 'disk.img');
    writeFileSync(disk, '');
    truncateSync(disk, 4 * diskBytes);
    execFileSync('mkfs.btrfs', ['-q', disk]);
    this.#mount(disk, 'outer', 'loop');
    writeFileSync(this.#backing, '');
    truncateSync(this.#backing, diskBytes);
    execFileSync('mkfs.ext4', ['-q', '-F', '-m', '0', this.#backing]);
    this.#mount(this.#backing, 'inner', 'loop');
  }

  /** Where the machine's own files lie. */
  get machine(): string {
    return join(this.#root, 'inner');
  }

  path(name: string): string {
    return join(this.#root, name);
  }

  open(kind: Pool['kind'], where = 'inner', host = this.host): Promise<PoolOnDisk> {
    return openOn(host, join(this.#root, where, 'pool'), kind);
  }

  /** What a start after a power cut now would find: mounted under `name` until `forget`. */
  async cut(name: string): Promise<void> {
    const clone = join(this.#root, 'outer', `${name}.img`);
    await run('cp', ['--reflink=always', this.#backing, clone]);
    this.#mount(clone, name, 'loop');
  }

  async forget(name: string): Promise<void> {
    await this.#letGo(join(this.#root, name));
    rmSync(join(this.#root, 'outer', `${name}.img`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#letGo(this.#root);
    await this.host[Symbol.asyncDispose]();
    rmSync(this.#root, { recursive: true });
  }

  get #backing(): string {
    return join(this.#root, 'outer', 'backing.img');
  }

  #mount(source: string, name: string, options: string): void {
    const at = join(this.#root, name);
    mkdirSync(at, { recursive: true });
    execFileSync('mount', ['-o', options, source, at]);
    this.#mounted.push(at);
  }

  /** Mounts and devices at or below. A device holds the mount that its file lies on: round after round, from the inside. */
  async #letGo(path: string): Promise<void> {
    // A loop device goes a moment after its last user: what it keeps busy is tried again.
    for (let round = 1; ; round++) {
      let left = 0;
      for (const { target } of await this.host.mounts.below(path)) {
        try {
          await this.host.mounts.unmount(target);
        } catch (thrown) {
          if (round === ROUNDS) throw thrown;
          left++;
        }
      }
      for (const { device, file } of await this.host.loops.list()) {
        if (!file.startsWith(`${path}/`)) continue;
        await this.host.loops.detach(device, file);
        left++;
      }
      if (left === 0 || round === ROUNDS) return;
      await wait(20);
    }
  }
}

const ROUNDS = 1_500;

async function openOn(host: Host, root: string, kind: Pool['kind']): Promise<PoolOnDisk> {
  const pool = await openPool({ host, clock: new SystemClock(), root, mark: 'bench', kind, keepFreeBytes: 16 * MiB, stepBytes: 600 * MiB });
  return { pool, driver: new PoolDriver({ host, pool, nodeName: 'node-1' }) };
}
