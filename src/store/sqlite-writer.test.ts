import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Row } from './journal.ts';
import { packRows, unpackRows } from './sqlite-wire.ts';
import { SqliteWriter } from './sqlite-writer.ts';

const DISK_FULL = 13;
const MEGABYTES = 2 * 1024 * 1024;

const row = (id: number): Row => ({
  id,
  revision: id,
  createRevision: id,
  deleted: false,
  key: `/k${id}`,
  value: new Uint8Array(MEGABYTES),
  expiresAtMs: 0,
  timeMs: 0,
});

test('rows that are committed are acknowledged, whatever becomes of the WAL afterwards', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'berth-writer-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const data = { directory, synchronous: 'full', ballastBytes: 4096, walCapBytes: 0 } as const;
  const writer = SqliteWriter.open(data, () => {});
  const exec = DatabaseSync.prototype.exec;
  let failed = 0;
  t.mock.method(DatabaseSync.prototype, 'exec', function (this: DatabaseSync, sql: string) {
    if (!sql.includes('wal_checkpoint')) return exec.call(this, sql);
    failed++;
    throw Object.assign(new Error('database or disk is full'), { errcode: DISK_FULL });
  });
  assert.deepEqual(writer.answer({ do: 'append', rows: packRows([row(1)]) }), { is: 'done' });
  assert.deepEqual(writer.answer({ do: 'append', rows: packRows([row(2)]) }), { is: 'done' });
  assert.deepEqual(writer.answer({ do: 'remove', ids: [1], compactedRevision: 1 }), { is: 'done' });
  assert.ok(failed >= 3, 'the WAL could not be moved');
  t.mock.restoreAll();
  writer.answer({ do: 'close', revision: 2 });

  const found: number[] = [];
  const again = SqliteWriter.open(data, (packed) => found.push(...[...unpackRows(packed)].map(({ id }) => id)));
  again.answer({ do: 'close', revision: 2 });
  assert.deepEqual(found, [2]);
});
