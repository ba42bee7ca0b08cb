import type { Writable } from 'node:stream';
import type { ListWriter } from '../codec/representation.ts';
import type { StoredEntry } from '../codec/projection.ts';
import { type AnyResponse, drained, isHttp2 } from './respond.ts';

const CHUNK_BYTES = 256 * 1024;

/**
 * Nothing empty is ever written: over HTTP/2 an empty part at the end of a corked write is finished before those in front of it, and
 * Node frees their texts while they still wait to be sent (seen with Node 26.10: the head of an empty list came out as other memory).
 */
function writePart(stream: Pick<Writable, 'write'>, part: string | Uint8Array): boolean {
  return part.length === 0 || stream.write(part);
}

/** Of the whole list, so that it need not be sent in chunks; undefined where it is not known beforehand. */
export function listLength({ head, tail, size }: ListWriter, entries: readonly StoredEntry[]): number | undefined {
  if (size === undefined) return undefined;
  let length = Buffer.byteLength(head) + Buffer.byteLength(tail) + Math.max(0, entries.length - 1);
  for (const entry of entries) length += size(entry);
  return length;
}

/** Writes what is there already, in turns: a connection encrypts everything that it is given at once. */
export async function writePieces(response: AnyResponse | Writable, pieces: readonly Uint8Array[], yieldToLoop: () => Promise<void>): Promise<void> {
  const stream = isHttp2(response) ? response.stream : response;
  let corked = 0;
  stream.cork();
  for (const piece of pieces) {
    writePart(stream, piece);
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
export async function writeList(
  response: AnyResponse | Writable,
  writer: ListWriter,
  entries: readonly StoredEntry[],
  yieldToLoop: () => Promise<void>,
): Promise<void> {
  const stream = isHttp2(response) ? response.stream : response;
  const slice = writer.slice ?? Number.POSITIVE_INFINITY;
  let corked = 0;
  let made = 0;
  stream.cork();
  writePart(stream, writer.head);
  let first = true;
  for (const entry of entries) {
    let room = true;
    if (first) first = false;
    else writePart(stream, writer.separator ?? ',');
    for (const piece of writer.piece(entry)) {
      corked += piece.length;
      room = writePart(stream, piece);
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
  writePart(stream, writer.tail);
  stream.uncork();
  response.end();
}
