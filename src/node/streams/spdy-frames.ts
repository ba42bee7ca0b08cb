import { SpdyError } from './spdy-error.ts';

/**
 * SPDY/3.1 frames (SPDY protocol draft 3.1, sections 2.2 to 2.6). Header blocks stay compressed here; a data frame is handed on
 * in the pieces in which it arrives, only the last of them with `fin`.
 */
export type Frame =
  | { readonly type: 'data'; readonly streamId: number; readonly data: Buffer; readonly fin: boolean }
  | { readonly type: 'syn-stream'; readonly streamId: number; readonly fin: boolean; readonly unidirectional: boolean; readonly block: Buffer }
  | { readonly type: 'syn-reply'; readonly streamId: number; readonly fin: boolean; readonly block: Buffer }
  | { readonly type: 'headers'; readonly streamId: number; readonly fin: boolean; readonly block: Buffer }
  | { readonly type: 'rst-stream'; readonly streamId: number; readonly status: number }
  | { readonly type: 'settings'; readonly initialWindowBytes: number | undefined }
  | { readonly type: 'ping'; readonly id: number }
  | { readonly type: 'goaway'; readonly lastStreamId: number; readonly status: number }
  | { readonly type: 'window-update'; readonly streamId: number; readonly deltaBytes: number };

/** Status codes of RST_STREAM: section 2.6.3. */
export const RESET = { protocolError: 1, invalidStream: 2, refusedStream: 3, cancel: 5, internalError: 6, flowControlError: 7 } as const;

const TYPES = { synStream: 1, synReply: 2, rstStream: 3, settings: 4, ping: 6, goaway: 7, headers: 8, windowUpdate: 9 } as const;
const FLAG_FIN = 1;
const FLAG_UNIDIRECTIONAL = 2;
const SETTING_INITIAL_WINDOW = 7;
const HEAD_BYTES = 8;
const ID_MASK = 0x7fffffff;
const LARGEST_CONTROL_BYTES = 64 * 1024;

/** Cuts bytes into frames. Keeps at most one control frame. Throws SpdyError `protocol` or `limit`, after which it is not used again. */
export class FrameParser {
  #held: Buffer = Buffer.alloc(0);
  #data: { readonly streamId: number; readonly fin: boolean; leftBytes: number } | undefined;

  *parse(bytes: Uint8Array): Generator<Frame, void, undefined> {
    let at = 0;
    const input = this.#held.length === 0 ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) : Buffer.concat([this.#held, bytes]);
    this.#held = Buffer.alloc(0);
    while (at < input.length) {
      if (this.#data !== undefined) {
        const { streamId, fin, leftBytes } = this.#data;
        const data = input.subarray(at, at + leftBytes);
        at += data.length;
        this.#data.leftBytes -= data.length;
        const last = this.#data.leftBytes === 0;
        if (last) this.#data = undefined;
        yield { type: 'data', streamId, data, fin: fin && last };
        continue;
      }
      if (input.length - at < HEAD_BYTES) break;
      const first = input.readUInt32BE(at);
      const flags = input[at + 4] as number;
      const length = input.readUIntBE(at + 5, 3);
      if (first >>> 31 === 0) {
        at += HEAD_BYTES;
        if (first === 0) throw new SpdyError('protocol', 'data for stream 0');
        if (length === 0) yield { type: 'data', streamId: first, data: Buffer.alloc(0), fin: (flags & FLAG_FIN) !== 0 };
        else this.#data = { streamId: first, fin: (flags & FLAG_FIN) !== 0, leftBytes: length };
        continue;
      }
      if (((first >>> 16) & 0x7fff) !== 3) throw new SpdyError('protocol', `version ${(first >>> 16) & 0x7fff} is not 3`);
      if (length > LARGEST_CONTROL_BYTES) throw new SpdyError('limit', `a control frame has ${length} bytes`);
      if (input.length - at < HEAD_BYTES + length) break;
      const frame = readControl(first & 0xffff, flags, input.subarray(at + HEAD_BYTES, at + HEAD_BYTES + length));
      at += HEAD_BYTES + length;
      if (frame !== undefined) yield frame;
    }
    if (at < input.length) this.#held = Buffer.from(input.subarray(at));
  }
}

