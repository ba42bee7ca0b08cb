import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { SpdyError } from './spdy-error.ts';
import {
  dataFrameHead,
  type Frame,
  FrameParser,
  goawayFrame,
  pingFrame,
  RESET,
  resetFrame,
  synReplyFrame,
  synStreamFrame,
  windowUpdateFrame,
} from './spdy-frames.ts';
import { HeaderDecoder, HeaderEncoder, type SpdyHeaders } from './spdy-headers.ts';
import { SpdyStream, type StreamWire } from './spdy-stream.ts';

export interface SpdyOptions {
  readonly role: 'client' | 'server';
  /** After the upgrade. The session owns it from now on. */
  readonly wire: Duplex;
  readonly clock: Clock;
  /** Bytes that came with the upgrade. */
  readonly head?: Uint8Array;
  /** A stream that the peer opened; it waits for `reply` or `reset`. Absent: refused. */
  readonly accept?: (stream: SpdyStream) => void;
  /**
   * SPDY/3.1 windows. Off for Kubernetes' peers: their implementation neither announces nor obeys them, and would stall after
   * 64 KiB; there the connection's own flow control holds the sender back.
   */
  readonly flowControl?: boolean;
}

const INITIAL_WINDOW_BYTES = 64 * 1024;
const MOST_STREAMS = 4096;
/** Of all streams together: above the first the wire is not read, until below the second. */
const HIGH_WATER_BYTES = 1024 * 1024;
const LOW_WATER_BYTES = 256 * 1024;
const LINGER_MS = 5_000;

/** One SPDY/3.1 connection. Ends when the wire ends, when the peer breaks the protocol, or when disposed. */
export class SpdySession implements Disposable {
  /** Resolves when the connection is over; undefined for an orderly end. */
  readonly closed: Promise<SpdyError | undefined>;
  readonly #options: SpdyOptions;
  readonly #wire: Duplex;
  readonly #parser = new FrameParser();
  readonly #encoder = new HeaderEncoder();
  readonly #decoder = new HeaderDecoder();
  readonly #streams = new Map<number, SpdyStream>();
  /** Streams that we opened and the peer has not answered. */
  readonly #waiting = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  readonly #streamWire: StreamWire;
  readonly #drains: (() => void)[] = [];
  #nextId: number;
  #lastPeerId = 0;
  #bufferedBytes = 0;
  #paused = false;
  #over = false;
  #end: (error: SpdyError | undefined) => void = () => {};

