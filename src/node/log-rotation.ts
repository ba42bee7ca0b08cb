import type { Timer } from '../base/clock.ts';
import { failure } from '../base/log.ts';
import { HostError } from '../host/host.ts';
import type { NodeComponentOptions } from './options.ts';
import type { Container } from './runtime/runtime.ts';

const LOOK_MS = 10_000;

/** Keeps containers' logs within their bounds: a log that is too long is renamed, and the runtime begins a new one. */
export class LogRotation implements Disposable {
  readonly #options: NodeComponentOptions;
  readonly #running: () => readonly Container[];
  #timer: Timer | undefined;
  #ended = false;

  constructor({ options, running }: { readonly options: NodeComponentOptions; readonly running: () => readonly Container[] }) {
    this.#options = options;
    this.#running = running;
    this.#arm();
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#timer?.[Symbol.dispose]();
  }

  #arm(): void {
    if (!this.#ended) this.#timer = this.#options.clock.setTimer(LOOK_MS, () => void this.#look().then(() => this.#arm()));
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    for (const { id, logPath } of this.#running()) {
      if (logPath === '' || this.#ended) continue;
      try {
        await this.#rotate(id, logPath);
      } catch (thrown) {
        this.#options.log.warn('rotating a log failed', { path: logPath, ...failure(thrown) });
      }
    }
  }

  async #rotate(id: string, path: string): Promise<void> {
    const { host, runtime, logs } = this.#options;
    const there = await host.files.stat(path);
    if (there === undefined || there.sizeBytes < logs.maxBytes) return;
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
