import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { silentLog } from '../src/base/log.ts';
import { openMemoryStore } from '../src/store/memory.ts';
import type { Seal } from '../src/store/seal.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';
import { storeContract, textOf } from './contract/store.ts';

storeContract({ name: 'memory', hasDisk: false, open: async (clock, settings) => openMemoryStore<string>({ clock, settings }) });

const directories: string[] = [];
after(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true }))));

/** What is on the disk begins with a mark, and every bit of it is turned round. */
const seal: Seal = {
  seal: (_, value) => Buffer.concat([Buffer.from('sealed'), value.map((byte) => byte ^ 255)]),
  open: (_, kept) => {
    assert.equal(Buffer.from(kept.subarray(0, 6)).toString(), 'sealed');
    return { value: kept.subarray(6).map((byte) => byte ^ 255), stale: false };
  },
};

for (const encrypted of [false, true]) {
  storeContract({
    name: encrypted ? 'sqlite, encrypted' : 'sqlite',
    hasDisk: true,
    open: async (clock, settings) => {
      const directory = await mkdtemp(join(tmpdir(), 'berth-store-'));
      directories.push(directory);
      return openSqliteStore<string>({
        directory,
        clock,
        settings,
        project: (_, value) => textOf(value),
        log: silentLog,
        ballastBytes: 0,
        ...(encrypted ? { seal } : {}),
      });
    },
  });
}
