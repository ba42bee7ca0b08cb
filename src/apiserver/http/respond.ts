import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Writable } from 'node:stream';

export type AnyRequest = IncomingMessage | Http2ServerRequest;
export type AnyResponse = ServerResponse | Http2ServerResponse;

const CACHE_CONTROL = 'cache-control';

/** What every answer carries; pairs as `writeHead` takes them. */
export function headersOf(
  contentType: string,
  { auditId, flow = [] }: { readonly auditId: string; readonly flow?: readonly string[] | undefined },
  warnings: readonly string[],
  more: readonly string[] = [],
): string[] {
  const headers = ['Audit-Id', auditId, 'Content-Type', contentType, ...flow, ...more];
  if (!more.includes(CACHE_CONTROL)) headers.push('Cache-Control', 'no-cache, private');
  for (const text of warnings) headers.push('Warning', formatWarning(text));
  return headers;
}

/** RFC 7234: `299 - "text"`. What a header can't carry is left out. */
export function formatWarning(text: string): string {
  const clean = text.replace(/[\x00-\x1f\x7f]/g, ' ').replace(/[\\"]/g, '\\$&');
  return `299 - "${Buffer.from(clean.slice(0, 4096), 'utf8').toString('latin1')}"`;
}

export function writeHead(response: AnyResponse, code: number, headers: string[]): void {
  if (isHttp2(response)) {
    // HTTP/2 takes an object, several values of one name as a list.
    const all: Record<string, string | string[]> = {};
    for (let at = 0; at < headers.length; at += 2) {
      const name = (headers[at] as string).toLowerCase();
      const value = headers[at + 1] as string;
      const known = all[name];
      all[name] = known === undefined ? value : Array.isArray(known) ? [...known, value] : [known, value];
    }
    response.writeHead(code, all);
  } else response.writeHead(code, headers);
}

const bodyBytes = new WeakMap<object, number>();

/** Before it is packed, where it is. */
export function noteBodyBytes(response: AnyResponse, bytes: number): void {
  bodyBytes.set(response, bytes);
}

/** How long the body of an answer is; undefined where nobody knows (yet). */
export const bodyBytesOf = (response: AnyResponse): number | undefined => bodyBytes.get(response);

export const isHttp2 = (response: AnyResponse | Writable): response is Http2ServerResponse => 'stream' in response;

/** Resolves when there is room to write, or the connection is gone. */
export function drained(response: AnyResponse | Writable): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = (): void => {
    response.off('drain', stop);
    response.off('close', stop);
    resolve();
  };
  response.on('drain', stop);
  response.on('close', stop);
  return promise;
}
