import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '../base/log.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { FakeHost } from '../host/fake.ts';
import { LogRotation } from './log-rotation.ts';
import { containerOf } from './pods/testdata/views.ts';

const LOG = '/var/logs/c/0.log';
const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a log that is too long is rotated, old ones are kept up to their number', async () => {
  const clock = new VirtualClock();
  const host = new FakeHost({ clock });
  const reopened: string[] = [];
  const running = [containerOf('c', 'running', { logPath: LOG })];
  const options = { host, clock, log: silentLog, logs: { maxBytes: 10, maxFiles: 3 }, runtime: { reopenLog: async (id: string) => void reopened.push(id) } };
  using rotation = new LogRotation({ options, running: () => running });
  await host.files.makeDirectory('/var/logs/c');
  const names = async (): Promise<readonly string[]> => (await host.files.readDirectory('/var/logs/c')).map((e) => e.name);
  for (const [text, left] of [
    ['short', ['0.log']],
    ['the first long one', ['0.log.1']],
    ['the second long one', ['0.log.1', '0.log.2']],
    ['the third long one', ['0.log.1', '0.log.2']],
  ] as const) {
    await host.files.writeFileAtomic(LOG, text);
    // A log that stood still is looked at within a minute.
    await clock.advance(70_000, drain);
    assert.deepEqual(await names(), left);
  }
  assert.equal(await host.files.readText(`${LOG}.1`), 'the third long one');
  assert.equal(reopened.length, 3);
  assert.ok(rotation);
});
