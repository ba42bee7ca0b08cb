import { type Clock, deadline } from '../../base/clock.ts';
import type { Status } from '../../machinery/status-error.ts';
import type { WritableBytes } from '../runtime/runtime.ts';
import type { CommandClient, CommandWish } from './command-client.ts';
import { SpdyError } from './spdy-error.ts';
import { RESET } from './spdy-frames.ts';
import { SpdySession } from './spdy-session.ts';
import type { SpdyStream } from './spdy-stream.ts';
import { TerminalSizes } from './terminal-size.ts';
import type { Duplex } from 'node:stream';

/** In order of preference. From v4 on the error channel carries a Status; from v3 on there is a resize channel. */
export const SPDY_COMMAND_PROTOCOLS = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'] as const;

const STREAMS_TIMEOUT_MS = 30_000;
const STREAM_TYPES = ['error', 'stdin', 'stdout', 'stderr', 'resize'] as const;
type StreamType = (typeof STREAM_TYPES)[number];

/** Waits for the streams that the client opens for its wish. Rejects with SpdyError when they do not come. */
export async function acceptSpdyCommand(
  wire: { readonly socket: Duplex; readonly head: Uint8Array },
  wish: CommandWish,
  protocol: string,
  clock: Clock,
): Promise<CommandClient> {
  const streams = new Map<StreamType, SpdyStream>();
  const wanted = new Set<StreamType>(['error']);
  if (wish.stdin) wanted.add('stdin');
  if (wish.stdout) wanted.add('stdout');
  if (wish.stderr && !wish.tty) wanted.add('stderr');
  if (wish.tty && (protocol === 'v4.channel.k8s.io' || protocol === 'v3.channel.k8s.io')) wanted.add('resize');
  using limit = deadline(clock, STREAMS_TIMEOUT_MS);
  let session: SpdySession | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const accept = (stream: SpdyStream): void => {
        const type = STREAM_TYPES.find((known) => known === stream.headers.get('streamtype'));
        if (type === undefined || !wanted.has(type) || streams.has(type)) return stream.reset(RESET.refusedStream);
        streams.set(type, stream);
        stream.reply();
        if (streams.size === wanted.size) resolve();
      };
      limit.signal.addEventListener('abort', () => reject(new SpdyError('limit', 'timed out waiting for client to create streams')), { once: true });
      session = new SpdySession({ role: 'server', wire: wire.socket, head: wire.head, accept, clock });
      void session.closed.then(() => reject(new SpdyError('closed', 'the client left before it had opened its streams')));
    });
  } catch (thrown) {
    session?.[Symbol.dispose]();
    throw thrown;
  }
  const error = streams.get('error');
  if (session === undefined || error === undefined) throw new SpdyError('protocol', 'there is no error stream');
  return new SpdyCommand(
    session,
    { error, stdin: streams.get('stdin'), stdout: streams.get('stdout'), stderr: streams.get('stderr'), resize: streams.get('resize') },
    protocol,
  );
}

interface Streams {
  readonly error: SpdyStream;
  readonly stdin: SpdyStream | undefined;
  readonly stdout: SpdyStream | undefined;
  readonly stderr: SpdyStream | undefined;
  readonly resize: SpdyStream | undefined;
}

class SpdyCommand implements CommandClient {
  readonly stdin: CommandClient['stdin'];
  readonly stdout: WritableBytes | undefined;
  readonly stderr: WritableBytes | undefined;
  readonly closed: Promise<unknown>;
  readonly #session: SpdySession;
  readonly #streams: Streams;
  readonly #protocol: string;

  constructor(session: SpdySession, streams: Streams, protocol: string) {
    this.#session = session;
    this.#streams = streams;
    this.#protocol = protocol;
    this.closed = session.closed;
    this.stdin = streams.stdin?.read;
    this.stdout = output(streams.stdout);
    this.stderr = output(streams.stderr);
    // Directions that carry nothing from the client.
    for (const stream of [streams.error, streams.stdout, streams.stderr]) stream?.read.discard();
  }

  onResize(listener: (width: number, height: number) => void): void {
    const { resize } = this.#streams;
    if (resize === undefined) return;
    const follow = async (): Promise<void> => {
      const sizes = new TerminalSizes();
      for await (const bytes of resize.read) for (const { width, height } of sizes.parse(bytes)) listener(width, height);
    };
    // It ends with the connection, which `closed` tells.
    follow().catch(() => {});
  }

  async finish(status: Status): Promise<void> {
    const { error, stdout, stderr } = this.#streams;
    const text = this.#protocol === 'v4.channel.k8s.io' ? JSON.stringify(status) : status.status === 'Success' ? '' : (status.message ?? 'failed');
    if (text !== '') await error.write(Buffer.from(text));
    await Promise.all([stdout?.end(), stderr?.end(), error.end()]);
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#session[Symbol.dispose]();
  }
}

function output(stream: SpdyStream | undefined): WritableBytes | undefined {
  return stream === undefined ? undefined : { write: (bytes) => stream.write(bytes), end: () => void stream.end() };
}
