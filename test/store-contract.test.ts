import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { silentLog } from '../src/base/log.ts';
import { openMemoryStore } from '../src/store/memory.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';
import { storeContract, textOf } from './contract/store.ts';

storeContract({ name: 'memory', open: async (clock, settings) => openMemoryStore<string>({ clock, settings }) });

const directories: string[] = [];
after(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true }))));

storeContract({
  name: 'sqlite',
  open: async (clock, settings) => {
    const directory = await mkdtemp(join(tmpdir(), 'berth-store-'));
    directories.push(directory);
    return openSqliteStore<string>({ directory, clock, settings, project: (_, value) => textOf(value), log: silentLog, ballastBytes: 0 });
  },
});