  constructor(options: SpdyOptions) {
    this.#options = options;
    this.#wire = options.wire;
    this.#nextId = options.role === 'client' ? 1 : 2;
    this.closed = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#streamWire = {
      data: (id, bytes, fin) => this.#sendData(id, bytes, fin),
      reply: (id) => this.#send(synReplyFrame(id, this.#encoder.encode(new Map()), false)),
      reset: (id, status) => this.#send(resetFrame(id, status)),
      consumed: (id, bytes) => this.#consumed(id, bytes),
      finished: (id) => void this.#streams.delete(id),
    };
    const wire = options.wire;
    wire.on('data', (bytes: Uint8Array) => this.#receive(bytes));
    wire.on('drain', () => this.#drained());
    wire.on('end', () => this.#finish(undefined));
    wire.on('close', () => this.#finish(undefined));
    wire.on('error', (error: Error) => this.#finish(new SpdyError('closed', error.message, error)));
    if (options.head !== undefined && options.head.length > 0) this.#receive(options.head);
  }

  /** Opens a stream; resolves when the peer has accepted it, rejects with SpdyError when it has refused. */
  async open(headers: SpdyHeaders): Promise<SpdyStream> {
    if (this.#over) throw new SpdyError('closed', 'the connection is closed');
    const stream = new SpdyStream(this.#nextId, headers, this.#streamWire, this.#window());
    this.#nextId += 2;
    this.#streams.set(stream.id, stream);
    const answered = new Promise<void>((resolve, reject) => this.#waiting.set(stream.id, { resolve, reject }));
    this.#send(synStreamFrame(stream.id, this.#encoder.encode(headers), false));
    await answered;
    return stream;
  }

  /** Says goodbye and ends the connection, with what was written before it. */
  [Symbol.dispose](): void {
    if (this.#over) return;
    this.#send(goawayFrame(this.#lastPeerId, 0));
    this.#finish(undefined);
  }

  #window(): number | undefined {
    return this.#options.flowControl === true ? INITIAL_WINDOW_BYTES : undefined;
  }

  #receive(bytes: Uint8Array): void {
    if (this.#over) return;
    try {
      for (const frame of this.#parser.parse(bytes)) {
        this.#take(frame);
        if (this.#over) return;
      }
    } catch (thrown) {
      const error = thrown instanceof SpdyError ? thrown : new SpdyError('protocol', 'a frame could not be read', thrown);
      this.#send(goawayFrame(this.#lastPeerId, RESET.protocolError));
      this.#finish(error);
    }
  }

  #take(frame: Frame): void {
    switch (frame.type) {
      case 'data': {
        const stream = this.#streams.get(frame.streamId);
        // A stream that was just reset here may still get what was on its way.
        if (stream === undefined) return;
        this.#bufferedBytes += frame.data.length;
        if (!stream.receive(frame.data, frame.fin)) {
          this.#bufferedBytes -= frame.data.length;
          stream.reset(RESET.protocolError);
        }
        if (this.#bufferedBytes > HIGH_WATER_BYTES) this.#pause();
        return;
      }
      case 'syn-stream':
        return this.#takeStream(frame.streamId, this.#decoder.decode(frame.block), frame.fin);
      case 'syn-reply': {
        this.#decoder.decode(frame.block);
        this.#answer(frame.streamId, undefined);
        if (frame.fin) this.#streams.get(frame.streamId)?.receive(Buffer.alloc(0), true);
        return;
      }
      case 'headers':
        this.#decoder.decode(frame.block);
        if (frame.fin) this.#streams.get(frame.streamId)?.receive(Buffer.alloc(0), true);
        return;
      case 'rst-stream': {
        const error = new SpdyError('reset', `the peer reset the stream with status ${frame.status}`);
        this.#answer(frame.streamId, error);
        // Kubernetes' servers end every connection by cancelling its streams: what was sent before is whole.
        this.#streams.get(frame.streamId)?.fail(error, frame.status === RESET.cancel);
        return;
      }
      case 'ping':
        // Ids of the other side are answered; ours (odd for a client) are never sent.
        if ((frame.id % 2 === 1) === (this.#options.role === 'server')) this.#send(pingFrame(frame.id));
        return;
      case 'window-update': {
        const stream = this.#streams.get(frame.streamId);
        if (stream !== undefined && !stream.widen(frame.deltaBytes)) stream.reset(RESET.flowControlError);
        return;
      }
      case 'settings':
      case 'goaway':
        return;
    }
  }

  #takeStream(id: number, headers: SpdyHeaders, fin: boolean): void {
    const peerIsClient = this.#options.role === 'server';
    if (id % 2 !== (peerIsClient ? 1 : 0) || id <= this.#lastPeerId) throw new SpdyError('protocol', `stream ${id} cannot be opened`);
    this.#lastPeerId = id;
    const { accept } = this.#options;
    if (accept === undefined || this.#streams.size >= MOST_STREAMS) return this.#send(resetFrame(id, RESET.refusedStream));
    const stream = new SpdyStream(id, headers, this.#streamWire, this.#window());
    this.#streams.set(id, stream);
    if (fin) stream.receive(Buffer.alloc(0), true);
    accept(stream);
  }

  #answer(id: number, error: SpdyError | undefined): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve();
    else waiting?.reject(error);
  }

  #consumed(id: number, bytes: number): void {
    this.#bufferedBytes -= bytes;
    if (this.#options.flowControl === true && !this.#over && this.#streams.has(id)) this.#send(windowUpdateFrame(id, bytes));
    if (this.#paused && this.#bufferedBytes < LOW_WATER_BYTES) {
      this.#paused = false;
      this.#wire.resume();
    }
  }

  #pause(): void {
    this.#paused = true;
    this.#wire.pause();
  }

  #send(frame: Buffer): void {
    if (!this.#over && this.#wire.writable) this.#wire.write(frame);
  }

  async #sendData(id: number, bytes: Uint8Array, fin: boolean): Promise<void> {
    if (this.#over || !this.#wire.writable) return;
    this.#wire.cork();
    let free = this.#wire.write(dataFrameHead(id, bytes.length, fin));
    if (bytes.length > 0) free = this.#wire.write(bytes);
    this.#wire.uncork();
    if (!free) await new Promise<void>((resolve) => this.#drains.push(resolve));
  }

  #drained(): void {
    for (const resolve of this.#drains.splice(0)) resolve();
  }

  #finish(error: SpdyError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    const reason = error ?? new SpdyError('closed', 'the connection was closed');
    for (const id of [...this.#waiting.keys()]) this.#answer(id, reason);
    for (const stream of [...this.#streams.values()]) stream.fail(reason);
    this.#drained();
    // What was written still goes out. Closing at once would reset the connection under a peer that has not read it all, so that the
    // rest of its input is taken until it ends too, for a while.
    this.#wire.end();
    this.#wire.resume();
    const timer = this.#options.clock.setTimer(LINGER_MS, () => this.#wire.destroy());
    this.#wire.once('end', () => this.#wire.destroy());
    this.#wire.once('close', () => timer[Symbol.dispose]());
    this.#end(error);
  }
}
