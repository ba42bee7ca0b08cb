import type { StatusError } from '../../machinery/status-error.ts';
import { badRequest } from '../../machinery/status-error.ts';
import { MAX_BODY_BYTES, tooLargeBody } from '../codec/body.ts';
import { JsonScan } from '../codec/scan.ts';
import type { AnyRequest } from './respond.ts';

export interface ReadBody {
  readonly bytes: Uint8Array;
  readonly scan: JsonScan | undefined;
}

/**
 * The whole body, within the bound; JSON is scanned piece by piece as it arrives, so that a hostile one never costs a long
 * turn. Throws 413, and 400 when the client goes away.
 */
export function readBody(request: AnyRequest, isJson: boolean, limit = MAX_BODY_BYTES): Promise<ReadBody> {
  const announced = Number(request.headers['content-length'] ?? '0');
  if (announced > limit) return Promise.reject(refuse(request, limit));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let scan: JsonScan | undefined;
    const fail = (error: StatusError): void => {
      request.off('data', onData);
      request.resume();
      reject(error);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.byteLength;
      if (size > limit) return fail(tooLargeBody(limit));
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
    request.on('end', () => resolve({ bytes: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks), scan }));
    request.on('error', () => fail(badRequest('the body of the request could not be read')));
    request.on('aborted', () => fail(badRequest('the client went away before the body was complete')));
  });
}

function refuse(request: AnyRequest, limit: number): StatusError {
  request.resume();
  return tooLargeBody(limit);
}
