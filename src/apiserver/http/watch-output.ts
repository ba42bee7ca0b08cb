import type { Writable } from 'node:stream';
import type { StatusError } from '../../machinery/status-error.ts';
import type { StoredEntry } from '../codec/projection.ts';
import { protobufEvent, protobufObject } from '../codec/protobuf.ts';
import { isLarge } from '../codec/representation.ts';
import { inTurns } from '../handlers/in-turns.ts';
import type { Told } from '../watch/events.ts';
import type { WatchOutput } from '../watch/watcher.ts';
import { errorFrame, type FrameCache, type FrameForm, framed, frameOf } from './frames.ts';
import { type AnyResponse, drained, isHttp2 } from './respond.ts';

/** Bytes that may wait for one receiver when there is more to tell: then it is cut off. They are shared by all watches of a form. */
export const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** What a connection is given at once: it encrypts it at once, for this receiver alone. The rest stays shared until there is room. */
export const WRITE_BYTES = 64 * 1024;
const SLICE = 100;

/** Writes what has been queued for all watches: one write each (64 KB, then as there is room), in slices, so that many receivers don't hold the loop. */
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
  /** Where frames go: past the response where they bring their own chunks. */
  readonly #stream: Writable;
  readonly #form: FrameForm;
  readonly #frames: FrameCache;
  readonly #flusher: Flusher;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #awaitsDrain = false;
  #first = true;
  #ended = false;
  #finished = false;
  #last: Buffer | undefined;
  /** Large objects that have been encoded, until they are told. */
  readonly #ready = new Map<StoredEntry, Buffer>();

  constructor(response: AnyResponse, form: FrameForm, frames: FrameCache, flusher: Flusher) {
    this.#response = response;
    this.#stream = isHttp2(response) ? response.stream : form.chunked && response.socket !== null ? response.socket : response;
    this.#form = form;
    this.#frames = frames;
    this.#flusher = flusher;
  }

  /** A large object that is not written as it is stored is read in several turns. */
  prepare(entry: StoredEntry): Promise<void> | undefined {
    const { core, binding, representation, table } = this.#form;
    if (!isLarge(entry) || representation.as === 'PartialObjectMetadata') return undefined;
    if (representation.format === 'json' && table === undefined && binding.direct) return undefined;
    return representation.format === 'protobuf' ? this.#encode(entry) : inTurns(core, true, core.objects.readSteps(entry));
  }

  async #encode(entry: StoredEntry): Promise<void> {
    const { core, binding } = this.#form;
    const object = await core.objects.passingInTurns(entry, binding, core.yieldToLoop);
    await core.yieldToLoop();
    this.#ready.set(entry, framed(this.#form, protobufEvent('ADDED', protobufObject(core.facts, binding.kind.typeName, object))));
  }

  tell(told: readonly Told[]): boolean {
    if (this.#waitingBytes + this.#stream.writableLength > MAX_WAITING_BYTES) {
      this.cut();
      return false;
    }
    if (this.#ready.size > 0) {
      this.#first = false;
      for (const one of told) this.#queue((one.type === 'BOOKMARK' ? undefined : this.#ready.get(one.entry)) ?? this.#frames.of(this.#form, [one]));
      this.#ready.clear();
      return true;
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
    return this.#isFull() ? this.#emptied() : undefined;
  }

  /** The error is the last event: the answer's code has been sent long ago. */
  end(error?: StatusError): void {
    if (error !== undefined) this.#last = errorFrame(this.#form, error);
    this.#ended = true;
    this.#flusher.add(this);
  }

  cut(): void {
    this.#forget();
    this.#response.destroy();
  }

  flush(): void {
    const stream = this.#stream;
    if (stream.destroyed) return this.#forget();
    while (this.#waitingBytes > 0) {
      if (stream.writableNeedDrain) return this.#flushWhenDrained();
      stream.write(this.#next());
    }
    if (!this.#ended || this.#finished) return;
    this.#finished = true;
    if (this.#last !== undefined) stream.write(this.#last);
    this.#response.end();
  }

  #queue(bytes: Buffer): void {
    if (this.#waiting.length === 0 && !this.#ended) this.#flusher.add(this);
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
  }

  /** At most `WRITE_BYTES` of what waits. */
  #next(): Buffer {
    let count = 0;
    let size = 0;
    for (const { length } of this.#waiting) {
      if (size + length > WRITE_BYTES) break;
      size += length;
      count++;
    }
    const [first] = this.#waiting as [Buffer];
    let next = first;
    if (count > 1) next = Buffer.concat(this.#waiting.splice(0, count), size);
    else if (count === 1) this.#waiting.shift();
    else {
      next = first.subarray(0, WRITE_BYTES);
      this.#waiting[0] = first.subarray(WRITE_BYTES);
    }
    this.#waitingBytes -= next.length;
    return next;
  }

  #forget(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #isFull(): boolean {
    const stream = this.#stream;
    return !stream.destroyed && (this.#waitingBytes > 0 || stream.writableNeedDrain);
  }

  async #emptied(): Promise<void> {
    while (this.#isFull()) {
      await drained(this.#stream);
      this.flush();
    }
  }

  #flushWhenDrained(): void {
    if (this.#awaitsDrain) return;
    this.#awaitsDrain = true;
    void drained(this.#stream).then(() => {
      this.#awaitsDrain = false;
      this.#flusher.add(this);
    });
  }
}
