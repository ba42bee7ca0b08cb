import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { type Clock, sleep } from '../../base/clock.ts';
import { failure, type Log } from '../../base/log.ts';
import { makeDaemonCgroups } from './cgroup.ts';
import type { ContainerdLayout } from './layout.ts';

export interface SupervisorOptions {
  readonly layout: ContainerdLayout;
  readonly binary: string;
  /** Text of the files, written before every start. */
  readonly config: string;
  readonly cniConfig: string;
  /** Of the daemon: PATH and proxies. */
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Thrown when containerd does not come up; the message carries the end of its log. */
export class ContainerdError extends Error {
  override readonly name = 'ContainerdError';
}

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;
const RETRY_MS = 10;
const LARGEST_LOG_BYTES = 10 * 1024 * 1024;
const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 30_000;

/**
 * Keeps one containerd alive: takes over the one that listens at our socket, else starts one in a session and cgroup of its
 * own, so that it outlives us. Its death is seen at once (an idle connection to it closes) and answered by a new start.
 * Disposing leaves it running, with all containers; `end` stops it.
 */
export class Supervisor implements AsyncDisposable {
  readonly layout: ContainerdLayout;
  /** True when the first one was already there. */
  readonly adopted: boolean;
  readonly #options: SupervisorOptions;
  readonly #listeners = new Set<() => void>();
  #tether: Socket | undefined;
  #pid: number;
  #stopping = new AbortController();
  #restarting: Promise<void> = Promise.resolve();

  private constructor(options: SupervisorOptions, pid: number, adopted: boolean) {
    this.#options = options;
    this.layout = options.layout;
    this.#pid = pid;
    this.adopted = adopted;
  }

  static async start(options: SupervisorOptions): Promise<Supervisor> {
    const changed = await prepare(options);
    const living = await livingPid(options.layout);
    // One that runs with another configuration (of an older Berth) is replaced; its shims and containers live on.
    const adopted = living === undefined || changed ? undefined : await Supervisor.#adopt(options, living);
    const supervisor = adopted ?? new Supervisor(options, await launch(options), false);
    if (adopted === undefined) await supervisor.#attach();
    options.log.info(adopted === undefined ? 'containerd started' : 'containerd adopted', { pid: supervisor.pid, socket: options.layout.socket });
    return supervisor;
  }

