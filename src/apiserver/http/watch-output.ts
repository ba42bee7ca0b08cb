import type { StatusError } from '../../machinery/status-error.ts';
import type { Told } from '../watch/events.ts';
import type { WatchOutput } from '../watch/watcher.ts';
import { errorFrame, type FrameCache, type FrameForm, frameOf } from './frames.ts';
import { type AnyResponse, drained, isHttp2 } from './respond.ts';

/** Bytes that a connection may not have taken yet when there is more: then the receiver is cut off. The buffers are shared by all watches. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
const SLICE = 100;

/** Writes what has been queued for all watches: one write each, in slices, so that many receivers don't hold the loop. */
export class Flusher {
  readonly #yieldToLoop: () => Promise<void>;
  #dirty: HttpWatchOutput[] = [];
  #running = false;

  constructor(yieldToLoop: () => Promise<void>) {
    this.#yieldToLoop = yieldToLoop;
  }

  add(output: HttpWatchOutput): void {
    this.#dirty.push(output);
    if (this.#running) return;
    this.#running = true;
    queueMicrotask(() => void this.#run());
  }

  async #run(): Promise<void> {
    while (this.#dirty.length > 0) {
      const outputs = this.#dirty;
      this.#dirty = [];
      for (let at = 0; at < outputs.length; at++) {
        if (at > 0 && at % SLICE === 0) await this.#yieldToLoop();
        flushOne(outputs[at] as HttpWatchOutput);
      }
    }
    this.#running = false;
  }
}

/** One connection that fails must not keep the others waiting. */
function flushOne(output: HttpWatchOutput): void {
  try {
    output.flush();
  } catch {
    output.cut();
  }
}

/** A watch over a connection: newline-delimited events. */
export class HttpWatchOutput implements WatchOutput {
  readonly #response: AnyResponse;
  readonly #form: FrameForm;
  readonly #frames: FrameCache;
  readonly #flusher: Flusher;
  #waiting: Buffer[] = [];
  #first = true;
  #ended = false;
  #last: Buffer | undefined;

  constructor(response: AnyResponse, form: FrameForm, frames: FrameCache, flusher: Flusher) {
    this.#response = response;
    this.#form = form;
    this.#frames = frames;
    this.#flusher = flusher;
  }

  tell(told: readonly Told[]): boolean {
    if (this.#buffered() > MAX_WAITING_BYTES) {
      this.cut();
      return false;
    }
    let from = 0;
    if (this.#first && this.#form.table !== undefined) {
      this.#queue(frameOf(this.#form, told[0] as Told, true));
      from = 1;
    }
    this.#first = false;
    if (from < told.length) this.#queue(this.#frames.of(this.#form, from === 0 ? told : told.slice(from)));
    return true;
  }

  room(): Promise<void> | undefined {
    this.flush();
    const stream = isHttp2(this.#response) ? this.#response.stream : this.#response;
    return stream.writableNeedDrain && !stream.destroyed ? drained(this.#response) : undefined;
  }

  /** The error is the last event: the answer's code has been sent long ago. */
  end(error?: StatusError): void {
    if (error !== undefined) this.#last = errorFrame(this.#form, error);
    this.#ended = true;
    this.#flusher.add(this);
  }

  cut(): void {
    this.#waiting = [];
    this.#response.destroy();
  }

  flush(): void {
    const stream = isHttp2(this.#response) ? this.#response.stream : this.#response;
    const { destroyed } = stream;
    if (!destroyed && this.#waiting.length > 0) stream.write(this.#waiting.length === 1 ? this.#waiting[0] : Buffer.concat(this.#waiting));
    this.#waiting = [];
    if (!this.#ended || destroyed) return;
    if (this.#last !== undefined) stream.write(this.#last);
    this.#response.end();
  }

  #queue(bytes: Buffer): void {
    if (this.#waiting.length === 0 && !this.#ended) this.#flusher.add(this);
    this.#waiting.push(bytes);
  }

  #buffered(): number {
    if (isHttp2(this.#response)) return this.#response.stream.writableLength;
    return this.#response.writableLength;
  }
}
