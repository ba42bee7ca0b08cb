import { type Clock, sleep, type Timer } from '../../base/clock.ts';
import { failure, type Log } from '../../base/log.ts';
import type { GrpcChannel } from './grpc.ts';
import { type Container, CriError, type RuntimeEvent } from './runtime.ts';
import { CRI_NAMESPACE, EVENTS } from './services.ts';

export interface EventsOptions {
  /** Of containerd's own services. */
  readonly channel: GrpcChannel;
  readonly clock: Clock;
  readonly log: Log;
  /** A fresh look, as `Runtime.container`. */
  readonly look: (id: string) => Promise<Container | undefined>;
  readonly signal: AbortSignal;
}

interface TaskEvent {
  /** ContainerDelete has none. */
  readonly container_id?: string;
  /** TaskExit: of the process; that of the container's own one is the container's. ContainerDelete: of the container. */
  readonly id?: string;
}

const TOPICS: Readonly<Record<string, { readonly type: Exclude<RuntimeEvent['type'], 'lost'>; readonly message: string }>> = {
  '/tasks/start': { type: 'started', message: 'containerd.events.TaskStart' },
  '/tasks/exit': { type: 'exited', message: 'containerd.events.TaskExit' },
  '/tasks/oom': { type: 'oom', message: 'containerd.events.TaskOOM' },
  '/containers/delete': { type: 'deleted', message: 'containerd.events.ContainerDelete' },
};
const FIRST_BACKOFF_MS = 50;
const LONGEST_BACKOFF_MS = 1_000;
const MARK_MS = 20;
/** How long the CRI plugin may lag behind the event before it is passed on all the same. */
const LONGEST_LAG_MS = 5_000;
/** The same for what became of a container's memory, which need not end it. */
const LONGEST_OOM_LAG_MS = 1_000;

/**
 * Follows containerd's own event stream until the signal aborts. It replays nothing: after every connection, the first included,
 * `lost` is told. A start or an exit is told when a fresh look at the container shows it: the CRI plugin learns of it from the same stream, a
 * little later. Events of one container keep their order.
 */
export async function followEvents(options: EventsOptions, listener: (event: RuntimeEvent) => void): Promise<void> {
  const { channel, clock, log, signal } = options;
  let backoffMs = FIRST_BACKOFF_MS;
  const telling = new Map<string, Promise<void>>();
  const tell = (event: Exclude<RuntimeEvent, { type: 'lost' }>): void => {
    const { containerId } = event;
    const told = (telling.get(containerId) ?? Promise.resolve())
      .then(() => settle(options, event))
      .then(() => {
        if (telling.get(containerId) === told) telling.delete(containerId);
        if (!signal.aborted) listener(event);
      });
    telling.set(containerId, told);
  };
  while (!signal.aborted) {
    const stream = channel.serverStream(EVENTS, 'Subscribe', {
      filters: [`namespace==${CRI_NAMESPACE},topic~="^/(tasks/(start|exit|oom)|containers/delete|berth/mark)$"`],
    });
    const cancel = (): void => stream.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    const subscribed = mark(options);
    try {
      for await (const { topic, event } of stream) {
        if (!subscribed.aborted) {
          backoffMs = FIRST_BACKOFF_MS;
          subscribed.abort();
          listener({ type: 'lost' });
        }
        const known = TOPICS[topic];
        if (known === undefined || event === null) continue;
        const task = channel.decode(known.message, event.value) as TaskEvent;
        const containerId = task.container_id ?? task.id;
        // Of a process that was started by exec.
        if (containerId === undefined || (task.id !== undefined && task.id !== containerId)) continue;
        tell({ type: known.type, containerId });
      }
    } catch (thrown) {
      if (!signal.aborted) log.warn('the event stream of containerd broke', failure(thrown));
    } finally {
      subscribed.abort();
      signal.removeEventListener('abort', cancel);
    }
    if (signal.aborted) return;
    await sleep(clock, backoffMs, signal).catch(() => {});
    backoffMs = Math.min(backoffMs * 2, LONGEST_BACKOFF_MS);
  }
}

/**
 * The server does not say when it has subscribed: events of our own are published until one comes back. The subscription holds
 * before that, so nothing falls between it and `lost`.
 */
function mark({ channel, clock, signal }: EventsOptions): { readonly aborted: boolean; abort(): void } {
  let timer: Timer | undefined;
  let aborted = false;
  const publish = (): void => {
    if (aborted || signal.aborted) return;
    // A failure shows in the stream as well.
    channel.unary(EVENTS, 'Publish', { topic: '/berth/mark', event: { type_url: 'google.protobuf.Empty' } }).catch(() => {});
    timer = clock.setTimer(MARK_MS, publish);
  };
  publish();
  return {
    get aborted() {
      return aborted;
    },
    abort: () => {
      aborted = true;
      timer?.[Symbol.dispose]();
    },
  };
}

/** Waits until a look at the container agrees with the event. Never rejects. */
async function settle({ clock, look, signal, log }: EventsOptions, { type, containerId }: Exclude<RuntimeEvent, { type: 'lost' }>): Promise<void> {
  if (type === 'deleted') return;
  const deadlineMs = clock.monotonic() + (type === 'oom' ? LONGEST_OOM_LAG_MS : LONGEST_LAG_MS);
  try {
    for (let pauseMs = 1; clock.monotonic() < deadlineMs; pauseMs = Math.min(pauseMs * 2, 200)) {
      const container = await look(containerId);
      if (container === undefined || agrees(type, container)) return;
      await sleep(clock, pauseMs, signal);
    }
  } catch (thrown) {
    if (!signal.aborted && !(thrown instanceof CriError && thrown.code === 'unavailable')) log.warn('a container could not be looked at', failure(thrown));
  }
}

function agrees(type: 'started' | 'exited' | 'oom', { state, reason }: Container): boolean {
  if (type === 'oom') return reason === 'OOMKilled';
  return state === 'exited' || (type === 'started' && state === 'running');
}
