/**
 * The floor: a process that does what no API server can leave out, and nothing else. GET answers with bytes it was given; POST and PUT
 * are parsed, stringified, committed to SQLite with all others that wait, and answered; `/watch` gets bytes when it is told to send.
 * Forked by `floor.ts`; told its certificate and the bytes.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { silentLog } from '../src/base/log.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { defaultStoreSettings } from '../src/store/settings.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';

export interface FloorOrder {
  readonly directory: string;
  readonly tls: { readonly key: string; readonly cert: string };
}
/** A body to answer GET of a path with, or an event to send to all who watch. */
export type FloorMessage = { readonly path: string; readonly body: string } | { readonly event: string };

const bodies = new Map<string, Buffer>();
const watching = new Set<ServerResponse>();

process.on('message', (message: FloorOrder | FloorMessage) => {
  if ('directory' in message) void start(message);
  else if ('path' in message) bodies.set(message.path, Buffer.from(message.body));
  else for (const response of watching) response.write(message.event);
});
process.on('disconnect', () => process.exit(0));

async function start({ directory, tls }: FloorOrder): Promise<void> {
  const store = await openSqliteStore<null>({ directory, clock: new SystemClock(), settings: defaultStoreSettings, project: () => null, log: silentLog });
  let count = 0;
  const server = createServer({ ...tls, ca: tls.cert, requestCert: true, rejectUnauthorized: false }, (request, response) => {
    if (request.method !== 'GET') return write(request, response, (value) => store.commit([{ do: 'put', key: `/bare/${count++}`, value, projection: null }]));
    const body = bodies.get(request.url ?? '');
    if (body === undefined) return watch(response);
    read(response, body);
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    process.send?.(typeof address === 'object' && address !== null ? address.port : 0);
  });
}

function watch(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  watching.add(response);
  response.on('close', () => watching.delete(response));
}

/** In pieces of 64 KiB, as fast as they are taken. */
function read(response: ServerResponse, body: Buffer): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
  let at = 0;
  const more = (): void => {
    while (at < body.length) {
      if (!response.write(body.subarray(at, (at += 65_536)))) return void response.once('drain', more);
    }
    response.end();
  };
  more();
}

function write(request: IncomingMessage, response: ServerResponse, commit: (value: Uint8Array) => Promise<unknown>): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const object = JSON.parse(Buffer.concat(chunks).toString()) as { metadata: Record<string, unknown> };
    object.metadata['uid'] = 'x';
    const value = Buffer.from(JSON.stringify(object));
    void commit(value).then(() => {
      response.writeHead(201, { 'content-type': 'application/json', 'content-length': value.length });
      response.end(value);
    });
  });
}
