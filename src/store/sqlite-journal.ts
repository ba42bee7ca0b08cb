import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../base/clock.ts';
import { failure, type Log } from '../base/log.ts';
import type { Journal, Recovered, RecoveredRow, Row } from './journal.ts';
import { filesOf } from './sqlite-directory.ts';
import { noSeal, type Seal } from './seal.ts';
import { type Answer, type Opening, packRows, type Request, RESERVE, unpackRows, type WriterData } from './sqlite-wire.ts';
import { type Projector, StoreError } from './store.ts';
import { workerFile } from './worker-file.ts';

/** A commit that meets a checkpoint's flush waits for it: more and shorter ones cost no throughput, and a third of the wait (decision 13). */
const CHECKPOINT_BYTES = 1024 * 1024;
/** A lone heartbeat costs one flush in so long. */
const LAZY_MS = 30_000;
const TRANSFER_BYTES = 64 * 1024;
const REPLACE_AT_ONCE = 200;

export interface SqliteJournalOptions {
  readonly data: WriterData;
  readonly log: Log;
  readonly clock: Clock;
  readonly ballastDelayMs: number;
  readonly seal?: Seal | undefined;
}

type Done = Extract<Answer, { is: 'done' }>;

/** The main thread's side of the writer: one message a request, answered in order. */
export class SqliteJournal implements Journal {
  readonly lazyMs = LAZY_MS;
  readonly #worker: Worker;
  readonly #data: WriterData;
  readonly #seal: Seal;
  readonly #log: Log;
  readonly #waiting: PromiseWithResolvers<Done>[] = [];
  readonly #exited: Promise<void>;
  #reserved: number;
  #checkpoints: Worker | undefined;
  #checkpointing = false;
  #ended: Error | undefined;
  readonly #ballastTimer: Timer;

