import type { Pod } from '../api/gen/types/core.v1.ts';
import { podPriority } from '../api/core/pod.rules.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { Stored } from '../machinery/object.ts';
import { sameWords } from './changes.ts';
import type { ClusterChange } from './plugin.ts';
import { podKey } from './pod-info.ts';

/** A pod that is to be scheduled, and how it has fared. */
export interface Queued {
  readonly key: string;
  pod: Stored<Pod>;
  attempts: number;
  /** Which changes could help; while it is unschedulable. */
  wakes: ReadonlySet<ClusterChange>;
  /** Monotonic, ms: not before this, unless nobody else wants to. */
  notBeforeMs: number;
  /** It failed by an error, not by a refusal: it waits out its time in any case. */
  erred: boolean;
  /** The number of changes when its attempt began. */
  since: number;
  /** It has itself changed since then. */
  changed: boolean;
  state: 'active' | 'backoff' | 'unschedulable' | 'busy';
}

const FIRST_BACKOFF_MS = 1000;
const LONGEST_BACKOFF_MS = 10_000;
/** Even when nothing that matters seems to change. */
const LONGEST_WAIT_MS = 5 * 60_000;

/**
 * Pods that wait for a node: ready ones by priority, those that back off, and those that no node takes until something changes.
 * `ready` is called when there may be something to pop.
 */
export class SchedulingQueue implements Disposable {
  readonly #clock: Clock;
  readonly #ready: () => void;
  readonly #all = new Map<string, Queued>();
  /** By priority; among equals who came first goes first. */
  readonly #active = new Map<number, Set<Queued>>();
  readonly #backoff = new Set<Queued>();
  readonly #unschedulable = new Set<Queued>();
  #changes = 0;
  readonly #lastChange = new Map<ClusterChange, number>();
  #timer: Timer | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, ready: () => void) {
    this.#clock = clock;
    this.#ready = ready;
  }

  get size(): number {
    return this.#all.size;
  }

  /** A pod that is new or has changed. What made it unschedulable may have changed with it. */
  put(pod: Stored<Pod>): void {
    const key = podKey(pod);
    const found = this.#all.get(key);
    if (found !== undefined && found.pod.metadata.uid === pod.metadata.uid) {
      const matters = found.pod.metadata.generation !== pod.metadata.generation || !sameWords(found.pod.metadata.labels, pod.metadata.labels);
      found.pod = pod;
      if (matters && found.state === 'unschedulable') this.#wake(found);
      else if (matters) found.changed = true;
      return;
    }
    this.remove(pod);
    const queued: Queued = { key, pod, attempts: 0, wakes: new Set(), notBeforeMs: 0, erred: false, since: 0, changed: false, state: 'busy' };
    this.#all.set(key, queued);
    this.#activate(queued);
    this.#ready();
  }

  remove(pod: Pod): void {
    const found = this.#all.get(podKey(pod));
    if (found === undefined) return;
    this.#all.delete(found.key);
    this.#leave(found);
  }

  /** The next pod to try; it is busy until `refused`, `erred` or `remove`. */
  pop(): Queued | undefined {
    const nowMs = this.#clock.monotonic();
    for (const each of this.#backoff) if (each.notBeforeMs <= nowMs) this.#activate(each);
    const chosen = this.#first();
    if (chosen === undefined) return undefined;
    this.#leave(chosen);
    chosen.attempts++;
    chosen.since = this.#changes;
    chosen.changed = false;
    return chosen;
  }

  /** No node took it: it waits for one of the changes. One that came while it was tried counts. */
  refused(queued: Queued, wakes: ReadonlySet<ClusterChange>): void {
    if (this.#all.get(queued.key) !== queued) return;
    queued.wakes = wakes;
    queued.erred = false;
    queued.notBeforeMs = this.#clock.monotonic() + backoffMs(queued.attempts);
    queued.state = 'unschedulable';
    this.#unschedulable.add(queued);
    if (queued.changed || [...wakes].some((change) => (this.#lastChange.get(change) ?? 0) > queued.since)) this.#wake(queued);
    else this.#arm(this.#clock.monotonic() + LONGEST_WAIT_MS);
  }

  /** Something went wrong: again after a while. `overtaken`: only because the cache lags behind; soon, but not for ever soon. */
  erred(queued: Queued, overtaken = false): void {
    if (this.#all.get(queued.key) !== queued) return;
    queued.erred = !overtaken || queued.attempts > 3;
    queued.notBeforeMs = this.#clock.monotonic() + backoffMs(queued.attempts);
    queued.state = 'backoff';
    this.#backoff.add(queued);
    this.#arm(queued.notBeforeMs);
    if (!queued.erred) this.#ready();
  }

  /** Something changed in the cluster. */
  changed(change: ClusterChange): void {
    this.#changes++;
    this.#lastChange.set(change, this.#changes);
    for (const each of [...this.#unschedulable]) if (each.wakes.has(change)) this.#wake(each);
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    for (const { pod } of [...this.#all.values()]) this.remove(pod);
  }

  #first(): Queued | undefined {
    const highest = Math.max(...this.#active.keys());
    for (const queued of this.#active.get(highest) ?? []) return queued;
    // Nobody is served by waiting while the scheduler has nothing else to do (upstream since 1.33).
    for (const queued of this.#backoff) if (!queued.erred) return queued;
    return undefined;
  }

  #activate(queued: Queued): void {
    this.#leave(queued);
    queued.state = 'active';
    const priority = podPriority(queued.pod);
    const equals = this.#active.get(priority);
    if (equals === undefined) this.#active.set(priority, new Set([queued]));
    else equals.add(queued);
  }

  /** Out of whatever it waits in. */
  #leave(queued: Queued): void {
    queued.state = 'busy';
    this.#backoff.delete(queued);
    this.#unschedulable.delete(queued);
    for (const [priority, equals] of this.#active) if (equals.delete(queued) && equals.size === 0) this.#active.delete(priority);
  }

  #wake(queued: Queued): void {
    this.#leave(queued);
    if (queued.notBeforeMs <= this.#clock.monotonic()) this.#activate(queued);
    else {
      queued.state = 'backoff';
      this.#backoff.add(queued);
      this.#arm(queued.notBeforeMs);
    }
    this.#ready();
  }

  #arm(atMs: number): void {
    if (atMs >= this.#timerAtMs) return;
    this.#timer?.[Symbol.dispose]();
    this.#timerAtMs = atMs;
    this.#timer = this.#clock.setTimer(atMs - this.#clock.monotonic(), () => this.#round());
  }

  #round(): void {
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.monotonic();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const each of [...this.#backoff, ...this.#unschedulable]) {
      // The backoff is shorter than the longest wait, and began with it.
      const dueMs = each.state === 'backoff' ? each.notBeforeMs : each.notBeforeMs - backoffMs(each.attempts) + LONGEST_WAIT_MS;
      if (dueMs <= nowMs) this.#activate(each);
      else nextMs = Math.min(nextMs, dueMs);
    }
    if (nextMs < Number.POSITIVE_INFINITY) this.#arm(nextMs);
    this.#ready();
  }
}

function backoffMs(attempts: number): number {
  return Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(attempts - 1, 10));
}
