import type { ListWriter } from '../codec/representation.ts';
import type { StoredEntry } from '../codec/projection.ts';
import { type AnyResponse, drained, isHttp2 } from './respond.ts';

const CHUNK_BYTES = 256 * 1024;

/** Of the whole list, so that it need not be sent in chunks; undefined where it is not known beforehand. */
export function listLength({ head, tail, size }: ListWriter, entries: readonly StoredEntry[]): number | undefined {
  if (size === undefined) return undefined;
  let length = Buffer.byteLength(head) + Buffer.byteLength(tail) + Math.max(0, entries.length - 1);
  for (const entry of entries) length += size(entry);
  return length;
}

/** Writes what is there already, in turns: a connection encrypts everything that it is given at once. */
export async function writePieces(response: AnyResponse, pieces: readonly Uint8Array[], yieldToLoop: () => Promise<void>): Promise<void> {
  const stream = isHttp2(response) ? response.stream : response;
  let corked = 0;
  stream.cork();
  for (const piece of pieces) {
    stream.write(piece);
    corked += piece.length;
    if (corked < CHUNK_BYTES) continue;
    corked = 0;
    stream.uncork();
    await (stream.writableNeedDrain ? drained(response) : yieldToLoop());
    if (stream.destroyed) return;
    stream.cork();
  }
  stream.uncork();
  response.end();
}

/**
 * Writes a list of any length in flat memory: pieces are corked together up to 256 KB, then the connection is waited for and
 * others get their turn.
 */
export async function writeList(response: AnyResponse, writer: ListWriter, entries: readonly StoredEntry[], yieldToLoop: () => Promise<void>): Promise<void> {
  const stream = isHttp2(response) ? response.stream : response;
  const slice = writer.slice ?? Number.POSITIVE_INFINITY;
  let corked = 0;
  let made = 0;
  stream.cork();
  stream.write(writer.head);
  let first = true;
  for (const entry of entries) {
    let room = true;
    if (first) first = false;
    else stream.write(writer.separator ?? ',');
    for (const piece of writer.piece(entry)) {
      corked += piece.length;
      room = stream.write(piece);
    }
    if (corked < CHUNK_BYTES && ++made < slice) continue;
    corked = 0;
    made = 0;
    stream.uncork();
    if (stream.destroyed) return;
    if (room && !stream.writableNeedDrain) await yieldToLoop();
    else await drained(response);
    if (stream.destroyed) return;
    stream.cork();
  }
  stream.write(writer.tail);
  stream.uncork();
  response.end();
}