  /** Undefined when it does not answer, or is gone before it could be held on to. */
  static async #adopt(options: SupervisorOptions, pid: number): Promise<Supervisor | undefined> {
    if (!(await answers(options.layout.socket))) return undefined;
    const supervisor = new Supervisor(options, pid, true);
    return supervisor.#attach().then(
      () => supervisor,
      () => undefined,
    );
  }

  get pid(): number {
    return this.#pid;
  }

  /** Called after every restart that followed a death. */
  onRestart(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Stops the daemon. Shims and containers live on if there are any. */
  async end(): Promise<void> {
    await this[Symbol.asyncDispose]();
    await stopDaemon(this.#options, this.#pid);
    const { pidFile, socket, ttrpcSocket, directory } = this.layout;
    await Promise.all([pidFile, socket, ttrpcSocket].map((path) => rm(path, { force: true })));
    // Where the sockets have a place of their own, it goes with them.
    if (dirname(socket) !== directory) await rmdir(dirname(socket));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort(new Error('stopping'));
    this.#tether?.destroy();
    await this.#restarting;
  }

  /** Holds a connection that carries nothing; when it closes, the daemon is gone. */
  async #attach(): Promise<void> {
    const socket = await tether(this.layout.ttrpcSocket);
    socket.unref();
    socket.on('error', () => {});
    socket.on('close', () => {
      if (!this.#stopping.signal.aborted) this.#restarting = this.#restart();
    });
    this.#tether = socket;
  }

  async #restart(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stopping;
    log.warn('containerd ended', { pid: this.#pid });
    const diedAt = clock.monotonic();
    for (let backoffMs = FIRST_BACKOFF_MS; !signal.aborted; backoffMs = Math.min(backoffMs * 2, LONGEST_BACKOFF_MS)) {
      try {
        await prepare(this.#options);
        this.#pid = await launch(this.#options);
        await this.#attach();
        log.info('containerd started again', { pid: this.#pid, afterMs: Math.round(clock.monotonic() - diedAt) });
        for (const listener of this.#listeners) listener();
        return;
      } catch (thrown) {
        log.error('containerd does not start', failure(thrown));
        await sleep(clock, backoffMs, signal).catch(() => {});
      }
    }
  }
}

/** Writes the files; says whether the daemon's own differs from what was there. */
async function prepare({ layout, config, cniConfig }: SupervisorOptions): Promise<boolean> {
  for (const path of [layout.directory, layout.registryDirectory, layout.cniConfigDirectory, layout.ipamDirectory, dirname(layout.socket)]) {
    await mkdir(path, { recursive: true, mode: 0o700 });
  }
  const before = await readFile(layout.configFile, 'utf8').catch(() => '');
  await writeFile(layout.configFile, config, { mode: 0o600 });
  await writeFile(join(layout.cniConfigDirectory, '10-berth.conflist'), cniConfig, { mode: 0o600 });
  return before !== config;
}

/** Starts a daemon and waits until it answers; gives its pid. */
async function launch(options: SupervisorOptions): Promise<number> {
  const { layout, binary, env, clock } = options;
  const old = await livingPid(layout);
  if (old !== undefined) await stopDaemon(options, old);
  await Promise.all([layout.socket, layout.ttrpcSocket].map((path) => rm(path, { force: true })));
  const logged = await stat(layout.logFile).catch(() => undefined);
  if (logged !== undefined && logged.size > LARGEST_LOG_BYTES) await rename(layout.logFile, `${layout.logFile}.1`);
  const cgroups = await makeDaemonCgroups(layout.cgroup);
  const log = await open(layout.logFile, 'a', 0o600);
  let ended: string | undefined;
  let pid: number | undefined;
  try {
    // The shell writes its pid and moves itself before it becomes containerd: no moment in which it stands in our cgroup.
    const script =
      'echo $$ > "$0"; binary=$1; config=$2; shift 2; for procs in "$@"; do echo $$ > "$procs" 2>/dev/null || :; done; exec "$binary" --config "$config"';
    const child = spawn('/bin/sh', ['-c', script, layout.pidFile, binary, layout.configFile, ...cgroups], {
      detached: true,
      cwd: '/',
      env: { ...env },
      stdio: ['ignore', log.fd, log.fd],
    });
    child.on('error', (error) => {
      ended = error.message;
    });
    child.on('exit', (code, signal) => {
      ended = signal === null ? `exit status ${code}` : `signal ${signal}`;
    });
    child.unref();
    pid = child.pid;
  } finally {
    await log.close();
  }
  const deadlineMs = clock.monotonic() + START_TIMEOUT_MS;
  while (!(await answers(layout.socket)) || !(await answers(layout.ttrpcSocket))) {
    if (ended !== undefined || clock.monotonic() > deadlineMs) {
      throw new ContainerdError(`containerd did not start (${ended ?? `no answer in ${START_TIMEOUT_MS / 1000} s`}): ${await lastLines(layout.logFile)}`);
    }
    await sleep(clock, RETRY_MS);
  }
  if (pid === undefined) throw new ContainerdError('containerd has no process id');
  return pid;
}

/** The pid that our pid file names, if that process runs with our configuration file. */
async function livingPid({ pidFile, configFile }: ContainerdLayout): Promise<number | undefined> {
  const pid = Number((await readFile(pidFile, 'utf8').catch(() => '')).trim());
  if (!Number.isInteger(pid) || pid <= 1) return undefined;
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return command.split('\0').includes(configFile) ? pid : undefined;
}

async function stopDaemon({ layout, clock }: SupervisorOptions, pid: number): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if ((await livingPid(layout)) !== pid) return;
    try {
      process.kill(pid, signal);
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
    }
    const deadlineMs = clock.monotonic() + STOP_TIMEOUT_MS;
    while (clock.monotonic() < deadlineMs && (await livingPid(layout)) === pid) await sleep(clock, RETRY_MS);
  }
  if ((await livingPid(layout)) === pid) throw new ContainerdError(`containerd ${pid} does not end`);
}

function tether(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

async function answers(path: string): Promise<boolean> {
  return tether(path).then(
    (socket) => {
      socket.destroy();
      return true;
    },
    () => false,
  );
}

async function lastLines(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-3).join(' | ').slice(-2000);
}
