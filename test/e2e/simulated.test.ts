/** Without root, or without containerd: one sentence says so, and the same cluster starts with a simulated node. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { KUBECTL, type Result, run, until } from './berth.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const BERTH = join(ROOT, 'bin', 'berth.cjs');
const NOBODY = 65_534;
const AS_NOBODY = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
const SENTENCE = 'so this cluster has a simulated node: pods only say that they run.';

const COUNTER = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: kept }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 32Mi } } }
---
apiVersion: v1
kind: Pod
metadata: { name: counter }
spec:
  containers: [{ name: c, image: "busybox:1.36", command: [sleep, "600"], volumeMounts: [{ name: v, mountPath: /data }] }]
  volumes: [{ name: v, persistentVolumeClaim: { claimName: kept } }]
`;

/** `berth` in a home of its own, behind a command that takes something away from it. */
class Lesser implements AsyncDisposable {
  readonly home = mkdtempSync('/var/tmp/berth-e2e-');
  readonly #before: readonly string[];
  #child: ChildProcess | undefined;
  output = '';

  constructor(before: readonly string[]) {
    this.#before = before;
    if (before.includes(`--reuid=${NOBODY}`)) chownSync(this.home, NOBODY, NOBODY);
  }

  #env(): Record<string, string> {
    return { ...(process.env as Record<string, string>), HOME: this.home, BERTH_FROM: 'source' };
  }

  /** Resolves when it is ready or has ended. */
  async up(args: readonly string[], before = this.#before): Promise<void> {
    this.output = '';
    const [command = '', ...rest] = [...before, process.execPath, BERTH, 'up', ...args];
    const child = spawn(command, rest, { cwd: this.home, env: this.#env(), stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    let ended = false;
    // Not at its exit: what it said last may come after that.
    child.on('close', () => (ended = true));
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    await until(
      async () => /ready at https:/.test(this.output) || ended,
      (done) => done,
      'berth up is ready',
    );
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  cli(...args: string[]): Promise<Result> {
    const [command = '', ...rest] = [...this.#before, process.execPath, BERTH, ...args];
    return run(command, rest, { cwd: this.home, env: this.#env() });
  }

  kubectl(args: readonly string[], stdin = ''): Promise<Result> {
    return run(KUBECTL, args, { stdin, env: { KUBECONFIG: /KUBECONFIG=(\S+)/.exec(this.output)?.[1] ?? '', HOME: this.home } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGTERM');
    rmSync(this.home, { recursive: true, force: true });
  }
}

const [setpriv = '', ...asNobody] = AS_NOBODY;
const noNobody =
  process.getuid?.() !== 0 || spawnSync(setpriv, [...asNobody, process.execPath, '-e', `require('fs').accessSync(${JSON.stringify(BERTH)})`]).status !== 0;

describe('without root', { skip: noNobody && 'there is no other user who can read the clone' }, () => {
  it('one sentence, a cluster that works, and secrets that nobody else can read', async () => {
    await using berth = new Lesser(AS_NOBODY);
    await berth.up([]);
    assert.match(berth.output.split('\n')[0] ?? '', new RegExp(`^You are not root, ${SENTENCE}$`));
    const directory = join(berth.home, '.local', 'share', 'berth');
    assert.equal(statSync(join(directory, 'kubeconfig')).mode & 0o777, 0o600);
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    for (const name of readdirSync(join(directory, 'pki'))) assert.equal(statSync(join(directory, 'pki', name)).mode & 0o077, 0, name);
    assert.equal((await berth.kubectl(['apply', '-f', '-'], COUNTER)).code, 0);
    assert.equal((await berth.kubectl(['wait', '--for=condition=Ready', 'pod/counter', '--timeout=240s'])).code, 0);
    const status = await berth.cli('status');
    assert.equal(status.code, 0, status.stderr);
    assert.match(status.stdout, /pods +1 Running/);
    for (const args of ['logs counter', 'exec counter -- true', 'port-forward counter 0:80']) {
      assert.match((await berth.kubectl(args.split(' '))).stderr, /node "[^"]+" is simulated: its pods only say that they run/, args);
    }
    const load = await berth.cli('image', 'load', BERTH);
    assert.equal(load.code, 1);
    assert.match(load.stderr, /^berth: .*a simulated node has no images.*\n$/);
    const down = await berth.cli('down');
    assert.equal(down.code, 0, down.stderr);
    assert.equal((await berth.cli('status')).code, 3);
  });
});

describe('root, but no containerd', { skip: process.getuid?.() !== 0 && 'hiding containerd needs root' }, () => {
  const HIDDEN = [
    'unshare',
    '-m',
    '--propagation',
    'private',
    'sh',
    '-c',
    'for f in /usr/bin/containerd /usr/local/bin/containerd /usr/sbin/containerd; do [ ! -e $f ] || mount --bind /dev/null $f; done; exec "$@"',
    'sh',
  ];

  it('one sentence, a cluster that works, and works again after a kill', async () => {
    await using berth = new Lesser(HIDDEN);
    const args = ['--data-dir', join(berth.home, 'data')];
    await berth.up(args);
    assert.match(berth.output, new RegExp(`^containerd is missing .*, ${SENTENCE}$`, 'm'));
    assert.equal((await berth.kubectl(['apply', '-f', '-'], COUNTER)).code, 0);
    assert.equal((await berth.kubectl(['wait', '--for=condition=Ready', 'pod/counter', '--timeout=240s'])).code, 0);
    await berth.end('SIGKILL');
    await berth.up(args);
    // The machine in memory ended with the process: its volumes are there again, empty, so that the pods can be.
    const ready = await berth.kubectl(['wait', '--for=condition=Ready', 'pod/counter', '--timeout=240s']);
    assert.equal(ready.code, 0, (await berth.kubectl(['describe', 'pod', 'counter'])).stdout);
    assert.match((await berth.cli('status', ...args)).stdout, /note: containerd is missing/);
  });

  it('a cluster whose pods and volumes are real is not handed to a simulated node', async () => {
    await using berth = new Lesser([]);
    const args = ['--data-dir', join(berth.home, 'data')];
    await berth.up(args);
    await berth.end('SIGTERM');
    for (const before of [HIDDEN, []]) {
      await berth.up(before.length === 0 ? [...args, '--simulated'] : args, before);
      assert.match(berth.output, /^berth: the pods and volumes of this cluster are real ones, but .*\n$/);
    }
    assert.equal((await berth.cli('down', ...args)).code, 0);
  });
});
