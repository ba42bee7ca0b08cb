/**
 * The helper process: runs commands and touches files for the main process, which must do neither (law 10). Imports almost nothing,
 * so that a fork of it is cheap. As `files` it is a child of the helper: the place where a hung mount may hang.
 */
import { SystemClock } from '../base/system-clock.ts';
import { hostError } from './errno.ts';
import { FileWorkers } from './file-workers.ts';
import { fileOperations } from './file-operations.ts';
import { identify, runCommand, signal, startProcess } from './run-command.ts';
import type { Reply, Request, Up, Work } from './wire.ts';

const clock = new SystemClock();
const files = process.argv[2] === 'files' ? undefined : new FileWorkers(clock);
let running = 0;
let leaving = false;

async function perform(work: Work): Promise<unknown> {
  if (work.do === 'file') return files === undefined ? runFile(work) : files.run(work);
  if (work.do === 'run') return runCommand(work.command, clock);
  if (work.do === 'start') return startProcess(work.command, work.args, work.logFile, work.env, work.cwd);
  if (work.do === 'identify') return identify(work.pid);
  return signal(work.process, work.signal);
}

function runFile(work: Work & { readonly do: 'file' }): Promise<unknown> {
  const operation = fileOperations[work.operation] as (...args: readonly unknown[]) => Promise<unknown>;
  return operation(...work.args);
}

async function answer({ id, work }: Request): Promise<void> {
  running++;
  let reply: Reply;
  try {
    reply = { id, value: await perform(work) };
  } catch (thrown) {
    const { code, message } = hostError(thrown);
    reply = { id, error: { code, message } };
  }
  running--;
  if (process.connected) process.send?.(reply, undefined, undefined, () => {});
  if (leaving && running === 0) leave();
}

/** An ordinary exit waits for the thread pool, which may wait for a dead server. There is nothing to clean up. */
function leave(): void {
  process.kill(process.pid, 'SIGKILL');
}

process.on('message', (message) => void answer(message as Request));
process.send?.({ up: true } satisfies Up, undefined, undefined, () => {});
// The main process is gone, however it went. Commands that run are let run to their end: half a mkfs helps nobody.
process.on('disconnect', () => {
  leaving = true;
  files?.abandon();
  if (running === 0) leave();
});
// A terminal's or a supervisor's signals are for the main process, which ends this one by closing the channel.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => {});
