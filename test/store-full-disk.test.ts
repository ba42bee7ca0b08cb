import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmdirSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
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

  it('a start without any room is refused with the cause, on small blocks too; nothing is lost by it', async () => {
    const disk = mkdtempSync(join(tmpdir(), 'berth-full-'));
    const image = `${disk}.img`;
    const directory = join(disk, 'store');
    const hog = join(disk, 'hog');
    writeFileSync(image, '');
    truncateSync(image, 16 * 2 ** 20);
    execFileSync('mkfs.ext4', ['-q', '-m', '0', '-b', '1024', image]);
    execFileSync('mount', ['-o', 'loop', image, disk]);
    // The kernel may end who starts: never this process.
    const start = (entries: number) => spawnSync(process.execPath, ['-e', STARTS, directory, String(entries)], { cwd: import.meta.dirname, encoding: 'utf8' });
    try {
      const first = start(1);
      assert.equal(first.signal, 'SIGKILL', first.stderr);
      takeAll(hog);
      const { signal, stderr } = start(0);
      assert.equal(signal, null);
      assert.match(stderr, /ENOSPC|no space|full/i);
      rmSync(hog);
      await using store = await open(directory);
      assert.equal(store.count('/a/'), 1);
    } finally {
      execFileSync('umount', [disk]);
      rmdirSync(disk);
      rmSync(image);
    }
  });
});

/** A process that opens the store of a directory, writes so many entries, and ends without a chance to tidy up. */
const STARTS = `
  import { DatabaseSync } from 'node:sqlite';
  import { SystemClock } from '../src/base/system-clock.ts';
  import { silentLog } from '../src/base/log.ts';
  import { defaultStoreSettings as settings } from '../src/store/settings.ts';
  import { openSqliteStore } from '../src/store/sqlite.ts';
  const [, directory, entries] = process.argv;
  const store = await openSqliteStore({ directory, clock: new SystemClock(), settings, project: () => 0, log: silentLog, ballastDelayMs: 60_000 });
  for (let i = 0; i < Number(entries); i++) await store.commit([{ do: 'put', key: '/a/' + i, value: new Uint8Array(9), projection: 0 }]);
  new DatabaseSync(directory + '/state.db').exec('PRAGMA wal_checkpoint(TRUNCATE)');
  process.kill(process.pid, 'SIGKILL');
`;

/** All room of the disk that a file is on, to the last block. */
function takeAll(hog: string): void {
  for (let bytes = 2 ** 20; bytes >= 1024; bytes /= 2) {
    try {
      for (;;) writeFileSync(hog, new Uint8Array(bytes), { flag: 'a' });
    } catch (thrown) {
      assert.equal((thrown as NodeJS.ErrnoException).code, 'ENOSPC');
    }
  }
}
