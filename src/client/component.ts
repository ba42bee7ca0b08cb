import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Resource } from '../api/resource.ts';
import type { KubeObject } from '../machinery/object.ts';
import type { Client } from './client.ts';
import type { Informer } from './informer.ts';
import type { QueueState, QueueTimes } from './work-queue.ts';

/**
 * What every component is started with (laws 1 and 2). A component is a function `start…(options): Promise<Component>`; it
 * meets the others only in the API.
 */
export interface ComponentOptions {
  readonly client: Client;
  readonly informers: Informers;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Looks at the queues of controllers. */
  readonly queues?: QueueObserver | undefined;
}

export interface QueueObserver {
  /** A queue of this name has begun, perhaps after another of the name; who is told of its times. */
  follow(name: string, state: () => QueueState): QueueTimes;
}

/** A set of controllers: they share informers, which read under the set's identity; each writes, and says events, under its own. */
export interface ControllerSetOptions {
  /** By the name of its service account in kube-system: `replicaset-controller`. */
  readonly as: (controller: string) => ComponentOptions;
}

/** Disposing it ends everything that it started, and waits for it. */
export interface Component extends AsyncDisposable {
  readonly name: string;
}

/** Shared informers: one list and watch for each resource and selection, whoever asks. Ended by disposing the factory. */
export interface Informers extends AsyncDisposable {
  /** The same arguments give the same informer. `indexes` may be added by every caller, under different names. */
  of<T extends KubeObject>(resource: Resource<T>, options?: InformerOptions<T>): Informer<T>;
  /** Ends those of a kind that is served no more. Who asks again gets a new one. */
  drop(resource: Resource): void;
}

export interface InformerOptions<T extends KubeObject> {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Name to function; the function gives the values under which an object is found. */
  readonly indexes?: Readonly<Record<string, (object: T) => readonly string[]>>;
}

/** Writes Events as kubectl shows them; the same event again raises its count. Never throws, never blocks the caller; bounded. */
export interface EventRecorder {
  /** `fieldPath`: the part of the object that it is about, as `spec.containers{main}`. */
  event(about: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string): void;
  /** The same recorder with another reporting component (`kubelet`, `persistentvolume-controller`). */
  as(component: string, host?: string): EventRecorder;
}
