/** A real cluster as a user has it: `berth up` in a process group of its own, kubectl beside it. Disposing it leaves nothing behind. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { writeBusyboxImage } from '../fixtures/busybox-image.ts';
import { lastLines, type Subject, tellOnFailure } from '../fixtures/diagnosis.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** Patience ends what hangs; a machine that is busy with other things may well take a tenth of it. */
const READY_MS = 240_000;
const COMMAND_MS = 300_000;
const UNTIL_MS = 240_000;
const SERVER_LINES = 300;
// Never a bundle: what is tested is what stands here.
process.env.BERTH_FROM = 'source';

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string;
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Runs to the end; a non-zero exit is a value. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...options.env }, cwd: options.cwd ?? ROOT, stdio: ['pipe', 'pipe', 'pipe'] });
    const { timeoutMs = COMMAND_MS } = options;
    let stdout = '';
    let stderr = '';
    const timer = setTimeout(() => {
      stderr += `\n${command} was killed: it had not ended after ${timeoutMs} ms\n`;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.stdin.on('error', () => {});
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? -1, stdout, stderr });
    });
    child.stdin.end(options.stdin ?? '');
  });
}

/** The kubectl that the machine has, and the distribution's own, which set-up unpacked. */
export const DISTRIBUTION_KUBECTL = join(ROOT, '.cache', 'kubectl', 'usr', 'bin', 'kubectl');
export const KUBECTL = ['/usr/local/bin/kubectl', '/usr/bin/kubectl', DISTRIBUTION_KUBECTL].find((path) => existsSync(path)) ?? 'kubectl';

export class Berth implements AsyncDisposable {
  readonly directory: string;
  readonly #args: readonly string[];
  readonly #told: Subject;
  #child: ChildProcess | undefined;
  #output = '';

  private constructor(directory: string, args: readonly string[]) {
    this.directory = directory;
    this.#args = args;
    this.#told = tellOnFailure(() => this.#diagnosis());
  }