/** Undefined for types that are not known: they are skipped (section 2.2.1). */
function readControl(type: number, flags: number, body: Buffer): Frame | undefined {
  const fin = (flags & FLAG_FIN) !== 0;
  const need = (bytes: number): void => {
    if (body.length < bytes) throw new SpdyError('protocol', `a control frame of type ${type} has ${body.length} bytes`);
  };
  const streamId = (): number => {
    const id = body.readUInt32BE(0) & ID_MASK;
    if (id === 0 && type !== TYPES.windowUpdate && type !== TYPES.goaway) throw new SpdyError('protocol', 'a frame about stream 0');
    return id;
  };
  switch (type) {
    case TYPES.synStream:
      need(10);
      return { type: 'syn-stream', streamId: streamId(), fin, unidirectional: (flags & FLAG_UNIDIRECTIONAL) !== 0, block: Buffer.from(body.subarray(10)) };
    case TYPES.synReply:
    case TYPES.headers:
      need(4);
      return { type: type === TYPES.headers ? 'headers' : 'syn-reply', streamId: streamId(), fin, block: Buffer.from(body.subarray(4)) };
    case TYPES.rstStream:
      need(8);
      return { type: 'rst-stream', streamId: streamId(), status: body.readUInt32BE(4) };
    case TYPES.settings: {
      need(4);
      const count = body.readUInt32BE(0);
      need(4 + 8 * count);
      let initialWindowBytes: number | undefined;
      for (let i = 0; i < count; i++) {
        if ((body.readUInt32BE(4 + 8 * i) & 0xffffff) === SETTING_INITIAL_WINDOW) initialWindowBytes = body.readUInt32BE(8 + 8 * i) & ID_MASK;
      }
      return { type: 'settings', initialWindowBytes };
    }
    case TYPES.ping:
      need(4);
      return { type: 'ping', id: body.readUInt32BE(0) };
    case TYPES.goaway:
      need(8);
      return { type: 'goaway', lastStreamId: streamId(), status: body.readUInt32BE(4) };
    case TYPES.windowUpdate: {
      need(8);
      const deltaBytes = body.readUInt32BE(4) & ID_MASK;
      if (deltaBytes === 0) throw new SpdyError('protocol', 'a window update of 0');
      return { type: 'window-update', streamId: streamId(), deltaBytes };
    }
    default:
      return undefined;
  }
}

function control(type: number, flags: number, words: readonly number[], tail: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(HEAD_BYTES + 4 * words.length);
  head.writeUInt16BE(0x8003, 0);
  head.writeUInt16BE(type, 2);
  head[4] = flags;
  head.writeUIntBE(4 * words.length + tail.length, 5, 3);
  words.forEach((word, i) => head.writeUInt32BE(word >>> 0, HEAD_BYTES + 4 * i));
  return tail.length === 0 ? head : Buffer.concat([head, tail]);
}

export function synStreamFrame(streamId: number, block: Buffer, fin: boolean): Buffer {
  // Stream id, associated stream 0, then priority 0 and slot 0 in two bytes.
  return control(TYPES.synStream, fin ? FLAG_FIN : 0, [streamId, 0], Buffer.concat([Buffer.alloc(2), block]));
}

export function synReplyFrame(streamId: number, block: Buffer, fin: boolean): Buffer {
  return control(TYPES.synReply, fin ? FLAG_FIN : 0, [streamId], block);
}

export function resetFrame(streamId: number, status: number): Buffer {
  return control(TYPES.rstStream, 0, [streamId, status]);
}

export function pingFrame(id: number): Buffer {
  return control(TYPES.ping, 0, [id]);
}

export function goawayFrame(lastStreamId: number, status: number): Buffer {
  return control(TYPES.goaway, 0, [lastStreamId, status]);
}

export function windowUpdateFrame(streamId: number, deltaBytes: number): Buffer {
  return control(TYPES.windowUpdate, 0, [streamId, deltaBytes]);
}

/** The head of a data frame whose bytes follow it on the wire. */
export function dataFrameHead(streamId: number, lengthBytes: number, fin: boolean): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(streamId, 0);
  head[4] = fin ? FLAG_FIN : 0;
  head.writeUIntBE(lengthBytes, 5, 3);
  return head;
}
