import type { Writable } from 'node:stream';
import { Slices } from '../../base/loop-turns.ts';
import { JsonIndent } from '../codec/indent.ts';
import type { ListWriter } from '../codec/representation.ts';
import type { StoredEntry } from '../codec/projection.ts';
import { type AnyResponse, drained, isHttp2 } from './respond.ts';

const CHUNK_BYTES = 256 * 1024;

/** A body of any length in flat memory: parts are corked together up to 256 KB, then the connection is waited for and others get their turn. */
class SlicedBody {
  readonly #response: AnyResponse | Writable;
  readonly #stream: Pick<Writable, 'write' | 'cork' | 'uncork' | 'destroyed' | 'writableNeedDrain'>;
  readonly #yieldToLoop: () => Promise<void>;
  readonly #slices: Slices;
  #corked = 0;

  /** `turnCost`: what may be spent in one turn of the loop. */
  constructor(response: AnyResponse | Writable, yieldToLoop: () => Promise<void>, turnCost: number) {
    this.#response = response;
    this.#stream = isHttp2(response) ? response.stream : response;
    this.#yieldToLoop = yieldToLoop;
    this.#slices = new Slices(yieldToLoop, turnCost);
    this.#stream.cork();
  }

  /**
   * Nothing empty is ever written: over HTTP/2 an empty part at the end of a corked write is finished before those in front of it, and
   * Node frees their texts while they still wait to be sent (seen with Node 26.10: the head of an empty list came out as other memory).
   */
  put(part: string | Uint8Array): void {
    if (part.length === 0) return;
    this.#corked += part.length;
    this.#stream.write(part);
  }

  /** What has been put cost so much. Undefined: go on at once; false: the receiver has gone. */
  spend(cost: number): Promise<boolean> | undefined {
    const turn = this.#slices.spend(cost);
    return turn === undefined && this.#corked < CHUNK_BYTES ? undefined : this.#pause(turn);
  }

  /** While something is waited for, what is there already goes out. */
  async during<T>(made: Promise<T>): Promise<T> {
    this.#stream.uncork();
    this.#corked = 0;
    const result = await made;
    this.#stream.cork();
    return result;
  }

  end(): void {
    this.#stream.uncork();
    this.#response.end();
  }

  async #pause(turn: Promise<void> | undefined): Promise<boolean> {
    this.#stream.uncork();
    this.#corked = 0;
    await (turn ?? this.#yieldToLoop());
    while (this.#stream.writableNeedDrain && !this.#stream.destroyed) {
      await drained(this.#response);
      // Many may have been drained in this turn.
      await this.#yieldToLoop();
    }
    if (this.#stream.destroyed) return false;
    this.#stream.cork();
    return true;
  }
}

/** Entries whose lengths are added up in one turn. */
const COUNTED = 20_000;

/** Of the whole list, so that it need not be sent in chunks; undefined where it is not known beforehand. */
export async function listLength(
  { head, tail, size }: ListWriter,
  entries: readonly StoredEntry[],
  yieldToLoop: () => Promise<void>,
): Promise<number | undefined> {
  if (size === undefined) return undefined;
  const slices = new Slices(yieldToLoop, COUNTED);
  let length = Buffer.byteLength(head) + Buffer.byteLength(tail) + Math.max(0, entries.length - 1);
  for (const entry of entries) {
    length += size(entry);
    const turn = slices.spend(1);
    if (turn !== undefined) await turn;
  }
  return length;
}

/** Writes pieces as they come, in turns: a connection encrypts everything that it is given at once. `turnBytes`: so much is made in one turn. */
export async function writePieces(
  response: AnyResponse | Writable,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  yieldToLoop: () => Promise<void>,
  turnBytes = CHUNK_BYTES,
): Promise<void> {
  const body = new SlicedBody(response, yieldToLoop, turnBytes);
  for await (const piece of pieces) {
    body.put(piece);
    const pause = body.spend(piece.length);
    if (pause !== undefined && !(await pause)) return;
  }
  body.end();
}

export async function writeList(
  response: AnyResponse | Writable,
  { head, tail, separator = ',', turnBytes = Number.POSITIVE_INFINITY, piece }: ListWriter,
  entries: readonly StoredEntry[],
  yieldToLoop: () => Promise<void>,
): Promise<void> {
  const body = new SlicedBody(response, yieldToLoop, turnBytes);
  body.put(head);
  let first = true;
  for (const entry of entries) {
    if (first) first = false;
    else body.put(separator);
    const made = piece(entry);
    for (const part of made instanceof Promise ? await body.during(made) : made) body.put(part);
    const pause = body.spend(entry.value.byteLength + ITEM_COST);
    if (pause !== undefined && !(await pause)) return;
  }
  body.put(tail);
  body.end();
}

/** What an item costs beside its bytes, in bytes. */
const ITEM_COST = 256;

/** Of the JSON that goes in; what comes out may be many times longer. */
const INDENTED_BYTES = 16 * 1024;
const INDENTED_IN_A_TURN = 512 * 1024;

/** The same list for people to read: the JSON is indented as it passes. */
export async function writeIndentedList(
  response: AnyResponse | Writable,
  { head, tail, piece }: ListWriter,
  entries: readonly StoredEntry[],
  yieldToLoop: () => Promise<void>,
): Promise<void> {
  async function* parts(): AsyncGenerator<string | Uint8Array> {
    yield head;
    for (const [at, entry] of entries.entries()) {
      if (at > 0) yield ',';
      yield* await piece(entry);
    }
    yield tail;
  }
  await writeIndented(response, parts(), yieldToLoop);
}

/** JSON in pieces of any length, indented. */
export async function writeIndented(
  response: AnyResponse | Writable,
  parts: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
  yieldToLoop: () => Promise<void>,
): Promise<void> {
  const indent = new JsonIndent();
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for await (const part of parts) {
      const bytes = typeof part === 'string' ? Buffer.from(part) : part;
      for (let at = 0; at < bytes.length; at += INDENTED_BYTES) yield indent.push(bytes.subarray(at, at + INDENTED_BYTES));
    }
  }
  await writePieces(response, pieces(), yieldToLoop, INDENTED_IN_A_TURN);
}
