import { constants } from 'node:http2';
import type { Clock } from '../../base/clock.ts';
import { badRequest } from '../../machinery/status-error.ts';
import { MAX_BODY_BYTES, tooLargeBody } from '../codec/body.ts';
import { JsonScan } from '../codec/scan.ts';
import { type AnyRequest, type AnyResponse, isHttp2 } from './respond.ts';

export interface ReadBody {
  readonly bytes: Uint8Array;
  readonly scan: JsonScan | undefined;
}

/** For whom a body is read. */
export interface BodyTaker {
  /** Throws when there is no room for so many bytes more. */
  take(bytes: number): void;
  /** Told once how to stop reading: who has been answered waits for no body. */
  onReading(giveUp: () => void): void;
}

/**
 * The whole body, within the bound; JSON is scanned piece by piece as it arrives, so that a hostile one never costs a long
 * turn. Throws 413, what `take` throws, and 400 when the client goes away or the taker gives up.
 */
export function readBody(request: AnyRequest, isJson: boolean, taker: BodyTaker, limit = MAX_BODY_BYTES): Promise<ReadBody> {
  const announced = Number(request.headers['content-length'] ?? '0');
  if (announced > limit) return Promise.reject(tooLargeBody(limit));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let whole = false;
    let scan: JsonScan | undefined;
    const fail = (error: unknown): void => {
      request.off('data', onData);
      chunks.length = 0;
      reject(error as Error);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.byteLength;
      if (size > limit) return fail(tooLargeBody(limit));
      try {
        taker.take(chunk.byteLength);
      } catch (refusal) {
        return fail(refusal);
      }
      // One small piece is scanned where it is parsed, if at all.
      if (isJson && (chunks.length > 0 || chunk.byteLength > 4096)) {
        if (scan === undefined) {
          scan = new JsonScan();
          for (const earlier of chunks) scan.push(earlier);
        }
        if (scan.fault === undefined) scan.push(chunk);
      }
      chunks.push(chunk);
    };
    request.on('data', onData);
    request.on('end', () => {
      whole = true;
      resolve({ bytes: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks), scan });
    });
    request.on('error', () => fail(badRequest('the body of the request could not be read')));
    const gone = (): void => {
      if (!whole) fail(badRequest('the client went away before the body was complete'));
    };
    // Over HTTP/2 a stream that was answered ends without a word of being aborted.
    request.on('aborted', gone).on('close', gone);
    taker.onReading(gone);
  });
}

/** How long a client may go on sending a body that nobody reads any more: then it has read its answer. */
const LINGER_MS = 5000;

/** After the answer: what is left of the body is not kept, and not waited for. */
export function letGo(request: AnyRequest, response: AnyResponse, clock: Clock): void {
  if (request.complete || request.destroyed) return;
  if (isHttp2(response) && response.stream.endAfterHeaders) return;
  const late = clock.setTimer(LINGER_MS, () => {
    // RFC 9113 section 8.1. Not before: a reset overtakes the end of the answer, and Go's clients then take the answer for broken.
    if (isHttp2(response)) response.stream.close(constants.NGHTTP2_NO_ERROR);
    else request.destroy();
  });
  request.once('close', () => late[Symbol.dispose]());
  request.once('end', () => late[Symbol.dispose]());
  request.resume();
}
