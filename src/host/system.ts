import { watch as watchDirectory } from 'node:fs';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { findCapabilities } from './capabilities.ts';
import { hostError } from './errno.ts';
import { type Capabilities, type Host, HostError, type Processes, type ProcessId, type RunOptions, type RunResult } from './host.ts';
import { Queue } from './queue.ts';
import { SystemProcesses } from './system-processes.ts';
import { SystemFilesystems } from './filesystems.ts';
import { SystemLoops } from './loops.ts';
import { refuseMountsBelow, SystemMounts } from './mounts.ts';
import { ProcessChannel } from './process-channel.ts';
import { COMMAND_ENV } from './run-command.ts';
import { SystemFiles } from './system-files.ts';
import type { Work } from './wire.ts';

/** What the helper gets beyond its own timeout before the request counts as lost. */
const GRACE_MS = 60_000;
/** What it gets to start: on a machine that is busy with other things a new process is long in coming. */
const START_MS = 120_000;
/** A helper that ends sooner is not started again: something is wrong that another one would not mend. */
const LEAST_LIFE_MS = 1_000;

export interface SystemHostOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** How long a stat, read or write of one file may take. Default 10,000. */
  readonly quickMs?: number;
}

/**
 * The machine itself. Start it before the process grows: the helper is a fork. One that was killed (by the kernel, for memory) is
 * started anew by the next request; what it had under way is answered with `closed`. Disposing ends the helper when its work is done.
 */
export function openSystemHost(options: SystemHostOptions): Host {
  return new SystemHost(options);
}

class SystemHost implements Host {
  #channel = new ProcessChannel('helper');
  #startedMs: number;
  #disposed = false;
  readonly #listeners = new Set<() => void>();
  readonly #clock: Clock;
  readonly #commands = new Queue(16, 1_024);
  readonly #fileWork = new Queue(64, 4_096);
  #capabilities: Promise<Capabilities> | undefined;
  readonly mounts: SystemMounts;
  readonly files: SystemFiles;
  readonly loops: SystemLoops;
  readonly filesystems: SystemFilesystems;
  readonly processes: Processes;

  constructor({ clock, random, quickMs = 10_000 }: SystemHostOptions) {
    this.#clock = clock;
    this.#startedMs = clock.monotonic();
    const run = this.run.bind(this);
    this.files = new SystemFiles(
      (operation, args, timeoutMs) => this.#fileWork.run(() => this.#send({ do: 'file', operation, args, timeoutMs }, timeoutMs)),
      run,
      random,
      (path) => refuseMountsBelow(this.mounts, path),
      quickMs,
    );
    this.mounts = new SystemMounts(run, this.files, (...args) => this.files.bindWithin(...args));
    this.loops = new SystemLoops(run, this.files);
    this.filesystems = new SystemFilesystems(run);
    this.processes = new SystemProcesses((work) => this.#send(work, 10_000));
  }

  run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const timeoutMs = options.timeoutMs ?? 30_000;
    const env = { ...COMMAND_ENV, ...options.env };
    const work: Work = {
      do: 'run',
      command: { command, args, stdin: options.stdin, timeoutMs, maxOutputBytes: options.maxOutputBytes ?? 1024 * 1024, env, cwd: options.cwd ?? '/' },
    };
    return this.#commands.run(() => this.#send(work, timeoutMs)) as Promise<RunResult>;
  }

  capabilities(): Promise<Capabilities> {
    this.#capabilities ??= findCapabilities(this.files, this.mounts);
    return this.#capabilities;
  }

  async helper(): Promise<ProcessId> {
    const { pid } = this.#helper();
    const found = pid === undefined ? undefined : await this.processes.identify(pid);
    if (found === undefined) throw new HostError('closed', 'the helper process has ended');
    return found;
  }

  onHelper(changed: () => void): Disposable {
    this.#listeners.add(changed);
    return { [Symbol.dispose]: () => void this.#listeners.delete(changed) };
  }

  async watch(directory: string, changed: () => void): Promise<Disposable> {
    // inotify itself never waits for a disk; the directory is one of ours (see the contract), not a volume's.
    try {
      let told = false;
      const tell = (): void => {
        if (told) return;
        told = true;
        queueMicrotask(() => {
          told = false;
          changed();
        });
      };
      const watcher = watchDirectory(directory, { persistent: false }, tell);
      watcher.on('error', tell);
      return { [Symbol.dispose]: () => watcher.close() };
    } catch (thrown) {
      throw hostError(thrown);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    await this.#channel.close(false);
  }

  #helper(): ProcessChannel {
    const nowMs = this.#clock.monotonic();
    if (this.#channel.closed && !this.#disposed && nowMs - this.#startedMs >= LEAST_LIFE_MS) {
      this.#channel = new ProcessChannel('helper');
      this.#startedMs = nowMs;
      for (const changed of [...this.#listeners]) queueMicrotask(changed);
    }
    return this.#channel;
  }

  async #send(work: Work, timeoutMs: number): Promise<unknown> {
    const helper = this.#helper();
    const answer = helper.send(work);
    // Told below, also when it comes while the start is waited for.
    answer.catch(() => {});
    await this.#within(START_MS, helper.up);
    return this.#within(timeoutMs + GRACE_MS, answer);
  }

  async #within<T>(limitMs: number, answer: Promise<T>): Promise<T> {
    let timer: Disposable | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = this.#clock.setTimer(limitMs, () => reject(new HostError('timeout', 'the helper process does not answer')));
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      timer?.[Symbol.dispose]();
    }
  }
}