  private constructor(worker: Worker, { data, log, clock, ballastDelayMs, seal = noSeal }: SqliteJournalOptions, reserved: number) {
    this.#worker = worker;
    this.#data = data;
    this.#seal = seal;
    this.#log = log;
    this.#reserved = reserved;
    worker.on('message', (answer: Answer) => this.#answered(answer));
    worker.on('error', (thrown: Error) => this.#end(thrown));
    this.#exited = new Promise((resolve) => {
      worker.on('exit', () => {
        this.#end(new Error("the store's thread has ended"));
        resolve();
      });
    });
    // The ballast takes a few tens of milliseconds of the disk: after the rush of a start, not in it.
    this.#ballastTimer = clock.setTimer(ballastDelayMs, () => {
      this.probe().catch((thrown: unknown) => log.warn('there is no room for the ballast', failure(thrown)));
    });
  }

  /** Throws StoreError `locked`, `damaged`, `newer-format`, `sealed` or `unavailable`. What is sealed with an old key is sealed anew. */
  static async open<P>(
    options: SqliteJournalOptions,
    project: Projector<P>,
  ): Promise<{ readonly journal: SqliteJournal; readonly recovered: Recovered<P>; readonly clean: boolean }> {
    const worker = new Worker(workerFile('sqlite-worker'), { workerData: options.data, name: 'store', resourceLimits: { maxYoungGenerationSizeMb: 4 } });
    const rows: RecoveredRow<P>[] = [];
    const stale: Row[] = [];
    const { seal = noSeal } = options;
    const packs: Uint8Array[] = [];
    const take = (packed: Uint8Array): void => {
      for (const kept of unpackRows(packed)) {
        const found = seal.open(kept.key, kept.value);
        const row = found.value === kept.value ? kept : { ...kept, value: found.value };
        if (found.stale) stale.push(row);
        rows.push({ row, projection: project(row.key, row.value) });
      }
    };
    const opened = await hear(worker, seal.prepare === undefined ? take : (packed) => void packs.push(packed));
    try {
      await seal.prepare?.(packs.flatMap((packed) => [...unpackRows(packed)].map(({ value }) => value)));
      for (const packed of packs) take(packed);
    } catch (thrown) {
      await worker.terminate();
      throw thrown instanceof StoreError ? thrown : new StoreError('sealed', thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
    }
    const journal = new SqliteJournal(worker, options, opened.reservedRevision);
    // Without room on the disk they stay as they are: the next start tries again.
    if (stale.length > 0)
      await journal.#sealAnew(stale).catch((thrown: unknown) => options.log.warn('stored values could not be encrypted anew', failure(thrown)));
    const { revision, compactedRevision, gaps, clean } = opened;
    return { journal, recovered: { revision, compactedRevision, gaps, rows }, clean };
  }

  get reservedRevision(): number {
    return this.#reserved;
  }

  async append(rows: readonly Row[]): Promise<void> {
    const last = rows.at(-1)?.revision ?? 0;
    const reserve = last > this.#reserved - RESERVE / 2 ? last + RESERVE : undefined;
    const done = await this.#ask({ do: 'append', rows: packRows(this.#sealed(rows)), reserve });
    if (reserve !== undefined) this.#reserved = reserve;
    this.#checkpointBeyond(done.walBytes ?? 0);
  }

  async remove(ids: readonly number[], compactedRevision: number): Promise<void> {
    let done = await this.#ask({ do: 'remove', ids, compactedRevision });
    // In steps between the batches, each about a millisecond.
    for (let before = Number.POSITIVE_INFINITY; (done.sparePages ?? 0) > 0 && (done.sparePages ?? 0) < before; ) {
      before = done.sparePages ?? 0;
      done = await this.#ask({ do: 'vacuum' });
    }
    this.#checkpointBeyond(done.walBytes ?? 0);
  }

  /** Those of the rows that are there. Throws StoreError `sealed`. */
  async read(ids: readonly number[]): Promise<readonly Row[]> {
    const { rows } = await this.#ask({ do: 'read', ids });
    if (rows === undefined) return [];
    return [...unpackRows(rows)].map((kept) => {
      const { value } = this.#seal.open(kept.key, kept.value);
      return value === kept.value ? kept : { ...kept, value };
    });
  }

  async probe(): Promise<void> {
    await this.#ask({ do: 'probe' });
  }

  async close(revision: number | undefined): Promise<void> {
    this.#ballastTimer[Symbol.dispose]();
    await this.#endCheckpoints();
    await this.#ask({ do: 'close', revision });
    await this.#exited;
  }

  #sealed(rows: readonly Row[]): readonly Row[] {
    if (this.#seal === noSeal) return rows;
    return rows.map((row) => {
      const value = this.#seal.seal(row.key, row.value);
      return value === row.value ? row : { ...row, value };
    });
  }

  /** Versions and times stay: to readers nothing has changed. Safe to be cut short: the next start goes on. */
  async #sealAnew(rows: readonly Row[]): Promise<void> {
    for (let at = 0; at < rows.length; at += REPLACE_AT_ONCE) {
      await this.#ask({ do: 'replace', rows: packRows(this.#sealed(rows.slice(at, at + REPLACE_AT_ONCE))), last: at + REPLACE_AT_ONCE >= rows.length });
    }
    this.#log.info('stored values were encrypted anew', { values: rows.length });
  }

  #ask(request: Request): Promise<Done> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const waiting = Promise.withResolvers<Done>();
    this.#waiting.push(waiting);
    const transfer = request.do === 'append' && request.rows.byteLength > TRANSFER_BYTES ? [request.rows.buffer as ArrayBuffer] : [];
    this.#worker.postMessage(request, transfer);
    return waiting.promise;
  }

  #answered(answer: Answer): void {
    const waiting = this.#waiting.shift();
    if (answer.is === 'done') waiting?.resolve(answer);
    else waiting?.reject(Object.assign(new Error(answer.message), answer.errcode === undefined ? {} : { code: answer.errcode }));
  }

  #end(reason: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(reason);
  }

  /** By size, not by time: its flushes compete with the writer's. The thread is made when it is first needed. */
  #checkpointBeyond(walBytes: number): void {
    if (walBytes < CHECKPOINT_BYTES || this.#checkpointing || this.#ended !== undefined) return;
    this.#checkpointing = true;
    this.#checkpoints ??= this.#startCheckpoints();
    this.#checkpoints.postMessage('checkpoint');
  }

  #startCheckpoints(): Worker {
    const worker = new Worker(workerFile('sqlite-checkpoint'), { workerData: { path: filesOf(this.#data.directory).database }, name: 'store-checkpoint' });
    worker.on('message', ({ fault }: { readonly fault: string | undefined }) => {
      this.#checkpointing = false;
      if (fault !== undefined) this.#log.warn('a checkpoint failed', { cause: fault });
    });
    worker.on('error', (thrown) => {
      this.#log.warn('the checkpoint thread ended', failure(thrown));
      this.#checkpoints = undefined;
      this.#checkpointing = false;
    });
    return worker;
  }

  async #endCheckpoints(): Promise<void> {
    const worker = this.#checkpoints;
    if (worker === undefined) return;
    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.postMessage('close');
    await exited;
  }
}

type Opened = Extract<Opening, { is: 'open' }>;

/** Listens until the writer has opened or refused. Rows are taken while the writer goes on reading. */
function hear(worker: Worker, take: (rows: Uint8Array) => void): Promise<Opened> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: Opening): void => {
      if (message.is === 'rows') {
        try {
          take(message.rows);
        } catch (thrown) {
          worker.off('message', onMessage).off('exit', onExit);
          const fault = thrown instanceof StoreError ? thrown : new StoreError('damaged', 'an entry could not be read', { cause: thrown });
          worker.terminate().then(() => reject(fault), reject);
        }
        return;
      }
      worker.off('message', onMessage).off('error', reject).off('exit', onExit);
      if (message.is === 'open') resolve(message);
      // The thread lets go of the directory when it ends, which it is about to.
      else worker.once('exit', () => reject(new StoreError(message.code, message.message)));
    };
    const onExit = (): void => reject(new StoreError('unavailable', "the store's thread ended while it opened"));
    worker.on('message', onMessage).on('error', reject).on('exit', onExit);
  });
}
