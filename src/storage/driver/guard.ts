import type { Clock } from '../../base/clock.ts';
import { failure, type Log } from '../../base/log.ts';
import { type Host, HostError } from '../../host/host.ts';
import type { Pool } from '../pool/pool.ts';
import { Attachments } from './attachments.ts';

export interface GuardOptions {
  readonly host: Host;
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Log;
}

const LOOK_MS = 5_000;

/**
 * Holds writers before a pool's ground is used up: a file system below that runs full answers with I/O errors, to every volume and
 * after fsync had succeeded. Volumes are frozen, so that their writers wait, and thawed when there is room again. Looks only while bytes are
 * shared between copies: volumes that share nothing have all that they can ever use.
 */
export class PoolGuard implements AsyncDisposable {
  readonly #options: GuardOptions;
  readonly #attachments: Attachments;
  /** Where volumes are frozen by this guard. */
  readonly #frozen = new Set<string>();
  #timer: Disposable | undefined;
  #looking: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#attachments = new Attachments(options.host, options.pool);
    this.#arm();
  }

  /** One look now. */
  look(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#look());
    return this.#looking;
  }

  /** Nothing stays frozen. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.#timer?.[Symbol.dispose]();
    await this.#looking;
    await this.#thaw();
  }

  #arm(): void {
    if (this.#ended) return;
    this.#timer = this.#options.clock.setTimer(LOOK_MS, () => {
      this.look()
        .catch((thrown: unknown) => this.#options.log.warn('the pool can not be looked at', failure(thrown)))
        .finally(() => this.#arm());
    });
  }

  async #look(): Promise<void> {
    const { pool, log } = this.#options;
    if (await pool.tight()) {
      if (this.#frozen.size === 0) log.error('the pool is used up: writers wait until there is room', { pool: pool.kind });
      for (const { id } of pool.volumes()) await this.#freeze(id);
    } else if (this.#frozen.size > 0) {
      await this.#thaw();
      log.info('the pool has room again: writers go on', { pool: pool.kind });
    }
  }

  async #freeze(id: string): Promise<void> {
    const target = (await this.#attachments.mounts(id)).find(({ type }) => type !== 'devtmpfs')?.target;
    if (target === undefined || this.#frozen.has(target)) return;
    try {
      await this.#options.host.filesystems.freeze(target);
    } catch (thrown) {
      // A snapshot is being taken: the next look comes soon.
      if (!(thrown instanceof HostError) || thrown.code !== 'busy') throw thrown;
      return;
    }
    this.#frozen.add(target);
  }

  async #thaw(): Promise<void> {
    for (const target of this.#frozen) {
      await this.#options.host.filesystems.thaw(target);
      this.#frozen.delete(target);
    }
  }
}
