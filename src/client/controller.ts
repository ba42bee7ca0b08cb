import { failure } from '../base/log.ts';
import type { Component, ComponentOptions } from './component.ts';
import type { Informer } from './informer.ts';
import { type Again, WorkQueue } from './work-queue.ts';
import type { KubeObject, Stored } from '../machinery/object.ts';
import { StatusError } from '../machinery/status-error.ts';

/** Something whose changes make keys worth a pass. */
export interface Source {
  whenSynced(): Promise<void>;
  subscribe(enqueue: (key: string) => void): Disposable;
}

/** What one controller is: where its keys come from, and one pass over a key. The runner owns queue, retries and their log. */
export interface Definition {
  /** As upstream names it: `deployment-controller`. */
  readonly name: string;
  readonly sources: readonly Source[];
  /** Passes at once; 5 when absent. */
  readonly concurrency?: number;
  /** Acts on state, never on what happened; safe to repeat on a stale cache. Conflicts are retried quietly. */
  readonly reconcile: (key: string) => Promise<Again | undefined>;
}

/** `keys` is asked with the new state and, for an update, the previous one; a deletion counts as a change. */
export function source<T extends KubeObject>(informer: Informer<T>, keys: (object: Stored<T>, previous: Stored<T> | undefined) => readonly string[]): Source {
  return {
    whenSynced: () => informer.whenSynced(),
    subscribe: (enqueue) => {
      const tell = (object: Stored<T>, previous?: Stored<T>): void => {
        for (const key of keys(object, previous)) enqueue(key);
      };
      return informer.onChange({ added: tell, updated: tell, deleted: tell });
    },
  };
}

export interface Controller extends Component {
  /** A pass over this key, soon. */
  wake(key: string): void;
}

/** Somebody else was faster: looking again is all it takes. */
export function isRace(error: unknown): boolean {
  return error instanceof StatusError && (error.reason === 'Conflict' || error.reason === 'AlreadyExists' || error.reason === 'NotFound');
}

/** Starts a controller. Its first pass comes after every source has been listed. */
export function startController(options: ComponentOptions, definition: Definition): Controller {
  const log = options.log.child(definition.name);
  const queue: WorkQueue = new WorkQueue({
    clock: options.clock,
    random: options.random,
    concurrency: definition.concurrency ?? 5,
    work: definition.reconcile,
    times: options.queues?.follow(definition.name, () => queue.state),
    failed: (key, error, attempt) => {
      log[isRace(error) && attempt < 5 ? 'debug' : 'warn']('pass failed, will be repeated', { key, attempt, ...failure(error) });
    },
  });
  let ended = false;
  const subscriptions = definition.sources.map((each) => each.subscribe((key) => queue.add(key)));
  const synced = Promise.all(definition.sources.map((each) => each.whenSynced())).then(
    () => {
      if (!ended) queue.start();
    },
    (cause: unknown) => {
      if (!ended) log.error('never started: a source ended before its first list', failure(cause));
    },
  );
  return {
    name: definition.name,
    wake: (key) => queue.add(key),
    [Symbol.asyncDispose]: async () => {
      ended = true;
      for (const each of subscriptions) each[Symbol.dispose]();
      await queue[Symbol.asyncDispose]();
      // Informers that end reject `synced`; it is handled above, so nothing waits here for a list that never comes.
      void synced;
    },
  };
}

/** Waits until every pass has ended, whatever order. */
export function together(name: string, components: readonly Component[]): Component {
  return {
    name,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(components.map((component) => component[Symbol.asyncDispose]()));
    },
  };
}
