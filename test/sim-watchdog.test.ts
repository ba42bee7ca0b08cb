/** The canary of the watchdog of `npm run sim`: threads that hang in every way there is are found out, and ended. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

const WATCHDOG = new URL('../scripts/sim-watchdog.ts', import.meta.url).href;

const directory = mkdtempSync(join(tmpdir(), 'berth-watchdog-'));
after(() => rmSync(directory, { recursive: true }));

const start = `
  import { Worker } from 'node:worker_threads';
  const watched = { beat: new SharedArrayBuffer(4), limitMs: 100, state: 'howFar()' };
  globalThis.howFar = () => 'seed 42 and so far';
  const watchdog = new Worker(new URL(${JSON.stringify(WATCHDOG)}), { workerData: watched });
  await new Promise((resolve) => watchdog.once('online', resolve));
`;

async function end(what: string, hang: string): Promise<{ readonly signal: string | null; readonly said: string }> {
  const file = join(directory, `${what.replaceAll(' ', '-')}.mjs`);
  writeFileSync(file, start + hang);
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const signal = await new Promise<string | null>((resolve) => child.on('close', (_, by) => resolve(by)));
  return { signal, said };
}

describe('the watchdog of simulations', { concurrency: true }, () => {
  for (const [what, hang, name] of [
    ['promises that follow each other without end', 'async function follow() { for (;;) await null; }\nawait follow();', /follow/],
    ['a loop', 'function round() { for (;;) Math.random(); }\nround();', /round/],
    ['steps without end', 'function step() { setImmediate(step); }\nstep();', /what the main thread does/],
    ['an answer that never comes', 'await new Promise(() => {});', /it waits/],
  ] as const)
    it(`${what}: says where, and how far it was`, async () => {
      const { signal, said } = await end(what, hang);
      assert.equal(signal, 'SIGKILL', said);
      assert.match(said, name);
      assert.match(said, /seed 42 and so far/);
    });
});
