import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import type { Clock } from '../base/clock.ts';
import { HostError, type ProcessId, type RunResult } from './host.ts';

/** All that a command is given, unless more is asked for. */
export const COMMAND_ENV = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly stdin: string | Uint8Array | undefined;
  readonly timeoutMs: number;
  readonly maxOutputBytes: number;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** Runs a command in a process group of its own, so that a timeout ends its children too. */
export function runCommand(command: Command, clock: Clock): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command.command, command.args, { env: command.env, cwd: command.cwd, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    const stdout = new Output(command.maxOutputBytes);
    const stderr = new Output(command.maxOutputBytes);
    const fail = (error: HostError): void => {
      timer[Symbol.dispose]();
      if (child.pid !== undefined) killGroup(child.pid);
      // A process in uninterruptible sleep keeps its pipes: let go of them.
      child.stdout.destroy();
      child.stderr.destroy();
      child.stdin.destroy();
      reject(error);
    };
    const timer = clock.setTimer(command.timeoutMs, () =>
      fail(new HostError('timeout', `${command.command} ${command.args.join(' ')}: not finished after ${command.timeoutMs} ms`)),
    );
    for (const [stream, output] of [
      [child.stdout, stdout],
      [child.stderr, stderr],
    ] as const) {
      stream.on('data', (chunk: Uint8Array) => {
        if (!output.add(chunk)) fail(new HostError('too-large', `${command.command}: more than ${command.maxOutputBytes} bytes of output`));
      });
    }
    child.on('error', (thrown: NodeJS.ErrnoException) => {
      const missing = thrown.code === 'ENOENT';
      fail(
        new HostError(
          missing ? 'missing' : thrown.code === 'EACCES' ? 'not-permitted' : 'failed',
          missing ? `${command.command}: command not found` : thrown.message,
        ),
      );
    });
    child.on('close', (code, signal) => {
      timer[Symbol.dispose]();
      resolve({ code: code ?? 128 + (signal === null ? 0 : constants.signals[signal]), stdout: stdout.text(), stderr: stderr.text() });
    });
    // A command that does not read its input ends the pipe: EPIPE is its own affair, and its exit status tells.
    child.stdin.on('error', () => {});
    child.stdin.end(command.stdin ?? '');
  });
}

class Output {
  readonly #chunks: Uint8Array[] = [];
  readonly #max: number;
  #length = 0;

  constructor(max: number) {
    this.#max = max;
  }

  add(chunk: Uint8Array): boolean {
    this.#length += chunk.length;
    if (this.#length > this.#max) return false;
    this.#chunks.push(chunk);
    return true;
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}

/** A process that outlives this one: its own session, output to a file. */
export async function startProcess(
  command: string,
  args: readonly string[],
  logFile: string,
  env: Readonly<Record<string, string>>,
  cwd: string,
): Promise<ProcessId> {
  const log = openSync(logFile, 'a', 0o640);
  try {
    const child = spawn(command, args, { env, cwd, detached: true, stdio: ['ignore', log, log] });
    const pid = await new Promise<number>((resolve, reject) => {
      child.once('error', (thrown: NodeJS.ErrnoException) => reject(new HostError(thrown.code === 'ENOENT' ? 'missing' : 'failed', thrown.message)));
      child.once('spawn', () => resolve(child.pid as number));
    });
    child.unref();
    const id = await identify(pid);
    if (id === undefined) throw new HostError('failed', `${command} ended at once: see ${logFile}`);
    return id;
  } finally {
    closeSync(log);
  }
}

/** Undefined when it is gone or a zombie. */
export async function identify(pid: number): Promise<ProcessId | undefined> {
  let text: string;
  try {
    text = await readFile(`/proc/${pid}/stat`, 'utf8');
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw thrown;
  }
  // The name, in brackets, may hold spaces and brackets itself.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return { pid, startTicks: Number(fields[19]) };
}

export async function signal({ pid, startTicks }: ProcessId, name: NodeJS.Signals): Promise<void> {
  const now = await identify(pid);
  if (now === undefined || now.startTicks !== startTicks) return;
  try {
    process.kill(pid, name);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
  }
}
