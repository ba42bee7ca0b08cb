import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { failure, type Log } from '../../base/log.ts';
import type { DuplexBytes } from '../runtime/runtime.ts';
import { RESET } from './spdy-frames.ts';
import { SpdySession } from './spdy-session.ts';
import type { SpdyStream } from './spdy-stream.ts';

export const FORWARD_PROTOCOL = 'portforward.k8s.io';

/** Opens one connection to a port of the pod. */
export type DialPort = (port: number) => Promise<DuplexBytes>;

const MOST_HALF_OPEN = 256;

/**
 * The server side of port-forward: for every connection the client opens two streams with the same request id, `error` and `data`.
 * Resolves when the client is gone and all is let go.
 */
export async function serveForward(
  wire: { readonly socket: Duplex; readonly head: Uint8Array },
  dial: DialPort,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<void> {
  const halves = new Map<string, SpdyStream>();
  const connections = new Set<Promise<void>>();
  const accept = (stream: SpdyStream): void => {
    const { headers } = stream;
    const type = headers.get('streamtype');
    const port = Number(headers.get('port'));
    if ((type !== 'error' && type !== 'data') || !Number.isInteger(port) || port < 1 || port > 65535) return stream.reset(RESET.protocolError);
    // Clients from before request ids open the two one after the other: ids 1 and 3 belong together.
    const request = headers.get('requestid') ?? String(type === 'error' ? stream.id : stream.id - 2);
    const other = halves.get(request);
    if (other === undefined) {
      if (halves.size >= MOST_HALF_OPEN) return stream.reset(RESET.refusedStream);
      halves.set(request, stream);
      stream.reply();
      return;
    }
    halves.delete(request);
    if (other.headers.get('streamtype') === type) {
      other.reset(RESET.protocolError);
      return stream.reset(RESET.protocolError);
    }
    stream.reply();
    const [error, data] = type === 'error' ? [stream, other] : [other, stream];
    const served = serveConnection({ error, data, port }, dial, log).finally(() => connections.delete(served));
    connections.add(served);
  };
  using session = new SpdySession({ role: 'server', wire: wire.socket, head: wire.head, accept, clock });
  await session.closed;
  await Promise.all(connections);
}

/** Never rejects: what fails is told on the error stream, as kubectl expects it. */
async function serveConnection(
  { error, data, port }: { readonly error: SpdyStream; readonly data: SpdyStream; readonly port: number },
  dial: DialPort,
  log: Log,
): Promise<void> {
  error.read.discard();
  let connection: DuplexBytes | undefined;
  try {
    connection = await dial(port);
    const to = connection;
    const up = (async () => {
      for await (const bytes of data.read) await to.write(bytes);
      to.end();
    })();
    // The pod's side decides: when it has ended, the rest of the input has no reader.
    up.catch(() => to[Symbol.dispose]());
    for await (const bytes of to.readable) await data.write(bytes);
    await data.end();
    await error.end();
  } catch (thrown) {
    log.debug('a forwarded connection failed', { port, ...failure(thrown) });
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    await error.write(Buffer.from(message)).catch(() => {});
    await error.end();
    data.reset();
  } finally {
    connection?.[Symbol.dispose]();
    data.read.discard();
  }
}
