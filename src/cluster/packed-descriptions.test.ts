import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { brotliCompressSync } from 'node:zlib';
import { type Log, silentLog } from '../base/log.ts';
import { PackedDescriptions } from './packed-descriptions.ts';

const directory = mkdtempSync(join(tmpdir(), 'berth-descriptions-'));
after(() => rmSync(directory, { recursive: true }));

function file(name: string, version: string, text: string | Buffer): string {
  const path = join(directory, name);
  writeFileSync(path, Buffer.concat([Buffer.from(`${version}\n`), typeof text === 'string' ? brotliCompressSync(text) : text]));
  return path;
}

test('texts by type and field; names of Object.prototype are nobody’s', async () => {
  const texts = new PackedDescriptions(silentLog, file('good', 'abc', 'core.v1.Pod\t{"":"Pöds.","spec":"The spec."}\nmachinery.meta.v1.Time\t{"":"A\\nB"}\n'));
  assert.equal(await texts.version(), 'abc');
  const describe = await texts.open();
  assert.deepEqual([describe('core.v1.Pod'), describe('core.v1.Pod', 'spec'), describe('machinery.meta.v1.Time')], ['Pöds.', 'The spec.', 'A\nB']);
  assert.deepEqual([describe('core.v1.Pod', 'status'), describe('core.v1.Pod', 'toString'), describe('core.v1.Node')], [undefined, undefined, undefined]);
});

test('without the file there are none', async () => {
  const texts = new PackedDescriptions(silentLog, join(directory, 'absent'));
  assert.equal(await texts.version(), '');
  assert.equal((await texts.open())('core.v1.Pod'), undefined);
});

for (const [what, content] of [
  ['no brotli', Buffer.from('zzz')],
  ['no lines', 'core.v1.Pod {}'],
] as const) {
  test(`a damaged file is said to be one and counts as none: ${what}`, async () => {
    const warnings: string[] = [];
    const log: Log = { ...silentLog, warn: (message) => warnings.push(message) };
    const texts = new PackedDescriptions(log, file(what.replace(' ', '-'), 'x', content));
    assert.equal((await texts.open())('core.v1.Pod'), undefined);
    assert.equal(warnings.length, 1);
  });
}
