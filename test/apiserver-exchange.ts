import { randomBytes } from 'node:crypto';
import type { Agent } from 'node:https';
import { request as httpsRequest } from 'node:https';
import type { TestServer } from '../src/apiserver/testing.ts';
import type { ApiRequest } from '../src/machinery/exchange.ts';
import type { Json } from '../src/machinery/object.ts';
import { StatusError } from '../src/machinery/status-error.ts';

/** An answer as any client sees it. */
export interface Seen {
  readonly code: number;
  readonly body: Json;
  readonly warnings: readonly string[];
}

/** One way to ask an API server. */
export type Ask = (method: ApiRequest['method'], path: string, body?: Json, contentType?: string) => Promise<Seen>;

export function inProcess(server: TestServer): Ask {
  return async (method, path, body, contentType) => {
    try {
      const { code, body: answer, warnings } = await server.ask(method, path, body, { contentType });
      return { code, body: answer, warnings };
    } catch (thrown) {
      if (!(thrown instanceof StatusError)) throw thrown;
      return { code: thrown.code, body: thrown.toStatus() as unknown as Json, warnings: [] };
    }
  };
}

export function overHttps(port: number, ca: string, agent: Agent): Ask {
  return async (method, path, body, contentType = 'application/json') => {
    const { code, text, headers } = await exchange(port, ca, agent, method, path, body === undefined ? undefined : JSON.stringify(body), {
      'content-type': contentType,
    });
    const warnings = headers['warning'];
    const texts = warnings === undefined ? [] : String(warnings).split(/, (?=299 )/);
    return { code, body: JSON.parse(text) as Json, warnings: texts.map((w) => w.replace(/^299 - "|"$/g, '').replace(/\\(.)/g, '$1')) };
  };
}

export interface RawAnswer {
  readonly code: number;
  readonly text: string;
  readonly bytes: Buffer;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export function exchange(
  port: number,
  ca: string,
  agent: Agent,
  method: string,
  path: string,
  body: string | Uint8Array | undefined,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    // Without a length Node sends the body of a DELETE unframed.
    const length: Record<string, string> = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const all = { 'user-agent': 'test/1', ...length, ...headers };
    const request = httpsRequest({ host: '127.0.0.1', port, ca, agent, method, path: path.replaceAll(' ', '%20'), headers: all }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        resolve({ code: response.statusCode ?? 0, text: bytes.toString(), bytes, headers: response.headers });
      });
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

export const unique = (): string => randomBytes(4).toString('hex');
