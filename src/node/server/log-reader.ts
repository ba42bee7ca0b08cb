import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { parseLogLine, timestampNanos } from './log-line.ts';
import type { LogOptions } from './log-options.ts';

export interface LogSource {
  readonly path: string;
  readonly options: LogOptions;
  /** Aborts when the reader is gone. */
  readonly signal: AbortSignal;
  /** With `follow`: whether more may be written. Asked at every end of the file. */
  readonly isRunning: () => Promise<boolean>;
  /** With `follow`: calls when the container has ended. */
  readonly onEnded: (listener: () => void) => Disposable;
}

const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;
/** containerd cuts entries at 16 KiB; what is longer is no entry. */
const LONGEST_LINE_BYTES = 1024 * 1024;

/** The text of a log as the client wants it, in pieces. Rejects with ENOENT when there is no such file. */
export async function* readLog(source: LogSource): AsyncGenerator<Buffer, void, undefined> {
  const { path, options, signal } = source;
  const writer = new LogWriter(options);
  using changes = options.follow ? new Changes(path, source.onEnded, signal) : undefined;
  let file = await open(path, 'r');
  try {
    let position = await tailStart(file, options.tailLines);
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    while (!signal.aborted) {
      const seen = changes?.count ?? 0;
      // Asked before the read: what is written before the end is then read.
      const running = changes !== undefined && (await source.isRunning());
      const next = changes === undefined ? undefined : await replaced(path, file);
      for (;;) {
        const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, position);
        if (bytesRead === 0 || signal.aborted) break;
        position += bytesRead;
        const text = writer.take(buffer.subarray(0, bytesRead));
        if (text.length > 0) yield text;
        if (writer.full) return;
      }
      if (next !== undefined) {
        // Rotated: the old file was read to its end, go on with the new one.
        await file.close();
        file = next;
        position = 0;
        continue;
      }
      if (!running) return;
      await changes?.after(seen);
    }
  } finally {
    await file.close();
  }
}

/** The file that is now at the path, if it is another one. */
async function replaced(path: string, file: FileHandle): Promise<FileHandle | undefined> {
  const now = await stat(path).catch(() => undefined);
  if (now === undefined || now.ino === (await file.stat()).ino) return undefined;
  return open(path, 'r').catch(() => undefined);
}

/** Counts what may have changed a file: inotify on its directory (a rotation makes a new file), and the container's end. */
class Changes implements Disposable {
  count = 0;
  readonly #watcher: FSWatcher;
  readonly #ended: Disposable;
  #wake: (() => void) | undefined;

  constructor(path: string, onEnded: LogSource['onEnded'], signal: AbortSignal) {
    const name = basename(path);
    this.#watcher = watch(dirname(path), { persistent: false }, (_event, changed) => {
      if (changed === null || changed === name) this.#tell();
    });
    this.#watcher.on('error', () => this.#tell());
    this.#ended = onEnded(() => this.#tell());
    signal.addEventListener('abort', () => this.#tell(), { once: true });
  }

  /** Resolves when there has been more than `seen`. */
  async after(seen: number): Promise<void> {
    while (this.count === seen) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  [Symbol.dispose](): void {
    this.#watcher.close();
    this.#ended[Symbol.dispose]();
  }

  #tell(): void {
    this.count++;
    this.#wake?.();
    this.#wake = undefined;
  }
}

/** Where the last `lines` entries begin. */
async function tailStart(file: FileHandle, lines: number | undefined): Promise<number> {
  if (lines === undefined) return 0;
  const { size } = await file.stat();
  if (lines === 0) return size;
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  let found = 0;
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - CHUNK_BYTES);
    const { bytesRead } = await file.read(buffer, 0, end - start, start);
    for (let i = bytesRead - 1; i >= 0; i--) {
      // The newline at the very end closes the last entry.
      if (buffer[i] === NEWLINE && start + i !== size - 1 && ++found === lines) return start + i + 1;
    }
    end = start;
  }
  return 0;
}

/** Turns entries into text, keeping what is unfinished for the next piece. */
class LogWriter {
  readonly #options: LogOptions;
  #held: Buffer = Buffer.alloc(0);
  #leftBytes: number;
  #inLine = false;

  constructor(options: LogOptions) {
    this.#options = options;
    this.#leftBytes = options.limitBytes ?? Number.POSITIVE_INFINITY;
  }

  /** No more bytes are wanted. */
  get full(): boolean {
    return this.#leftBytes <= 0;
  }

  /** `bytes` may be used again by the caller; the answer is a copy. */
  take(bytes: Buffer): Buffer {
    const input = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    const out: Buffer[] = [];
    let at = 0;
    for (let end = input.indexOf(NEWLINE); end >= 0; end = input.indexOf(NEWLINE, at)) {
      this.#entry(input.subarray(at, end), out);
      at = end + 1;
    }
    const rest = input.subarray(at);
    this.#held = rest.length > LONGEST_LINE_BYTES ? Buffer.alloc(0) : Buffer.from(rest);
    const text = Buffer.concat(out);
    const kept = text.subarray(0, Math.min(text.length, this.#leftBytes));
    this.#leftBytes -= kept.length;
    return kept;
  }

  #entry(line: Buffer, out: Buffer[]): void {
    const { timestamps, sinceNanos, stream } = this.#options;
    const entry = parseLogLine(line);
    if (entry === undefined) return;
    if (stream !== 'All' && entry.stream !== stream.toLowerCase()) return;
    if (sinceNanos !== undefined && (timestampNanos(entry.timestamp) ?? sinceNanos) < sinceNanos) return;
    if (timestamps && !this.#inLine) out.push(Buffer.from(`${entry.timestamp} `));
    out.push(entry.text);
    if (!entry.partial) out.push(Buffer.from('\n'));
    this.#inLine = entry.partial;
  }
}
