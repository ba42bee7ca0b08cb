import type { WatchEvent, WatchSink } from '../../machinery/exchange.ts';
import type { KubeObject } from '../../machinery/object.ts';
import { internalError, type StatusError } from '../../machinery/status-error.ts';
import type { StoredEntry } from '../codec/projection.ts';
import { isLarge } from '../codec/representation.ts';
import type { Core } from '../core.ts';
import { inTurns } from '../handlers/in-turns.ts';
import type { Binding } from '../registry/registry.ts';
import type { Told } from './events.ts';
import type { WatchOutput } from './watcher.ts';

/**
 * Hands events to a sink of this process: in a microtask of their own, so that a sink may write at once while the store is
 * still telling others.
 */
export class InProcessOutput implements WatchOutput {
  readonly #core: Core;
  readonly #binding: Binding;
  readonly #sink: WatchSink;
  readonly #bare: boolean;
  #waiting: Told[] = [];
  #closed = false;

  /** `bare`: objects without managedFields, shared by all who ask so. */
  constructor(core: Core, binding: Binding, sink: WatchSink, bare: boolean) {
    this.#core = core;
    this.#binding = binding;
    this.#sink = sink;
    this.#bare = bare;
  }

  prepare(entry: StoredEntry): Promise<void> | undefined {
    return isLarge(entry) ? inTurns(this.#core, true, this.#core.objects.readSteps(entry)) : undefined;
  }

  tell(told: readonly Told[]): boolean {
    if (this.#closed) return false;
    if (this.#waiting.length === 0) queueMicrotask(() => this.#deliver());
    for (const one of told) this.#waiting.push(one);
    return true;
  }

  room(): undefined {
    return undefined;
  }

  end(error?: StatusError): void {
    queueMicrotask(() => {
      if (this.#closed) return;
      this.#closed = true;
      this.#sink.closed(error);
    });
  }

  close(): void {
    this.#closed = true;
    this.#waiting = [];
  }

  #deliver(): void {
    if (this.#closed) return;
    const told = this.#waiting;
    this.#waiting = [];
    if (told.length === 0) return;
    try {
      this.#sink.events(told.map((one) => this.#event(one)));
    } catch (thrown) {
      // Whoever throws has lost its place and begins anew; the process goes on.
      this.close();
      this.#sink.closed(internalError(thrown));
    }
  }

  #event(told: Told): WatchEvent {
    if (told.type === 'BOOKMARK') return { type: 'BOOKMARK', object: bookmarkObject(this.#binding, told.revision, told.initialEnd) };
    const { objects } = this.#core;
    return { type: told.type, object: this.#bare ? objects.as(told.entry, this.#binding) : objects.full(told.entry, this.#binding) };
  }
}

/** KEP-956 and KEP-3157: only a version, and the mark that the initial events are complete. */
export function bookmarkObject({ kind, apiVersion }: Binding, revision: number, initialEnd: boolean): KubeObject {
  const metadata = {
    resourceVersion: String(revision),
    ...(initialEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
  };
  return Object.freeze({ kind: kind.kind, apiVersion, metadata: Object.freeze(metadata) });
}
