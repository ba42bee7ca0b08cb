import type { Clock } from '../../base/clock.ts';
import { deadline } from '../../base/clock.ts';
import { collect } from '../streams/byte-queue.ts';
import { readExitStatus } from '../streams/exit-status.ts';
import { dialSpdy } from '../streams/spdy-client.ts';
import { SpdyError } from '../streams/spdy-error.ts';
import type { SpdySession } from '../streams/spdy-session.ts';
import type { SpdyStream } from '../streams/spdy-stream.ts';
import { cri } from './cri-error.ts';
import type { GrpcChannel } from './grpc.ts';
import { type AttachStream, CriError, type DuplexBytes, type RuntimeStreams, type StreamSession, type WritableBytes } from './runtime.ts';
import { RUNTIME } from './services.ts';

const CALL_TIMEOUT_MS = 30_000;
const COMMAND_PROTOCOL = 'v4.channel.k8s.io';
const FORWARD_PROTOCOL = 'portforward.k8s.io';
const LONGEST_STATUS_BYTES = 64 * 1024;

/** Streams by containerd's streaming server on loopback, over SPDY: over its WebSocket an input could not end. */
export class ContainerdStreams implements RuntimeStreams {
  readonly #channel: GrpcChannel;
  readonly #clock: Clock;

  constructor(channel: GrpcChannel, clock: Clock) {
    this.#channel = channel;
    this.#clock = clock;
  }

  async exec({ containerId, command, ...wanted }: AttachStream & { readonly command: readonly string[] }): Promise<StreamSession> {
    const request = { container_id: containerId, cmd: command, ...flags(wanted) };
    const { url } = await cri(this.#channel.unary(RUNTIME, 'Exec', request, { timeoutMs: CALL_TIMEOUT_MS }));
    return this.#command(url, wanted, 'exec');
  }

  async attach({ containerId, ...wanted }: AttachStream): Promise<StreamSession> {
    const { url } = await cri(this.#channel.unary(RUNTIME, 'Attach', { container_id: containerId, ...flags(wanted) }, { timeoutMs: CALL_TIMEOUT_MS }));
    return this.#command(url, wanted, 'attach');
  }

  async portForward(sandboxId: string, port: number): Promise<DuplexBytes> {
    const { url } = await cri(this.#channel.unary(RUNTIME, 'PortForward', { pod_sandbox_id: sandboxId, port: [port] }, { timeoutMs: CALL_TIMEOUT_MS }));
    return this.#dial(url, FORWARD_PROTOCOL, async (session) => {
      const headers = (streamtype: string): Map<string, string> =>
        new Map([
          ['streamtype', streamtype],
          ['port', String(port)],
          ['requestid', '0'],
        ]);
      const error = await session.open(headers('error'));
      await error.end();
      const data = await session.open(headers('data'));
      return forwardOf(session, { error, data });
    });
  }

  #command(url: string, wanted: Omit<AttachStream, 'containerId'>, kind: 'exec' | 'attach'): Promise<StreamSession> {
    return this.#dial(url, COMMAND_PROTOCOL, async (session) => {
      const open = (streamtype: string, is: boolean): Promise<SpdyStream | undefined> =>
        is ? session.open(new Map([['streamtype', streamtype]])) : Promise.resolve(undefined);
      const [error, stdin, stdout, stderr, resize] = await Promise.all([
        session.open(new Map([['streamtype', 'error']])),
        open('stdin', wanted.stdin),
        open('stdout', wanted.stdout),
        open('stderr', wanted.stderr && !wanted.tty),
        open('resize', wanted.tty),
      ]);
      return sessionOf(session, { error, stdin, stdout, stderr, resize }, kind);
    });
  }

  async #dial<T>(url: string, protocol: string, use: (session: SpdySession) => Promise<T>): Promise<T> {
    using limit = deadline(this.#clock, CALL_TIMEOUT_MS);
    let session: SpdySession | undefined;
    try {
      session = await dialSpdy(url, protocol, this.#clock, limit.signal);
      return await use(session);
    } catch (thrown) {
      session?.[Symbol.dispose]();
      throw thrown instanceof SpdyError ? new CriError('unavailable', `the stream to containerd failed: ${thrown.message}`, thrown) : thrown;
    }
  }
}

/** CRI: a terminal has no stderr of its own. */
function flags({ stdin, stdout, stderr, tty }: Omit<AttachStream, 'containerId'>): { stdin: boolean; stdout: boolean; stderr: boolean; tty: boolean } {
  return { stdin, stdout, stderr: stderr && !tty, tty };
}

interface CommandStreams {
  readonly error: SpdyStream;
  readonly stdin: SpdyStream | undefined;
  readonly stdout: SpdyStream | undefined;
  readonly stderr: SpdyStream | undefined;
  readonly resize: SpdyStream | undefined;
}

function sessionOf(session: SpdySession, { error, stdin, stdout, stderr, resize }: CommandStreams, kind: 'exec' | 'attach'): StreamSession {
  const finish = async (): Promise<number> => {
    let status: Buffer | undefined;
    try {
      status = await collect(error.read, LONGEST_STATUS_BYTES);
    } catch (thrown) {
      throw new CriError('unavailable', 'the stream to containerd ended before the command', thrown);
    }
    await Promise.all([stdout?.remoteEnded, stderr?.remoteEnded]);
    const text = status?.toString('utf8') ?? '';
    // An attach ends without a word.
    if (text === '' && kind === 'exec') throw new CriError('unavailable', 'containerd ended the stream without telling how the command ended');
    return text === '' ? 0 : readExitStatus(text);
  };
  const done = finish().finally(() => session[Symbol.dispose]());
  // It is the caller's to look at; without a caller a failure must not end the process.
  done.catch(() => {});
  return {
    stdin: stdin === undefined ? undefined : writer(stdin),
    stdout: stdout?.read,
    stderr: stderr?.read,
    resize: (width, height) => {
      resize?.write(Buffer.from(`${JSON.stringify({ Width: width, Height: height })}\n`)).catch(() => {});
    },
    done,
    [Symbol.dispose]: () => session[Symbol.dispose](),
  };
}

function writer(stream: SpdyStream): WritableBytes {
  return {
    write: (bytes) => stream.write(bytes),
    end: () => void stream.end(),
  };
}

function forwardOf(session: SpdySession, { error, data }: { readonly error: SpdyStream; readonly data: SpdyStream }): DuplexBytes {
  const failure = collect(error.read, LONGEST_STATUS_BYTES).then(
    (text) => (text === undefined || text.length === 0 ? undefined : text.toString('utf8').trim()),
    () => undefined,
  );
  async function* read(): AsyncGenerator<Uint8Array> {
    let cut: unknown;
    try {
      yield* data.read;
    } catch (thrown) {
      cut = thrown;
    }
    // What went wrong comes on the other stream, and may come after the end of this one.
    const text = await failure;
    session[Symbol.dispose]();
    if (text !== undefined) throw new CriError('unavailable', text);
    if (cut !== undefined) throw new CriError('unavailable', 'the forwarded connection was cut off', cut);
  }
  return { ...writer(data), readable: read(), [Symbol.dispose]: () => session[Symbol.dispose]() };
}
