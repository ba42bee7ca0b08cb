import { pods } from '../../api/gen/resources.ts';
import type { Pod, PodStatus } from '../../api/gen/types/core.v1.ts';
import type { Timer } from '../../base/clock.ts';
import { failure } from '../../base/log.ts';
import type { Stored } from '../../machinery/object.ts';
import { StatusError } from '../../machinery/status-error.ts';
import type { NodeComponentOptions } from '../options.ts';
import { identity } from './pod.ts';

const RETRY_MS = 1_000;

export interface StatusWriterOptions {
  readonly options: NodeComponentOptions;
  /** The status as it is now, over this state of the object; undefined: nothing to say. */
  readonly status: (pod: Pod) => PodStatus | undefined;
  /** A newer state of the object than informers may have. */
  readonly written: (pod: Stored<Pod>) => void;
  /** The object is not there any more. */
  readonly gone: () => void;
}

/** Writes a pod's status when it has changed, one write at a time; what comes meanwhile is joined. */
export class StatusWriter implements Disposable {
  readonly #options: StatusWriterOptions;
  /** The last one that was written, as text. */
  #last = '';
  #writing = false;
  #again = false;
  #ended = false;
  #timer: Timer | undefined;
  readonly #waiting: (() => void)[] = [];
  #pod: Stored<Pod> | undefined;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** `pod`: the newest known. */
  report(pod: Stored<Pod>): void {
    this.#pod = pod;
    if (this.#ended) return;
    if (this.#writing) this.#again = true;
    else void this.#write();
  }

  /** Resolves when what was reported has been written, or can't be. */
  async settled(): Promise<void> {
    if (this.#writing || this.#timer?.active === true) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#timer?.[Symbol.dispose]();
    this.#settle();
  }

  #settle(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    try {
      await this.#writeNow();
    } catch (thrown) {
      this.#options.options.log.error('telling of a pod failed', failure(thrown));
      this.#writing = false;
      this.#settle();
    }
  }

  async #writeNow(): Promise<void> {
    const pod = this.#pod;
    const status = pod === undefined ? undefined : this.#options.status(pod);
    if (pod === undefined || status === undefined) return this.#settle();
    const text = JSON.stringify(status);
    if (text === this.#last) return this.#settle();
    // At the first look after a start nothing is known to have been written: then the object's own status is it.
    if (this.#last === '' && text === JSON.stringify(pod.status)) {
      this.#last = text;
      return this.#settle();
    }
    this.#writing = true;
    try {
      const written = await this.#options.options.client.updateStatus(pods, { ...pod, status });
      this.#last = text;
      this.#options.written(written);
      this.#pod = written;
      this.#next();
    } catch (thrown) {
      await this.#failed(pod, thrown);
    }
  }

  #next(): void {
    this.#writing = false;
    const again = this.#again;
    this.#again = false;
    if (again && !this.#ended) void this.#write();
    else this.#settle();
  }

  async #failed(pod: Stored<Pod>, thrown: unknown): Promise<void> {
    const { client, log, clock } = this.#options.options;
    const { uid, name, namespace } = identity(pod);
    if (thrown instanceof StatusError && thrown.reason === 'NotFound') return this.#gone();
    try {
      if (thrown instanceof StatusError && thrown.reason === 'Conflict') {
        const fresh = await client.get(pods, name, namespace);
        if (fresh.metadata.uid !== uid) return this.#gone();
        this.#pod = fresh;
        this.#options.written(fresh);
        this.#again = true;
        return this.#next();
      }
      log.warn('writing a pod status failed, trying again', { pod: name, namespace, ...failure(thrown) });
    } catch (second) {
      log.warn('reading a pod again failed', { pod: name, namespace, ...failure(second) });
    }
    this.#writing = false;
    if (!this.#ended) this.#timer = clock.setTimer(RETRY_MS, () => void this.#write());
  }

  #gone(): void {
    this.#writing = false;
    this.#ended = true;
    this.#settle();
    this.#options.gone();
  }
}
