import { inflateRawSync, constants } from 'node:zlib';
import { SPDY_DICTIONARY } from './spdy-dictionary.ts';
import { SpdyError } from './spdy-error.ts';

/** Lower-case names; several values of one name are joined by a zero byte, as on the wire. */
export type SpdyHeaders = ReadonlyMap<string, string>;

const WINDOW_BYTES = 32 * 1024;
const MOST_HEADERS = 256;
const LARGEST_BLOCK_BYTES = 64 * 1024;
const LARGEST_STORED_BYTES = 0xffff;
/** 32 KiB window, no preset dictionary: RFC 1950. */
const ZLIB_HEAD = Buffer.from([0x78, 0x01]);
/** An empty stored block: the mark of a flush, without which Go's reader holds back what came before it. */
const FLUSH = Buffer.from([0x00, 0x00, 0x00, 0xff, 0xff]);

/**
 * Writes header blocks of one connection as deflate's stored blocks: valid for every reader, without compressor state. The few
 * headers of a Kubernetes stream are not worth compressing.
 */
export class HeaderEncoder {
  #started = false;

  encode(headers: SpdyHeaders): Buffer {
    const parts: Buffer[] = [int32(headers.size)];
    for (const [name, value] of headers) {
      for (const text of [name, value]) {
        const bytes = Buffer.from(text, 'latin1');
        parts.push(int32(bytes.length), bytes);
      }
    }
    const plain = Buffer.concat(parts);
    const out: Buffer[] = this.#started ? [] : [ZLIB_HEAD];
    this.#started = true;
    for (let at = 0; at < plain.length; at += LARGEST_STORED_BYTES) {
      const piece = plain.subarray(at, at + LARGEST_STORED_BYTES);
      // Not the last block, type stored; length and its complement, little-endian: RFC 1951 section 3.2.4.
      const head = Buffer.alloc(5);
      head.writeUInt16LE(piece.length, 1);
      head.writeUInt16LE(piece.length ^ 0xffff, 3);
      out.push(head, piece);
    }
    out.push(FLUSH);
    return Buffer.concat(out);
  }
}

/**
 * Reads header blocks of one connection. Every block ends with a flush, so that each can be inflated by itself, synchronously,
 * with the window of what came before as its dictionary. Throws SpdyError.
 */
export class HeaderDecoder {
  #window: Buffer = Buffer.from(SPDY_DICTIONARY);
  #started = false;

  decode(block: Buffer): SpdyHeaders {
    const plain = this.#inflate(block);
    const window = Buffer.concat([this.#window, plain]);
    this.#window = window.subarray(Math.max(0, window.length - WINDOW_BYTES));
    return readHeaders(plain);
  }

  #inflate(block: Buffer): Buffer {
    let body = block;
    if (!this.#started) {
      this.#started = true;
      const hasDictionary = block.length >= 2 && ((block[1] as number) & 0x20) !== 0;
      if (block.length < 2 || ((block[0] as number) & 0x0f) !== 8 || block.readUInt16BE(0) % 31 !== 0)
        throw new SpdyError('protocol', 'a header block is not zlib');
      if (!hasDictionary) this.#window = Buffer.alloc(0);
      body = block.subarray(hasDictionary ? 6 : 2);
    }
    try {
      const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: LARGEST_BLOCK_BYTES };
      return inflateRawSync(body, this.#window.length === 0 ? options : { ...options, dictionary: this.#window });
    } catch (thrown) {
      throw new SpdyError('protocol', 'a header block cannot be inflated', thrown);
    }
  }
}

function readHeaders(plain: Buffer): SpdyHeaders {
  const headers = new Map<string, string>();
  let at = 0;
  const length = (): number => {
    if (at + 4 > plain.length) throw new SpdyError('protocol', 'a header block is cut short');
    const value = plain.readUInt32BE(at);
    at += 4;
    return value;
  };
  const text = (): string => {
    const size = length();
    if (at + size > plain.length) throw new SpdyError('protocol', 'a header block is cut short');
    at += size;
    return plain.toString('latin1', at - size, at);
  };
  const count = length();
  if (count > MOST_HEADERS) throw new SpdyError('protocol', `a header block has ${count} headers`);
  for (let i = 0; i < count; i++) {
    const name = text();
    if (name === '' || headers.has(name)) throw new SpdyError('protocol', 'a header name is empty or comes twice');
    headers.set(name, text());
  }
  return headers;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
