import type { Writable } from 'node:stream';
import { createGzip, gzip } from 'node:zlib';
import { writePieces } from './list-writer.ts';
import { type AnyResponse, isHttp2, noteBodyBytes, writeHead } from './respond.ts';

/** Shorter answers cost more to pack than to send (apiserver `responsewriters`, 128 KiB and the fastest level). */
const GZIP_FROM_BYTES = 128 * 1024;
const LEVEL = 1;
const PACKED_HEADERS = ['Content-Encoding', 'gzip', 'Vary', 'Accept-Encoding'];

/** Whether the answer goes out packed: only to whoever asked for it, and only long ones. */
function isPacked(response: AnyResponse, length: number): boolean {
  if (length < GZIP_FROM_BYTES || response.req.method !== 'GET') return false;
  const accepted = String(response.req.headers['accept-encoding'] ?? '').split(',');
  return accepted.some((each) => /^\s*gzip\s*(;|$)/i.test(each) && !/;\s*q=0(\.0*)?\s*$/i.test(each));
}

/** The whole answer at once. */
export function sendBytes(response: AnyResponse, code: number, headers: readonly string[], body: Uint8Array | string, headOnly: boolean): void {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
  if (!headOnly) noteBodyBytes(response, length);
  if (!headOnly && isPacked(response, length)) return sendPacked(response, code, headers, body);
  writeHead(response, code, [...headers, 'Content-Length', String(length)]);
  if (headOnly || length === 0) response.end();
  else response.end(body);
}

/** The same; of a long one, which a connection encrypts as it is given it, pieces in turns of the loop. Undefined: all is sent. */
export function sendBody(
  response: AnyResponse,
  code: number,
  headers: readonly string[],
  body: Uint8Array | string,
  headOnly: boolean,
  yieldToLoop: () => Promise<void>,
): Promise<void> | undefined {
  const bytes = typeof body === 'string' && body.length > LONG_BYTES ? Buffer.from(body) : body;
  if (typeof bytes === 'string' || bytes.byteLength <= LONG_BYTES || headOnly || isPacked(response, bytes.byteLength)) {
    sendBytes(response, code, headers, bytes, headOnly);
    return undefined;
  }
  noteBodyBytes(response, bytes.byteLength);
  writeHead(response, code, [...headers, 'Content-Length', String(bytes.byteLength)]);
  return writePieces(response, piecesOf(bytes), yieldToLoop);
}

const LONG_BYTES = 256 * 1024;
const PIECE_BYTES = 64 * 1024;

function* piecesOf(bytes: Uint8Array): Generator<Uint8Array, void> {
  for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}

/** In a thread of Node's pool. */
function sendPacked(response: AnyResponse, code: number, headers: readonly string[], body: Uint8Array | string): void {
  gzip(body, { level: LEVEL }, (error, packed) => {
    if (response.destroyed) return;
    if (error !== null) return void response.destroy(error);
    writeHead(response, code, [...headers, ...PACKED_HEADERS, 'Content-Length', String(packed.byteLength)]);
    response.end(packed);
  });
}

/**
 * Where the pieces of a long answer are written to; its head is sent. `length` is known or guessed; only a known one is told.
 */
export function beginBody(
  response: AnyResponse,
  headers: readonly string[],
  length: { readonly bytes: number; readonly exact: boolean },
): AnyResponse | Writable {
  noteBodyBytes(response, length.bytes);
  if (!isPacked(response, length.bytes)) {
    writeHead(response, 200, length.exact ? [...headers, 'Content-Length', String(length.bytes)] : [...headers]);
    return response;
  }
  writeHead(response, 200, [...headers, ...PACKED_HEADERS]);
  const packer = createGzip({ level: LEVEL });
  const stream: Writable = isHttp2(response) ? response.stream : response;
  // The receiver has gone: whoever writes sees it on the packer.
  response.on('close', () => packer.destroy());
  packer.on('error', () => stream.destroy());
  packer.pipe(stream);
  return packer;
}