  /** Starts a cluster in an empty directory below `on`, with busybox loaded unless `image` is false. */
  static async start(args: readonly string[] = [], { image = true, on = '/var/tmp' }: { readonly image?: boolean; readonly on?: string } = {}): Promise<Berth> {
    const berth = new Berth(mkdtempSync(join(on, 'berth-e2e-')), args);
    try {
      await berth.up();
      if (image) await berth.loadBusybox();
      return berth;
    } catch (thrown) {
      await berth[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  get kubeconfig(): string {
    return join(this.directory, 'kubeconfig');
  }

  /** Everything that the last `berth up` has printed. */
  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** `berth up` on the same directory; resolves when it says that it is ready. */
  async up(): Promise<void> {
    this.#output = '';
    const child = spawn(process.execPath, [join(ROOT, 'bin', 'berth.cjs'), 'up', '--data-dir', this.directory, '--log-level', 'debug', ...this.#args], {
      cwd: ROOT,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`berth up was not ready after ${READY_MS} ms:\n${this.#output}`)), READY_MS);
      const hear = (chunk: Buffer): void => {
        this.#output += chunk.toString();
        if (!/ready at https:/.test(this.#output.slice(-4096))) return;
        clearTimeout(timer);
        resolve();
      };
      child.stdout?.on('data', hear);
      child.stderr?.on('data', hear);
      // Not at its exit: what it said last may come after that.
      child.on('close', (code, signal) => {
        clearTimeout(timer);
        reject(new Error(`berth up ended (${code ?? signal}):\n${this.#output}`));
      });
    });
  }

  /** kill -9 of the whole process group: server and helper, at once. */
  async kill(): Promise<void> {
    const child = this.#running();
    const ended = new Promise((resolve) => child.once('exit', resolve));
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await ended;
    this.#child = undefined;
  }

  /** Ctrl-C; gives the exit code. */
  async interrupt(): Promise<number> {
    const child = this.#running();
    const ended = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? -1)));
    child.kill('SIGINT');
    const code = await ended;
    this.#child = undefined;
    return code;
  }

  /** What has ended by itself is not waited for. */
  #running(): ChildProcess {
    const child = this.#child;
    assert.ok(child?.pid !== undefined && child.exitCode === null && child.signalCode === null, `berth up does not run:\n${this.#output}`);
    return child;
  }

  cli(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return run(process.execPath, [join(ROOT, 'bin', 'berth.cjs'), ...args], options);
  }

  async loadBusybox(): Promise<void> {
    const archive = join(this.directory, 'busybox.tar');
    writeBusyboxImage(archive);
    const { code, stderr } = await this.cli(['image', 'load', archive, '--data-dir', this.directory]);
    assert.equal(code, 0, stderr);
  }

  /** kubectl's result, whatever it is. */
  tryKubectl(args: readonly string[], options: RunOptions = {}, binary = KUBECTL): Promise<Result> {
    // A HOME of its own: kubectl caches discovery there.
    return run(binary, args, { ...options, env: { KUBECONFIG: this.kubeconfig, HOME: this.directory, ...options.env } });
  }

  /** kubectl's output; a failure fails the test with its words. */
  async kubectl(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.tryKubectl(args);
    assert.equal(code, 0, `kubectl ${args.join(' ')}\n${stderr}${stdout}`);
    return stdout;
  }

  async apply(manifest: string): Promise<string> {
    const { code, stdout, stderr } = await this.tryKubectl(['apply', '-f', '-'], { stdin: manifest });
    assert.equal(code, 0, stderr);
    return stdout;
  }

  mission(name: string): string {
    return join(import.meta.dirname, 'mission', name);
  }

  /** A jsonpath of an object. */
  get(what: string, path: string, ...more: string[]): Promise<string> {
    return this.kubectl('get', ...what.split(' '), '-o', `jsonpath={${path}}`, ...more);
  }

  async exec(pod: string, ...command: string[]): Promise<string> {
    return this.kubectl('exec', pod, '--', ...command);
  }

  /** For `until`: what a command says, and nothing while its container is not there or it fails. */
  async tryExec(pod: string, ...command: string[]): Promise<string> {
    const { code, stdout } = await this.tryKubectl(['exec', pod, '--', ...command]);
    return code === 0 ? stdout : '';
  }

  /** States of all that a failure may be about, all events, and what the server and containerd said last. */
  async #diagnosis(): Promise<string> {
    const { stdout, stderr } = await this.tryKubectl(['get', 'pods,pvc,pv,nodes,events', '-A', '-o', 'json', '--request-timeout=30s'], { timeoutMs: 60_000 });
    return [
      `cluster ${this.directory}`,
      ...(stdout === '' ? [stderr] : (JSON.parse(stdout) as { readonly items: readonly Told[] }).items.map(inOneLine)),
      `what the server said last:\n${this.#output.split('\n').slice(-SERVER_LINES).join('\n')}`,
      `what containerd said last:\n${await lastLines(join(this.directory, 'containerd', 'containerd.log'))}`,
    ].join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#told.keep();
    if (this.#child?.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = new Promise((resolve) => this.#child?.once('exit', resolve));
      this.#child.kill('SIGTERM');
      const late = setTimeout(() => process.kill(-(this.#child?.pid ?? 0), 'SIGKILL'), 120_000);
      await ended;
      clearTimeout(late);
    }
    const { code, stderr, stdout } = await this.cli(['down', '--data-dir', this.directory]);
    const left = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').filter((line) => line.includes(this.directory));
    if (left.length === 0) rmSync(this.directory, { recursive: true, force: true });
    if (process.env.BERTH_E2E_LOG !== undefined) process.stderr.write(this.#output);
    assert.equal(code, 0, `berth down: ${stdout}${stderr}`);
    assert.deepEqual(left, [], 'mounts are left');
  }
}

interface Told {
  readonly kind: string;
  readonly metadata: { readonly namespace?: string; readonly name: string; readonly deletionTimestamp?: string; readonly creationTimestamp: string };
  readonly status?: unknown;
  readonly involvedObject?: { readonly kind: string; readonly name: string };
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
}

function inOneLine({ kind, metadata, status, involvedObject, reason, message, count }: Told): string {
  if (involvedObject !== undefined)
    return `event ${metadata.creationTimestamp} x${count ?? 1} ${involvedObject.kind}/${involvedObject.name} ${reason}: ${message}`;
  const ending = metadata.deletionTimestamp === undefined ? '' : ` ending since ${metadata.deletionTimestamp}`;
  return `${kind} ${metadata.namespace ?? ''}/${metadata.name}${ending} ${JSON.stringify(status)}`;
}

/** Asks again until the answer satisfies, or fails with the last one. For what no watch of kubectl can wait for. */
export async function until<T>(ask: () => Promise<T>, satisfied: (answer: T) => boolean, what: string): Promise<T> {
  const givenUp = performance.now() + UNTIL_MS;
  for (;;) {
    const answer = await ask();
    if (satisfied(answer)) return answer;
    if (performance.now() > givenUp) assert.fail(`${what}: still ${JSON.stringify(answer)} after ${UNTIL_MS} ms`);
    await delay(100);
  }
}
