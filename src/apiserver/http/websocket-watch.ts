import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { StatusError } from '../../machinery/status-error.ts';
import { negotiateStream } from '../codec/accept.ts';
import { boundOffers, tableForm } from '../codec/representation.ts';
import type { Told } from '../watch/events.ts';
import type { WatchPlan } from '../watch/plan.ts';
import type { WatchOutput } from '../watch/watcher.ts';
import type { Watchers } from '../watch/watchers.ts';
import type { AnswerContext } from './answer.ts';
import { errorFrame, type FrameCache, type FrameForm, frameForm, frameOf } from './frames.ts';
import { drained } from './respond.ts';
import { MAX_WAITING_BYTES, WRITE_BYTES } from './watch-output.ts';

/** A client of a watch has nothing to say. */
const LARGEST_MESSAGE_BYTES = 4096;
/** Carries a token, is no protocol that could be spoken. */
const BEARER_PROTOCOL = 'base64url.bearer.authorization.k8s.io.';

export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Uint8Array;
}

/** A watch as WebSocket messages, one an event: text for JSON, binary for protobuf (apiserver `WatchServer.HandleWS`). */
export async function startSocketWatch(context: AnswerContext, plan: WatchPlan, watchers: Watchers, frames: FrameCache, upgrade: Upgrade): Promise<void> {
  const { core, call, accept } = context;
  const representation = negotiateStream(accept, boundOffers(plan.binding, core.facts.type(plan.binding.kind.typeName) !== undefined, false));
  const table = representation.as === 'Table' ? tableForm(call, representation) : undefined;
  const socket = await accepted(upgrade);
  if (socket === undefined) return;
  context.response.statusCode = 101;
  const output = new SocketWatchOutput(socket, upgrade.socket, frameForm(core, plan.binding, representation, table), frames);
  if (plan.refusal !== undefined) return output.end(plan.refusal);
  try {
    const watcher = watchers.start(plan, output);
    socket.on('close', () => watcher.close());
    if (socket.readyState !== socket.OPEN) watcher.close();
  } catch (thrown) {
    output.end(thrown instanceof StatusError ? thrown : new StatusError('InternalError', String(thrown)));
  }
}

/** Undefined: the client has gone, or asked for something else than a WebSocket and has been refused. */
async function accepted({ request, socket, head }: Upgrade): Promise<WebSocket | undefined> {
  const { WebSocketServer } = await import('ws');
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: LARGEST_MESSAGE_BYTES,
    handleProtocols: (offered) => [...offered].find((each) => !each.startsWith(BEARER_PROTOCOL)) ?? false,
  });
  const { promise, resolve } = Promise.withResolvers<WebSocket | undefined>();
  if (socket.destroyed) return undefined;
  socket.once('close', () => resolve(undefined));
  server.handleUpgrade(request, socket, Buffer.from(head), resolve);
  const client = await promise;
  // An error is followed by the end.
  client?.on('error', () => {});
  return client;
}

class SocketWatchOutput implements WatchOutput {
  readonly #socket: WebSocket;
  readonly #connection: Duplex;
  readonly #form: FrameForm;
  readonly #frames: FrameCache;
  #first = true;

  constructor(socket: WebSocket, connection: Duplex, form: FrameForm, frames: FrameCache) {
    this.#socket = socket;
    this.#connection = connection;
    this.#form = form;
    this.#frames = frames;
  }

  tell(told: readonly Told[]): boolean {
    if (this.#socket.bufferedAmount > MAX_WAITING_BYTES) {
      this.#socket.terminate();
      return false;
    }
    for (const one of told) {
      this.#send(this.#first && this.#form.table !== undefined ? frameOf(this.#form, one, true) : this.#frames.of(this.#form, [one]));
      this.#first = false;
    }
    return true;
  }

  room(): Promise<void> | undefined {
    return this.#isFull() ? this.#emptied() : undefined;
  }

  end(error?: StatusError): void {
    if (error !== undefined) this.#send(errorFrame(this.#form, error));
    this.#socket.close(1000);
  }

  /** A message has a length of its own: protobuf goes without the one that it has in a stream. */
  #send(frame: Buffer): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    const binary = this.#form.representation.format === 'protobuf';
    this.#socket.send(binary ? frame.subarray(4) : frame, { binary });
  }

  #isFull(): boolean {
    return !this.#connection.destroyed && this.#socket.bufferedAmount > WRITE_BYTES;
  }

  async #emptied(): Promise<void> {
    while (this.#isFull()) await drained(this.#connection);
  }
}
