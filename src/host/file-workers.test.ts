import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { VirtualClock } from '../base/virtual-clock.ts';
import { FileWorkers } from './file-workers.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('the time of work for a worker that replaces a hung one counts from when it is there', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'berth-workers-'));
  const pipe = join(directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const clock = new VirtualClock();
  const workers = new FileWorkers(clock);
  t.after(() => {
    workers.abandon();
    // Whoever opens it for writing lets its reader go.
    closeSync(openSync(pipe, 'r+'));
    rmSync(directory, { recursive: true });
  });
  const read = (path: string): Promise<unknown> => workers.run({ do: 'file', operation: 'readFile', args: [path, 65_536], timeoutMs: 1_000 });
  // Opening a pipe that nobody writes to waits for ever.
  const hung = assert.rejects(read(pipe), { code: 'timeout' });
  await turn();
  await clock.advance(1_000, turn);
  await hung;
  writeFileSync(join(directory, 'file'), 'text');
  const late = read(join(directory, 'file'));
  // A busy machine: a minute passes before the new process has said a word.
  await clock.advance(60_000, () => Promise.resolve());
  assert.equal(Buffer.from((await late) as Uint8Array).toString(), 'text');
});
