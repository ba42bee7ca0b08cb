/** A way to an API server over HTTP/2 for tests: many watches on one connection, and readers that pause. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import type { TransportRequest } from '../../src/client/transport.ts';
import type { WatchHandle, WatchSink } from '../../src/machinery/exchange.ts';
import type { JsonObject } from '../../src/machinery/object.ts';
import { type Status, StatusError } from '../../src/machinery/status-error.ts';
import { type Form, JSON_FORM } from './forms.ts';

export class Http2Transport implements Disposable {
  readonly #connect: () => ClientHttp2Session;
  #session: ClientHttp2Session;
  readonly #pauseMs: () => number;
  readonly #form: Form;

  /** `pauseMs`: how long a reader rests after each piece; 0: not at all. `form`: of watches. */
  constructor(server: string, ca: string, pauseMs: () => number, form = JSON_FORM) {
    this.#connect = () => connect(server, { ca }).on('error', () => {});
    this.#session = this.#connect();
    this.#pauseMs = pauseMs;
    this.#form = form;
  }

  async request(request: TransportRequest): Promise<{ readonly code: number; readonly body: JsonObject }> {
    const stream = this.#open(headers(request, JSON_FORM.accept));
    const code = await statusOf(stream);
    const body = JSON.parse((await bytesOf(stream)).toString()) as JsonObject;
    if (code >= 400) throw StatusError.fromStatus(body as unknown as Status, code);
    return { code, body };
  }

  async watch(request: TransportRequest, sink: WatchSink): Promise<WatchHandle> {
    const form = this.#form;
    const stream = this.#open(headers({ ...request, query: [...request.query, ...form.query.map(([name, value]) => [name, value] as const)] }, form.accept));
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
    if (code >= 400) throw StatusError.fromStatus(form.refusal(await bytesOf(stream)) as unknown as Status, code);
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

  /** On a new connection, when the one before it is over. */
  #open(head: Record<string, string>): ClientHttp2Stream {
    if (this.#session.destroyed || this.#session.closed) this.#session = this.#connect();
    return this.#session.request(head);
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

const broken = (cause: unknown): StatusError => new StatusError('ServiceUnavailable', `the connection broke: ${String(cause)}`, { cause });

async function bytesOf(stream: ClientHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of stream) chunks.push(chunk as Buffer);
  } catch (thrown) {
    throw broken(thrown);
  }
  return Buffer.concat(chunks);
}

function statusOf(stream: ClientHttp2Stream): Promise<number> {
  return new Promise((resolve, reject) => {
    stream.once('response', (answer) => resolve(Number(answer[':status'])));
    stream.once('error', (error) => reject(broken(error)));
    stream.once('close', () => reject(broken('the stream was closed before it was answered')));
    stream.end();
  });
}
