import type { Clock } from '../base/clock.ts';
import { fileOperations } from './file-operations.ts';
import { HostError } from './host.ts';
import { ProcessChannel } from './process-channel.ts';
import type { Work } from './wire.ts';

type FileWork = Work & { readonly do: 'file' };

/** Hung workers that are kept waiting before file work is refused. */
const MAX_RETIRED = 16;

/** Who performs file work now. */
interface Worker {
  /** From then on time counts: a new process is long in coming on a busy machine. */
  readonly up: Promise<void>;
  perform(work: FileWork): Promise<unknown>;
  /** Requests that have not timed out. */
  pending: number;
  retired: boolean;
  end(): void;
}

/**
 * Performs file work in this process's thread pool until something hangs; from then on in a child, and in another child when that
 * one hangs. A worker with a hung request gets no new work; its other requests may finish, then it is killed.
 */
export class FileWorkers {
  readonly #clock: Clock;
  #current: Worker = ownWorker();
  #retired = new Set<Worker>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async run(work: FileWork): Promise<unknown> {
    if (this.#current.retired) this.#replace();
    const worker = this.#current;
    worker.pending++;
    const answer = worker.perform(work);
    // Told below, also when it comes before that.
    answer.catch(() => {});
    await worker.up;
    let timer: Disposable | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = this.#clock.setTimer(work.timeoutMs, () => {
        worker.retired = true;
        this.#retired.add(worker);
        reject(new HostError('timeout', `${work.operation} ${String(work.args[0])}: no answer after ${work.timeoutMs} ms`));
      });
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      timer?.[Symbol.dispose]();
      worker.pending--;
      if (worker.retired && worker.pending === 0) worker.end();
    }
  }

  abandon(): void {
    for (const worker of [this.#current, ...this.#retired]) worker.end();
  }

  #replace(): void {
    if (this.#retired.size >= MAX_RETIRED) throw new HostError('busy', `${MAX_RETIRED} file workers hang: is a mounted server gone?`);
    this.#current = childWorker((worker) => this.#retired.delete(worker));
  }
}

function ownWorker(): Worker {
  return {
    up: Promise.resolve(),
    perform: (work) => (fileOperations[work.operation] as (...args: readonly unknown[]) => Promise<unknown>)(...work.args),
    pending: 0,
    retired: false,
    // Its threads can't be ended; they cost nothing but themselves.
    end: () => {},
  };
}

function childWorker(ended: (worker: Worker) => void): Worker {
  const channel = new ProcessChannel('files');
  const worker: Worker = {
    up: channel.up,
    perform: (work) => channel.send(work),
    pending: 0,
    retired: false,
    end: () => {
      channel.abandon();
      ended(worker);
    },
  };
  return worker;
}
