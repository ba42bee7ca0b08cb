/** A cluster as users have it: `berth up` in a process of its own, in an empty directory, ended and removed afterwards. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '../src/cli/connect.ts';
import type { Client } from '../src/client/client.ts';
import { choosePort } from '../src/cluster/network-plan.ts';
import { writeBusyboxImage } from '../test/fixtures/busybox-image.ts';

const ROOT = join(import.meta.dirname, '..');
const LAUNCHER = join(ROOT, 'bin', 'berth.cjs');

export interface Memory {
  readonly rssMb: number;
  /** What is not a mapping of a file: Node's own file is shared by all its processes. */
  readonly anonymousMb: number;
  /** Resident in the processes that it started to do the host's work. */
  readonly childrenMb: number;
}

export interface BenchClusterOptions {
  readonly args?: readonly string[];
  /** `source` runs src/ as it stands; else the bundle, when there is a fresh one. */
  readonly from?: 'source';
  readonly env?: Readonly<Record<string, string>>;
}

export class BenchCluster implements AsyncDisposable {
  readonly directory = mkdtempSync('/var/tmp/berth-bench-');
  readonly port: number;
  readonly #options: BenchClusterOptions;
  #child: ChildProcess | undefined;
  #output = '';

  private constructor(port: number, options: BenchClusterOptions) {
    this.port = port;
    this.#options = options;
  }

  static async make(options: BenchClusterOptions = {}): Promise<BenchCluster> {
    return new BenchCluster(await choosePort('127.0.0.1', []), options);
  }

  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Starts it; resolves when `/readyz` says ok, with the milliseconds since the command was given. It is asked so often. */
  async up(askEveryMs = 4): Promise<number> {
    const started = performance.now();
    const { args = [], from, env = {} } = this.#options;
    this.#output = '';
    const child = spawn(process.execPath, [LAUNCHER, 'up', '--data-dir', this.directory, '--port', String(this.port), ...args], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, BERTH_FROM: from ?? '', ...env },
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    while (!(await this.#isReady())) {
      if (child.exitCode !== null || performance.now() - started > 30_000) throw new Error(`berth up: ${this.#output}`);
      await delay(askEveryMs);
    }
    return performance.now() - started;
  }

  #isReady(): Promise<boolean> {
    return new Promise((resolve) => {
      const asking = request({ host: '127.0.0.1', port: this.port, path: '/readyz', rejectUnauthorized: false, agent: false }, (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode === 200));
      });
      asking.on('error', () => resolve(false));
      asking.end();
    });
  }

  /** Resolves when the start is over. */
  async started(): Promise<void> {
    while (!this.#output.includes('ready at')) {
      if (this.#child?.exitCode !== null) throw new Error(`berth up: ${this.#output}`);
      await delay(4);
    }
  }

  async connect(): Promise<{ readonly client: Client } & Disposable> {
    while (!existsSync(join(this.directory, 'kubeconfig'))) await delay(4);
    return connect(this.directory);
  }

  /** PEM texts of the admin, for clients that are no clients of ours. */
  credentials(): { readonly cert: string; readonly key: string; readonly ca: string } {
    const text = readFileSync(join(this.directory, 'kubeconfig'), 'utf8');
    const pem = (key: string): string => Buffer.from(new RegExp(`^\\s*${key}: "?([^"\\n]+)"?$`, 'm').exec(text)?.[1] ?? '', 'base64').toString();
    return { cert: pem('client-certificate-data'), key: pem('client-key-data'), ca: pem('certificate-authority-data') };
  }

  async loadBusybox(): Promise<void> {
    const archive = writeBusyboxImage(join(this.directory, 'busybox.tar'));
    await run(['image', 'load', archive, '--data-dir', this.directory]);
    rmSync(archive);
  }

  memory(): Memory {
    const own = memoryOf(this.pid);
    const children = childrenOf(this.pid).filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('host-process'));
    return { ...own, childrenMb: children.reduce((sum, pid) => sum + memoryOf(pid).rssMb, 0) };
  }

  cpuSeconds(): number {
    return cpuSecondsOf(this.pid);
  }

  /** Ctrl-C. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    if (child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGINT');
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await run(['down', '--data-dir', this.directory]);
    if (!readFileSync('/proc/self/mountinfo', 'utf8').includes(this.directory)) rmSync(this.directory, { recursive: true, force: true });
  }
}

function run(args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [LAUNCHER, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`berth ${args.join(' ')}: ${errors}`))));
  });
}

/** Seconds of CPU that a process has used, user and system. */
export function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function memoryOf(pid: number): { readonly rssMb: number; readonly anonymousMb: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const mb = (name: string): number => (Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0) * 1024) / 1e6;
  return { rssMb: mb('Rss'), anonymousMb: mb('Anonymous') };
}

function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
      .split(' ')
      .filter((each) => each !== '')
      .map(Number),
  );
}
