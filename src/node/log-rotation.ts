import type { Timer } from '../base/clock.ts';
import { failure } from '../base/log.ts';
import { HostError } from '../host/host.ts';
import type { NodeComponentOptions } from './options.ts';
import type { Container, Runtime } from './runtime/runtime.ts';

const LOOK_MS = 10_000;
/** A log that has not grown is looked at this seldom. */
const LONGEST_MS = 60_000;

/** What of a node's options it needs. */
export type RotationOptions = Pick<NodeComponentOptions, 'host' | 'clock' | 'log' | 'logs'> & { readonly runtime: Pick<Runtime, 'reopenLog'> };

interface Seen {
  readonly sizeBytes: number;
  readonly atMs: number;
  readonly dueMs: number;
}

/** Keeps containers' logs within their bounds: a log that is too long is renamed, and the runtime begins a new one. */
export class LogRotation implements Disposable {
  readonly #options: RotationOptions;
  readonly #running: () => readonly Container[];
  readonly #seen = new Map<string, Seen>();
  #timer: Timer | undefined;
  #ended = false;

  constructor({ options, running }: { readonly options: RotationOptions; readonly running: () => readonly Container[] }) {
    this.#options = options;
    this.#running = running;
    this.#arm();
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#timer?.[Symbol.dispose]();
  }

  #arm(): void {
    if (!this.#ended) this.#timer = this.#options.clock.setTimer(LOOK_MS, () => void this.#tryLook());
  }

  /** Never rejects. */
  async #tryLook(): Promise<void> {
    try {
      await this.#look();
    } catch (thrown) {
      this.#options.log.error('looking after logs failed', failure(thrown));
    }
    this.#arm();
  }

  async #look(): Promise<void> {
    const running = this.#running();
    const ids = new Set(running.map((c) => c.id));
    for (const id of this.#seen.keys()) if (!ids.has(id)) this.#seen.delete(id);
    for (const { id, logPath } of running) {
      if (logPath === '' || this.#ended || (this.#seen.get(id)?.dueMs ?? 0) > this.#options.clock.monotonic()) continue;
      try {
        await this.#rotate(id, logPath);
      } catch (thrown) {
        this.#options.log.warn('rotating a log failed', { path: logPath, ...failure(thrown) });
      }
    }
  }

  /** Looked at again when, at the speed of late, half of what is left will be used. */
  #note(id: string, sizeBytes: number): void {
    const atMs = this.#options.clock.monotonic();
    const before = this.#seen.get(id);
    const perMs = before === undefined ? Number.POSITIVE_INFINITY : Math.max(0, sizeBytes - before.sizeBytes) / Math.max(1, atMs - before.atMs);
    const waitMs = perMs === 0 ? LONGEST_MS : (this.#options.logs.maxBytes - sizeBytes) / 2 / perMs;
    this.#seen.set(id, { sizeBytes, atMs, dueMs: atMs + Math.min(LONGEST_MS, Math.max(0, waitMs)) });
  }

  async #rotate(id: string, path: string): Promise<void> {
    const { host, runtime, logs } = this.#options;
    const there = await host.files.stat(path);
    if (there === undefined) return;
    if (there.sizeBytes < logs.maxBytes) return this.#note(id, there.sizeBytes);
    this.#seen.delete(id);
    await this.#shift(path, logs.maxFiles);
    await host.files.rename(path, `${path}.1`);
    await runtime.reopenLog(id);
  }

  /** `x.log.1` is the newest of the old ones. */
  async #shift(path: string, maxFiles: number): Promise<void> {
    const { files } = this.#options.host;
    await files.removeFile(`${path}.${maxFiles - 1}`);
    for (let n = maxFiles - 2; n >= 1; n--) {
      try {
        await files.rename(`${path}.${n}`, `${path}.${n + 1}`);
      } catch (thrown) {
        if (!(thrown instanceof HostError) || thrown.code !== 'missing') throw thrown;
      }
    }
  }
}
