/**
 * Bytes on their way from one producer to one consumer. The producer is not held back here: it watches `sizeBytes` (told to
 * `consumed` as it falls) and stops its own source.
 */
export class ByteQueue implements AsyncIterable<Uint8Array> {
  readonly #parts: Uint8Array[] = [];
  readonly #consumed: (bytes: number) => void;
  #sizeBytes = 0;
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(consumed: (bytes: number) => void = () => {}) {
    this.#consumed = consumed;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** After the end, or when nobody will read any more, bytes are dropped and count as consumed. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#ended) return this.#consumed(bytes.length);
    this.#parts.push(bytes);
    this.#sizeBytes += bytes.length;
    this.#notify();
  }

  /** What is queued is still read, then the end; with an error, that instead of the end. */
  end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#notify();
  }

  /** Drops what is queued and ends. */
  discard(): void {
    const bytes = this.#sizeBytes;
    this.#parts.length = 0;
    this.#sizeBytes = 0;
    this.end();
    if (bytes > 0) this.#consumed(bytes);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const part = this.#parts.shift();
        if (part !== undefined) {
          this.#sizeBytes -= part.length;
          this.#consumed(part.length);
          yield part;
        } else if (this.#ended) {
          if (this.#error !== undefined) throw this.#error;
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      // A consumer that stops early must not stop the producer for ever.
      this.discard();
    }
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

/** Everything up to the end, or undefined when it is more than `limitBytes`. */
export async function collect(bytes: AsyncIterable<Uint8Array>, limitBytes: number): Promise<Buffer | undefined> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of bytes) {
    size += part.length;
    if (size > limitBytes) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}
