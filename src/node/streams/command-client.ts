import { failure, type Log } from '../../base/log.ts';
import type { Status } from '../../machinery/status-error.ts';
import type { ReadableBytes, StreamSession, WritableBytes } from '../runtime/runtime.ts';
import { CriError } from '../runtime/runtime.ts';
import { exitStatus, failedStatus } from './exit-status.ts';

/** What the client of an exec or attach asks for. */
export interface CommandWish {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** The client's end of an exec or attach, whatever it speaks. */
export interface CommandClient extends Disposable {
  /** Ends when the client ends its input; throws when the connection is lost. */
  readonly stdin: ReadableBytes | undefined;
  readonly stdout: WritableBytes | undefined;
  readonly stderr: WritableBytes | undefined;
  /** Sizes of the client's terminal as they change. */
  onResize(listener: (width: number, height: number) => void): void;
  /** Tells how the command ended, after everything that was written, and closes the connection. */
  finish(status: Status): Promise<void>;
  /** Resolves when the connection is over, from either side. */
  readonly closed: Promise<unknown>;
}

/** Carries bytes both ways until the command ends or the client is gone; then the other side is let go. Never rejects. */
export async function serveCommand(client: CommandClient, start: () => Promise<StreamSession>, log: Log): Promise<void> {
  let session: StreamSession;
  try {
    session = await start();
  } catch (thrown) {
    await finish(client, failedStatus(messageOf(thrown)), log);
    return;
  }
  using running = session;
  client.onResize((width, height) => running.resize(width, height));
  const input = feed(client.stdin, running).catch((thrown: unknown) => log.debug('an input ended early', failure(thrown)));
  const outputs = Promise.all([drain(running.stdout, client.stdout), drain(running.stderr, client.stderr)]);
  const gone = client.closed.then(() => 'gone' as const);
  try {
    const ended = await Promise.race([Promise.all([running.done, outputs]).then(([code]) => code), gone]);
    if (ended === 'gone') return;
    await finish(client, exitStatus(ended), log);
  } catch (thrown) {
    await finish(client, failedStatus(messageOf(thrown)), log);
  } finally {
    client[Symbol.dispose]();
    running[Symbol.dispose]();
    await Promise.allSettled([input, outputs]);
  }
}

async function feed(from: ReadableBytes | undefined, { stdin }: StreamSession): Promise<void> {
  if (from === undefined || stdin === undefined) return;
  try {
    for await (const bytes of from) await stdin.write(bytes);
  } finally {
    stdin.end();
  }
}

async function drain(from: ReadableBytes | undefined, to: WritableBytes | undefined): Promise<void> {
  if (from === undefined) return;
  for await (const bytes of from) await to?.write(bytes);
  to?.end();
}

async function finish(client: CommandClient, status: Status, log: Log): Promise<void> {
  try {
    await client.finish(status);
  } catch (thrown) {
    log.debug('the client left before it was told the end', failure(thrown));
  } finally {
    client[Symbol.dispose]();
  }
}

function messageOf(thrown: unknown): string {
  return thrown instanceof CriError || thrown instanceof Error ? thrown.message : String(thrown);
}
