import type { Resource } from '../api/resource.ts';
import type { Clock } from '../base/clock.ts';
import { failure, type Log } from '../base/log.ts';
import type { KubeObject } from '../machinery/object.ts';
import { StatusError } from '../machinery/status-error.ts';
import type { Client } from './client.ts';
import type { EventRecorder } from './component.ts';

/** The fields of core/v1 Event that a recorder writes. */
interface CoreEvent extends KubeObject {
  readonly involvedObject: {
    readonly kind?: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly uid?: string;
    readonly apiVersion?: string;
    readonly resourceVersion?: string;
    readonly fieldPath?: string;
  };
  readonly reason: string;
  readonly message: string;
  readonly type: string;
  readonly count: number;
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
  readonly source: { readonly component: string; readonly host?: string };
  readonly reportingComponent: string;
  readonly reportingInstance: string;
}

const EVENTS: Resource<CoreEvent> = { group: '', version: 'v1', resource: 'events', kind: 'Event', namespaced: true };

const MOST_WAITING = 1_000;
const MOST_REMEMBERED = 4_096;
/** The same event later than this is a new one (upstream's aggregation window). */
const REMEMBER_MS = 600_000;
/** Names tried for one event. */
const MOST_NAMES = 8;
/** Kubernetes' bound on an event's message, bytes. */
const LONGEST_MESSAGE = 1_024;

/** So many that differ only in their words within that time are told one by one; those after them share one event (upstream's aggregation). */
const MOST_ALIKE = 10;
const COMBINED = '(combined from similar events): ';

interface Seen {
  name: string;
  count: number;
  firstMs: number;
  lastMs: number;
}

/** Events of one object, reporter and reason, by their words. */
interface Alike {
  readonly texts: Set<string>;
  lastMs: number;
}

interface Waiting {
  readonly key: string;
  readonly event: CoreEvent;
}

interface Shared {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  readonly seen: Map<string, Seen>;
  readonly alike: Map<string, Alike>;
  readonly queue: Waiting[];
  busy: boolean;
  serial: number;
}

/** `component`: reporting component until `as` names another. */
export function createRecorder(options: { readonly client: Client; readonly clock: Clock; readonly log: Log; readonly component: string }): EventRecorder {
  const { client, clock, log } = options;
  return new Recorder({ client, clock, log, seen: new Map(), alike: new Map(), queue: [], busy: false, serial: 0 }, options.component, '');
}

class Recorder implements EventRecorder {
  readonly #shared: Shared;
  readonly #component: string;
  readonly #host: string;

  constructor(shared: Shared, component: string, host: string) {
    this.#shared = shared;
    this.#component = component;
    this.#host = host;
  }

