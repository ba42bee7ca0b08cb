import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DataDirectoryError, holdDataDirectory, layoutOf } from './data-directory.ts';

const refusedWith = (expected: RegExp) => (thrown: unknown) =>
  thrown instanceof DataDirectoryError && expected.test(thrown.message) && !thrown.message.includes('\n');

test('a data directory is made, and held by one process at a time', async (t) => {
  const above = mkdtempSync(join(tmpdir(), 'berth-data-'));
  t.after(() => rmSync(above, { recursive: true }));
  const layout = layoutOf(join(above, 'a', 'b'));
  {
    using _held = await holdDataDirectory(layout);
    assert.equal(statSync(layout.directory).mode & 0o777, 0o700);
    const script = `import { holdDataDirectory, layoutOf } from ${JSON.stringify(import.meta.resolve('./data-directory.ts'))};
      await holdDataDirectory(layoutOf(${JSON.stringify(layout.directory)})).catch((thrown) => console.log(thrown.message));`;
    const other = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    assert.equal(other.stdout, `${layout.directory} is in use by process ${process.pid}\n`, other.stderr);
  }
  using _again = await holdDataDirectory(layout);
});

for (const directory of ['/proc/no/such/place', '/proc', '/dev/null', '/dev/null/below']) {
  test(`${directory} is no data directory: one line, at once`, async () => {
    await assert.rejects(holdDataDirectory(layoutOf(directory)), refusedWith(new RegExp(`^${directory} can't be used as data directory: `)));
  });
}

test('a file in the way', async (t) => {
  const above = mkdtempSync(join(tmpdir(), 'berth-data-'));
  t.after(() => rmSync(above, { recursive: true }));
  writeFileSync(join(above, 'file'), '');
  await assert.rejects(holdDataDirectory(layoutOf(join(above, 'file'))), refusedWith(/can't be used as data directory/));
});
