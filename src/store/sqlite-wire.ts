import type { Gap, Row } from './journal.ts';

/** What the main thread asks of the writer, in order; each is answered once, in the same order. */
export type Request =
  | {
      readonly do: 'append';
      /** Rows as `packRows` made them. */
      readonly rows: Uint8Array;
      /** To be written down before the rows: revisions up to this one may be shown from now on. */
      readonly reserve?: number | undefined;
    }
  | { readonly do: 'remove'; readonly ids: readonly number[]; readonly compactedRevision: number }
  | { readonly do: 'read'; readonly ids: readonly number[] }
  | { readonly do: 'vacuum' }
  /** Other bytes for values that are there already, by row id (`packRows`); the last chunk also takes the old ones off the disk. */
  | { readonly do: 'replace'; readonly rows: Uint8Array; readonly last: boolean }
  | { readonly do: 'probe' }
  | { readonly do: 'close'; readonly revision: number | undefined };

export type Answer =
  | {
      readonly is: 'done';
      /** Bytes of the WAL that are not in the database file yet; when it was looked at. */
      readonly walBytes?: number;
      /** Pages that could be given back to the file system. */
      readonly sparePages?: number;
      /** What was read, as `packRows` makes it: rows that are not there are left out. */
      readonly rows?: Uint8Array;
    }
  | { readonly is: 'failed'; readonly message: string; readonly errcode?: number | undefined };

/** What the writer says while it opens, before it takes requests. */
export type Opening =
  | { readonly is: 'rows'; readonly rows: Uint8Array }
  | ({ readonly is: 'open' } & Opened)
  | { readonly is: 'refused'; readonly code: 'locked' | 'damaged' | 'newer-format' | 'unavailable'; readonly message: string };

/** What a directory had, its rows apart. */
export interface Opened {
  readonly revision: number;
  readonly compactedRevision: number;
  readonly gaps: readonly Gap[];
  readonly reservedRevision: number;
  readonly clean: boolean;
}

/** How the writer is started. */
export interface WriterData {
  readonly directory: string;
  /** `off` only for the suite that must catch it. */
  readonly synchronous: 'full' | 'off';
  readonly ballastBytes: number;
  readonly walCapBytes: number;
  /** What is deleted or replaced is overwritten in the file. */
  readonly eraseDeleted?: boolean;
}

/** Revisions are reserved so many at a time: the marks are written each half of it, and an unclean end skips at most so many. */
export const RESERVE = 100_000;

// id, revision, createRevision, expiresAtMs, timeMs: 8 bytes each; deleted, key bytes, value bytes: 4 each.
const HEAD = 52;

/** One buffer of its own for all rows, so that it crosses to the other thread in one copy. */
export function packRows(rows: readonly Row[]): Uint8Array {
  let size = 0;
  for (const { key, value } of rows) size += HEAD + Buffer.byteLength(key) + value.byteLength;
  const bytes = Buffer.from(new ArrayBuffer(size));
  let at = 0;
  for (const row of rows) at = packRow(bytes, at, row);
  return new Uint8Array(bytes.buffer);
}

function packRow(bytes: Buffer, at: number, row: Row): number {
  bytes.writeDoubleLE(row.id, at);
  bytes.writeDoubleLE(row.revision, at + 8);
  bytes.writeDoubleLE(row.createRevision, at + 16);
  bytes.writeDoubleLE(Math.floor(row.expiresAtMs), at + 24);
  bytes.writeDoubleLE(Math.floor(row.timeMs), at + 32);
  bytes.writeUInt32LE(row.deleted ? 1 : 0, at + 40);
  const keyBytes = bytes.write(row.key, at + HEAD);
  bytes.writeUInt32LE(keyBytes, at + 44);
  bytes.writeUInt32LE(row.value.byteLength, at + 48);
  bytes.set(row.value, at + HEAD + keyBytes);
  return at + HEAD + keyBytes + row.value.byteLength;
}

/** The rows in order. Values are views into the buffer. */
export function* unpackRows(packed: Uint8Array): Generator<Row, void, undefined> {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const keyEnd = at + HEAD + bytes.readUInt32LE(at + 44);
    const valueEnd = keyEnd + bytes.readUInt32LE(at + 48);
    yield {
      id: bytes.readDoubleLE(at),
      revision: bytes.readDoubleLE(at + 8),
      createRevision: bytes.readDoubleLE(at + 16),
      expiresAtMs: bytes.readDoubleLE(at + 24),
      timeMs: bytes.readDoubleLE(at + 32),
      deleted: bytes.readUInt32LE(at + 40) === 1,
      key: bytes.toString('utf8', at + HEAD, keyEnd),
      value: packed.subarray(keyEnd, valueEnd),
    };
    at = valueEnd;
  }
}