  as(component: string, host = this.#host): EventRecorder {
    return new Recorder(this.#shared, component, host);
  }

  event(about: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string, fieldPath = ''): void {
    const shared = this.#shared;
    const text = withinBytes(message);
    const { name = '', namespace, uid = '' } = about.metadata ?? {};
    const group = [this.#component, this.#host, about.kind ?? '', namespace ?? '', name, uid, type, reason].join('\n');
    const nowMs = shared.clock.now();
    const combined = isCombined(shared, group, text, nowMs);
    const key = combined ? group : [group, fieldPath, text].join('\n');
    const seen = remember(shared, key, name, nowMs);
    const event = this.#describe(about, type, reason, combined ? withinBytes(`${COMBINED}${message}`) : text, fieldPath, seen);
    // What waits already will be written with the newest count.
    const waiting = shared.queue.findIndex((each) => each.key === key);
    if (waiting >= 0) {
      if (combined) shared.queue[waiting] = { key, event };
      return;
    }
    if (shared.queue.length >= MOST_WAITING) shared.queue.shift();
    shared.queue.push({ key, event });
    if (!shared.busy) void write(shared);
  }

  #describe(about: KubeObject, type: string, reason: string, message: string, fieldPath: string, seen: Seen): CoreEvent {
    const { name, namespace, uid, resourceVersion } = about.metadata ?? {};
    return {
      metadata: { name: seen.name, namespace: namespace === undefined || namespace === '' ? 'default' : namespace },
      involvedObject: {
        ...(about.kind === undefined ? {} : { kind: about.kind }),
        ...(about.apiVersion === undefined ? {} : { apiVersion: about.apiVersion }),
        ...(namespace === undefined ? {} : { namespace }),
        ...(name === undefined ? {} : { name }),
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
        ...(fieldPath === '' ? {} : { fieldPath }),
      },
      reason,
      message,
      type,
      count: seen.count,
      firstTimestamp: stamp(seen.firstMs),
      lastTimestamp: stamp(seen.lastMs),
      source: { component: this.#component, ...(this.#host === '' ? {} : { host: this.#host }) },
      reportingComponent: this.#component,
      reportingInstance: this.#host,
    };
  }
}

/** Whether this is one too many of its group. */
function isCombined(shared: Shared, group: string, text: string, nowMs: number): boolean {
  const found = shared.alike.get(group);
  const alike = found === undefined || nowMs - found.lastMs >= REMEMBER_MS ? { texts: new Set<string>(), lastMs: nowMs } : found;
  alike.lastMs = nowMs;
  shared.alike.delete(group);
  shared.alike.set(group, alike);
  dropOldest(shared.alike);
  if (alike.texts.has(text)) return false;
  if (alike.texts.size >= MOST_ALIKE - 1) return true;
  alike.texts.add(text);
  return false;
}

function dropOldest(map: Map<string, unknown>): void {
  if (map.size <= MOST_REMEMBERED) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    break;
  }
}

function remember(shared: Shared, key: string, name: string, nowMs: number): Seen {
  const found = shared.seen.get(key);
  if (found !== undefined && nowMs - found.lastMs < REMEMBER_MS) {
    found.count++;
    found.lastMs = nowMs;
    return found;
  }
  const serial = (nowMs * 4096 + (shared.serial++ % 4096)).toString(16);
  const fresh: Seen = { name: `${name.slice(0, 200)}.${serial}`, count: 1, firstMs: nowMs, lastMs: nowMs };
  shared.seen.delete(key);
  shared.seen.set(key, fresh);
  dropOldest(shared.seen);
  return fresh;
}

async function write(shared: Shared): Promise<void> {
  shared.busy = true;
  await Promise.resolve();
  for (let next = shared.queue.shift(); next !== undefined; next = shared.queue.shift()) await writeOne(shared, next);
  shared.busy = false;
}

async function writeOne(shared: Shared, { key, event }: Waiting, attempt = 0): Promise<void> {
  const { client, log, seen } = shared;
  const now = seen.get(key);
  const count = now?.count ?? event.count;
  try {
    if (count > 1 && event.count > 1) {
      const body = { count, lastTimestamp: stamp(now?.lastMs ?? 0), message: event.message };
      await client.patch(EVENTS, event.metadata?.name ?? '', { type: 'merge', body }, { namespace: event.metadata?.namespace });
    } else await client.create(EVENTS, { ...event, count });
  } catch (thrown) {
    if (thrown instanceof StatusError && thrown.reason === 'AlreadyExists' && attempt < MOST_NAMES) {
      // Another component's recorder has said something of the same object in the same millisecond.
      const name = `${event.metadata?.name ?? ''}${(shared.serial++ % 16).toString(16)}`;
      if (now !== undefined) now.name = name;
      return writeOne(shared, { key, event: { ...event, metadata: { ...event.metadata, name } } }, attempt + 1);
    }
    // A namespace that goes away takes its events with it; a patched event may have expired. Neither is worth a retry.
    const expected = thrown instanceof StatusError && (thrown.reason === 'NotFound' || thrown.reason === 'Forbidden');
    if (thrown instanceof StatusError && thrown.reason === 'NotFound') seen.delete(key);
    if (!expected) log.debug('event not written', { reason: event.reason, ...failure(thrown) });
  }
}

/** Whole seconds, as Event's times are printed. */
function stamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** Cut to Kubernetes' bound, which counts bytes, and never in the middle of a character. */
function withinBytes(message: string): string {
  const bytes = new TextEncoder().encode(message);
  if (bytes.length <= LONGEST_MESSAGE) return message;
  return `${new TextDecoder().decode(bytes.subarray(0, LONGEST_MESSAGE - 3)).replace(/\uFFFD+$/, '')}...`;
}
