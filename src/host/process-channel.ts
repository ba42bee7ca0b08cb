import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { HostError } from './host.ts';
import type { Reply, Request, Up, Work } from './wire.ts';

/** The file of a process beside this one: `.ts` from source, `.js` in a bundle. */
function processFile(): string {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return fileURLToPath(new URL(`./host-process.${ending}`, import.meta.url));
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: HostError): void;
}

/**
 * Requests to a forked process and its answers. A session of its own: Ctrl-C in a terminal does not reach it; it ends when the
 * channel closes, however this process ended.
 */
export class ProcessChannel {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended: Promise<void>;
  readonly #up = Promise.withResolvers<void>();
  #nextId = 1;
  #closed = false;

  constructor(role: 'helper' | 'files') {
    this.#child = fork(processFile(), [role], {
      detached: true,
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: ['--max-semi-space-size=1', '--disable-warning=ExperimentalWarning'],
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', UV_THREADPOOL_SIZE: '8' },
    });
    this.#child.on('message', (message) => this.#answer(message as Reply | Up));
    this.#ended = new Promise((resolve) => {
      const end = (): void => {
        this.#end();
        resolve();
      };
      this.#child.once('exit', end);
      this.#child.once('error', end);
    });
    this.#child.unref();
    this.#child.channel?.unref();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** It takes requests, or has ended: what it is sent before that waits for its start, which takes long on a busy machine. */
  get up(): Promise<void> {
    return this.#up.promise;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get closed(): boolean {
    return this.#closed;
  }

  send(work: Work): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new HostError('closed', 'the helper process has ended'));
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve, reject });
      // While something is waited for, the process stays alive.
      this.#child.channel?.ref();
      const request: Request = { id, work };
      this.#child.send(request, (error) => {
        if (error !== null) this.#take(id)?.reject(new HostError('closed', 'the helper process does not listen', error));
      });
    });
  }

  /** Ends it: at once with `kill`, else when its running work is done. */
  async close(kill: boolean): Promise<void> {
    this.#child.ref();
    if (kill) this.#child.kill('SIGKILL');
    else if (this.#child.connected) this.#child.disconnect();
    await this.#ended;
  }

  /** Kills it without waiting: a process that hangs in the kernel does not go away. */
  abandon(): void {
    this.#child.kill('SIGKILL');
    this.#end();
  }

  #answer(reply: Reply | Up): void {
    if ('up' in reply) return this.#up.resolve();
    const waiting = this.#take(reply.id);
    if (waiting === undefined) return;
    if ('error' in reply) waiting.reject(new HostError(reply.error.code, reply.error.message));
    else waiting.resolve(reply.value);
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#child.channel?.unref();
    return waiting;
  }

  #end(): void {
    this.#closed = true;
    this.#up.resolve();
    for (const id of [...this.#waiting.keys()]) this.#take(id)?.reject(new HostError('closed', 'the helper process ended before it answered'));
  }
}
