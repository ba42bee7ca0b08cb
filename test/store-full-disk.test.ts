import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { silentLog } from '../src/base/log.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { defaultStoreSettings } from '../src/store/settings.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';
import { type Store, StoreError } from '../src/store/store.ts';

const BALLAST = 4 * 1024 * 1024;

const open = (directory: string): Promise<Store<number>> =>
  openSqliteStore<number>({
    directory,
    clock: new SystemClock(),
    settings: defaultStoreSettings,
    project: (_, value) => value.byteLength,
    log: silentLog,
    ballastBytes: BALLAST,
    ballastDelayMs: 0,
  });

const write = (store: Store<number>, key: string, bytes = 20_000): Promise<{ readonly revision: number }> =>
  store.commit([{ do: 'put', key, value: new Uint8Array(bytes).fill(1), projection: bytes }]);

/** Writes until the store refuses; returns how many it took. */
async function fill(store: Store<number>, prefix: string): Promise<number> {
  for (let i = 0; ; i++) {
    try {
      await write(store, `${prefix}${i}`);
    } catch (thrown) {
      assert.ok(thrown instanceof StoreError && thrown.code === 'unavailable' && /full|space/.test(thrown.message), String(thrown));
      return i;
    }
  }
}

const becomes = (store: Store<number>, state: string): Promise<void> =>
  new Promise((resolve) => {
    if (store.health.state === state) return resolve();
    const listening = store.onHealth((health) => {
      if (health.state !== state) return;
      listening[Symbol.dispose]();
      resolve();
    });
  });

describe('store: a full disk', { skip: process.getuid?.() === 0 ? false : 'needs root' }, () => {
  it('writes are refused, reads go on, a restart works, compaction works, and writes are taken again once there is room', async () => {
    const disk = mkdtempSync(join(tmpdir(), 'berth-full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk]);
    const directory = join(disk, 'store');
    const hog = join(disk, 'hog');
    let store: Store<number> | undefined;
    try {
      store = await open(directory);
      for (let i = 0; !existsSync(join(directory, 'ballast')); i++) await write(store, `/first/${i % 10}`, 100);
      const { bavail, bsize } = statfsSync(disk);
      writeFileSync(hog, new Uint8Array(bavail * bsize - 6 * 1024 * 1024));

      const taken = await fill(store, '/a/');
      assert.ok(taken > 20, `${taken} taken`);
      assert.equal(store.health.state, 'read-only');
      assert.equal(store.count('/a/'), taken);
      assert.ok(!existsSync(join(directory, 'ballast')), 'the ballast is given up');
      await store.compact(store.revision);
      await store[Symbol.asyncDispose]();

      store = await open(directory);
      assert.equal(store.count('/a/'), taken, 'every acknowledged entry is there after a restart on the full disk');
      await fill(store, '/b/');
      await becomes(store, 'read-only');
      rmSync(hog);
      await becomes(store, 'ok');
      await write(store, '/after');
      assert.ok(existsSync(join(directory, 'ballast')), 'and taken again');
    } finally {
      await store?.[Symbol.asyncDispose]();
      execFileSync('umount', [disk]);
      rmdirSync(disk);
    }
  });
});
