import { failure } from '../base/log.ts';
import type { Component, ComponentOptions } from '../client/component.ts';
import type { Informer } from '../client/informer.ts';
import { type Again, WorkQueue } from '../client/work-queue.ts';
import type { KubeObject, Stored } from '../machinery/object.ts';
import { StatusError } from '../machinery/status-error.ts';

/** Where keys come from. */
export interface Source {
  whenSynced(): Promise<void>;
  subscribe(enqueue: (key: string) => void): Disposable;
}

export interface LoopDefinition {
  readonly name: string;
  readonly sources: readonly Source[];
  readonly concurrency: number;
  /** One pass over a key: looks at state, safe to repeat. */
  readonly pass: (key: string) => Promise<Again | undefined>;
}

export interface Loop extends Component {
  /** A pass over this key, soon. */
  wake(key: string): void;
}

/** A deletion counts as a change. */
export function changes<T extends KubeObject>(informer: Informer<T>, keys: (object: Stored<T>) => readonly string[]): Source {
  return {
    whenSynced: () => informer.whenSynced(),
    subscribe: (enqueue) => {
      const tell = (object: Stored<T>): void => {
        for (const key of keys(object)) enqueue(key);
      };
      return informer.onChange({ added: tell, updated: tell, deleted: tell });
    },
  };
}

/** Starts when every source has been listed; failures are repeated with growing delay, conflicts quietly. */
export function startLoop(options: ComponentOptions, { name, sources, concurrency, pass }: LoopDefinition): Loop {
  const log = options.log.child(name);
  const queue = new WorkQueue({
    clock: options.clock,
    random: options.random,
    concurrency,
    work: pass,
    failed: (key, error, attempt) => log[isRace(error) && attempt < 5 ? 'debug' : 'warn']('pass failed, will be repeated', { key, attempt, ...failure(error) }),
  });
  let ended = false;
  const subscriptions = sources.map((source) => source.subscribe((key) => queue.add(key)));
  Promise.all(sources.map((source) => source.whenSynced())).then(
    () => {
      if (!ended) queue.start();
    },
    (thrown: unknown) => {
      if (!ended) log.error('never started: a source ended before its first list', failure(thrown));
    },
  );
  return {
    name,
    wake: (key) => queue.add(key),
    [Symbol.asyncDispose]: async () => {
      ended = true;
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
      await queue[Symbol.asyncDispose]();
    },
  };
}

/** Somebody else was faster: looking again is all it takes. */
export function isRace(error: unknown): boolean {
  return error instanceof StatusError && (error.reason === 'Conflict' || error.reason === 'AlreadyExists' || error.reason === 'NotFound');
}
