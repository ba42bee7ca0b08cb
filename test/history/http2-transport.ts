/** A way to an API server over HTTP/2 for tests: many watches on one connection, and readers that pause. */
import { type ClientHttp2Session, connect } from 'node:http2';
import type { TransportRequest } from '../../src/client/transport.ts';
import type { WatchHandle, WatchSink } from '../../src/machinery/exchange.ts';
import type { JsonObject } from '../../src/machinery/object.ts';
import { type Status, StatusError } from '../../src/machinery/status-error.ts';
import { type Form, JSON_FORM } from './forms.ts';

export class Http2Transport implements Disposable {
  readonly #session: ClientHttp2Session;
  readonly #pauseMs: () => number;
  readonly #form: Form;

  /** `pauseMs`: how long a reader rests after each piece; 0: not at all. `form`: of watches. */
  constructor(server: string, ca: string, pauseMs: () => number, form = JSON_FORM) {
    this.#session = connect(server, { ca });
    this.#session.on('error', () => {});
    this.#pauseMs = pauseMs;
    this.#form = form;
  }

  async request(request: TransportRequest): Promise<{ readonly code: number; readonly body: JsonObject }> {
    const stream = this.#session.request(headers(request, JSON_FORM.accept));
    const code = await statusOf(stream);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as JsonObject;
    if (code >= 400) throw StatusError.fromStatus(body as unknown as Status, code);
    return { code, body };
  }

  async watch(request: TransportRequest, sink: WatchSink): Promise<WatchHandle> {
    const form = this.#form;
    const stream = this.#session.request(
      headers({ ...request, query: [...request.query, ...form.query.map(([name, value]) => [name, value] as const)] }, form.accept),
    );
    const code = await statusOf(stream);
    let open = true;
    let rest: Buffer = Buffer.alloc(0);
    let isFirst = true;
    const end = (error?: StatusError): void => {
      if (!open) return;
      open = false;
      sink.closed(error);
    };
    const hear = (chunk: Buffer): void => {
      if (!open) return;
      const taken = form.take(Buffer.concat([rest, chunk]));
      rest = taken.rest;
      for (const { event, columns } of taken.heard) {
        if (form.isTable && (event.type as string) !== 'ERROR' && (columns ?? 0) > 0 !== isFirst)
          return end(new StatusError('InternalError', `a Table has ${columns} columns, first: ${isFirst}`));
        isFirst = false;
      }
      const events = taken.heard.map(({ event }) => event);
      const error = events.findIndex(({ type }) => (type as string) === 'ERROR');
      const told = error === -1 ? events : events.slice(0, error);
      if (told.length > 0) sink.events(told);
      const status = events[error]?.object as unknown as Status | undefined;
      if (status !== undefined) end(StatusError.fromStatus(status, status.code ?? 500));
    };
    if (code >= 400) {
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      throw StatusError.fromStatus(JSON.parse(Buffer.concat(chunks).toString()) as Status, code);
    }
    stream.on('data', (chunk: Buffer) => {
      hear(chunk);
      const pause = this.#pauseMs();
      if (pause === 0) return;
      stream.pause();
      setTimeout(() => stream.resume(), pause);
    });
    stream.on('close', () => end());
    stream.on('error', () => end());
    return {
      close: () => {
        open = false;
        stream.destroy();
      },
    };
  }

  [Symbol.dispose](): void {
    this.#session.destroy();
  }
}

const headers = ({ path, query, method }: TransportRequest, accept: string): Record<string, string> => ({
  ':method': method,
  ':path': `${path}?${new URLSearchParams(query.map(([name, value]) => [name, value])).toString()}`,
  accept,
  'user-agent': 'test/1',
});

function statusOf(stream: ReturnType<ClientHttp2Session['request']>): Promise<number> {
  return new Promise((resolve, reject) => {
    stream.once('response', (answer) => resolve(Number(answer[':status'])));
    stream.once('error', reject);
    stream.once('close', () => reject(new Error('the stream was closed before it was answered')));
    stream.end();
  });
}
