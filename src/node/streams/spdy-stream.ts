import { ByteQueue } from './byte-queue.ts';
import { SpdyError } from './spdy-error.ts';
import { RESET } from './spdy-frames.ts';
import type { SpdyHeaders } from './spdy-headers.ts';

/** What a stream asks of its connection. */
export interface StreamWire {
  /** Resolves when more may be sent; never rejects, a lost connection shows in the stream. */
  data(streamId: number, bytes: Uint8Array, fin: boolean): Promise<void>;
  reply(streamId: number): void;
  reset(streamId: number, status: number): void;
  /** Bytes of this stream were read by its consumer. */
  consumed(streamId: number, bytes: number): void;
  /** Both halves are closed. */
  finished(streamId: number): void;
}

const PIECE_BYTES = 32 * 1024;

/**
 * One stream: two byte directions that end separately. `read` must be consumed (or discarded), since streams of a connection
 * share its bound on what waits.
 */
export class SpdyStream {
  readonly id: number;
  readonly headers: SpdyHeaders;
  /** What the peer sends. Ends with its FIN or when it cancels; throws SpdyError `reset` or `closed` when cut off otherwise. */
  readonly read: ByteQueue;
  /** Resolves when the peer's direction has ended in whatever way, read or not. */
  readonly remoteEnded: Promise<void>;
  readonly #wire: StreamWire;
  /** Undefined: no flow control. */
  #windowBytes: number | undefined;
  #localClosed = false;
  #remoteClosed = false;
  #error: SpdyError | undefined;
  #endRemote: () => void = () => {};
  #wakeWriter: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(id: number, headers: SpdyHeaders, wire: StreamWire, windowBytes: number | undefined) {
    this.id = id;
    this.headers = headers;
    this.#wire = wire;
    this.#windowBytes = windowBytes;
    this.read = new ByteQueue((bytes) => wire.consumed(id, bytes));
    this.remoteEnded = new Promise((resolve) => {
      this.#endRemote = resolve;
    });
  }

  /** Writes are sent in order; resolves when the next may come. Rejects with SpdyError once the stream cannot be written. */
  write(bytes: Uint8Array): Promise<void> {
    const written = this.#writing.then(() => this.#send(bytes));
    this.#writing = written.catch(() => {});
    return written;
  }

  async #send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      this.#check();
      const room = await this.#room();
      this.#check();
      const piece = bytes.subarray(at, at + Math.min(PIECE_BYTES, room));
      at += piece.length;
      if (this.#windowBytes !== undefined) this.#windowBytes -= piece.length;
      await this.#wire.data(this.id, piece, false);
    }
  }

  /** Ends our direction after what was written; the peer reads its end. Resolves when it is sent; harmless when repeated. */
  end(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      if (this.#localClosed || this.#error !== undefined) return;
      this.#localClosed = true;
      await this.#wire.data(this.id, new Uint8Array(0), true);
      this.#finishIfDone();
    });
    return this.#writing;
  }

  /** Accepts a stream that the peer opened. */
  reply(): void {
    if (this.#error === undefined) this.#wire.reply(this.id);
  }

  /** Cuts the stream off, both directions. */
  reset(status: number = RESET.cancel): void {
    if (this.#error !== undefined || (this.#localClosed && this.#remoteClosed)) return;
    this.#wire.reset(this.id, status);
    this.fail(new SpdyError('reset', 'the stream was reset here'));
    this.read.discard();
  }

  /** For the connection: bytes of the peer. False: it sends after its end. */
  receive(data: Uint8Array, fin: boolean): boolean {
    if (this.#remoteClosed) return false;
    this.read.push(data);
    if (fin) {
      this.#remoteClosed = true;
      this.read.end();
      this.#endRemote();
      this.#finishIfDone();
    }
    return true;
  }

  /** For the connection: the stream is over; with `readsEnd` a reader sees an end, not the error. */
  fail(error: SpdyError, readsEnd = false): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#remoteClosed = true;
    this.#localClosed = true;
    this.read.end(readsEnd ? undefined : error);
    this.#endRemote();
    this.#wakeWriter?.();
    this.#wire.finished(this.id);
  }

  /** For the connection: the peer takes so many bytes more. False: past 2^31-1, a flow control error. */
  widen(deltaBytes: number): boolean {
    if (this.#windowBytes === undefined) return true;
    this.#windowBytes += deltaBytes;
    this.#wakeWriter?.();
    return this.#windowBytes <= 0x7fffffff;
  }

  #check(): void {
    if (this.#error !== undefined) throw this.#error;
    if (this.#localClosed) throw new SpdyError('closed', 'the stream was ended');
  }

  async #room(): Promise<number> {
    while (this.#windowBytes !== undefined && this.#windowBytes <= 0 && this.#error === undefined) {
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve;
      });
    }
    return this.#windowBytes ?? PIECE_BYTES;
  }

  #finishIfDone(): void {
    if (this.#localClosed && this.#remoteClosed) this.#wire.finished(this.id);
  }
}
