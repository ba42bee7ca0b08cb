import type { Clock, Timer } from '../../base/clock.ts';
import { failure, type Log } from '../../base/log.ts';
import type { Container, Runtime, RuntimeEvent, Sandbox } from '../runtime/runtime.ts';

/** Against an event that got lost without anybody noticing. */
const RELIST_MS = 300_000;
const RETRY_MS = 1_000;

export interface PodRuntime {
  /** Newest first. */
  readonly sandboxes: readonly Sandbox[];
  /** Newest first. */
  readonly containers: readonly Container[];
}

/** What runs, by pod: kept by the runtime's events, and by a list at the start and whenever events may have been lost. */
export class RuntimeCache implements Disposable {
  readonly #runtime: Runtime;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #sandboxes = new Map<string, Sandbox>();
  readonly #containers = new Map<string, Container>();
  readonly #byPod = new Map<string, Set<string>>();
  readonly #changed: (podUid: string) => void;
  /** For each list that is being made, what was looked at or forgotten meanwhile: what the list says of that is older. */
  readonly #lists = new Set<Set<string>>();
  #events: Disposable | undefined;
  #timer: Timer | undefined;
  #ended = false;

  constructor(options: { readonly runtime: Runtime; readonly clock: Clock; readonly log: Log; readonly changed: (podUid: string) => void }) {
    this.#runtime = options.runtime;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#changed = options.changed;
  }

  async start(): Promise<void> {
    this.#events = this.#runtime.events((event) => void this.#receive(event));
    await this.#list();
    this.#arm(RELIST_MS);
  }

  podUids(): readonly string[] {
    return [...this.#byPod.keys()];
  }

  ofPod(uid: string): PodRuntime {
    const ids = [...(this.#byPod.get(uid) ?? [])];
    const newest = (a: { readonly attempt: number; readonly createdAtMs: number }, b: { readonly attempt: number; readonly createdAtMs: number }): number =>
      b.attempt - a.attempt || b.createdAtMs - a.createdAtMs;
    return {
      sandboxes: ids.flatMap((id) => this.#sandboxes.get(id) ?? []).sort(newest),
      containers: ids.flatMap((id) => this.#containers.get(id) ?? []).sort(newest),
    };
  }

  /** A fresh look, after something was done to it. Throws CriError. */
  async refreshContainer(id: string): Promise<void> {
    const container = await this.#runtime.container(id);
    if (container === undefined) this.#drop(id);
    else this.#keepContainer(container);
  }

  async refreshSandbox(id: string): Promise<void> {
    const sandbox = await this.#runtime.sandbox(id);
    if (sandbox === undefined) this.#drop(id);
    else this.#keepSandbox(sandbox);
  }

  forget(id: string): void {
    this.#drop(id);
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#events?.[Symbol.dispose]();
    this.#timer?.[Symbol.dispose]();
  }

  #arm(delayMs: number): void {
    this.#timer?.[Symbol.dispose]();
    if (this.#ended) return;
    this.#timer = this.#clock.setTimer(delayMs, () => {
      void this.#list().then(
        () => this.#arm(RELIST_MS),
        (thrown: unknown) => {
          this.#log.warn('listing containers failed, trying again', failure(thrown));
          this.#arm(RETRY_MS);
        },
      );
    });
  }

  /** Never rejects. */
  async #receive(event: RuntimeEvent): Promise<void> {
    if (event.type === 'lost') return this.#arm(0);
    try {
      const id = event.containerId;
      if (this.#sandboxes.has(id)) return await this.refreshSandbox(id);
      if (event.type === 'deleted' || event.type === 'oom') {
        if (this.#containers.has(id)) await this.refreshContainer(id);
        return;
      }
      // What is not known yet is either a sandbox or a container that is just being made: its maker looks at it.
      if (this.#containers.has(id)) await this.refreshContainer(id);
    } catch (thrown) {
      this.#log.warn('looking at a container failed, listing all', failure(thrown));
      this.#arm(RETRY_MS);
    }
  }

  async #list(): Promise<void> {
    const since = new Set<string>();
    this.#lists.add(since);
    const { sandboxes, containers } = await this.#runtime.list().finally(() => this.#lists.delete(since));
    if (this.#ended) return;
    const there = new Set([...sandboxes, ...containers].map((x) => x.id));
    for (const id of [...this.#sandboxes.keys(), ...this.#containers.keys()]) if (!there.has(id) && !since.has(id)) this.#drop(id);
    for (const sandbox of sandboxes) if (!since.has(sandbox.id)) this.#keepSandbox(sandbox);
    for (const container of containers) if (!since.has(container.id)) this.#keepContainer(container);
  }

  #looked(id: string): void {
    for (const since of this.#lists) since.add(id);
  }

  #keepSandbox(sandbox: Sandbox): void {
    this.#looked(sandbox.id);
    const before = this.#sandboxes.get(sandbox.id);
    this.#sandboxes.set(sandbox.id, sandbox);
    if (before?.ready !== sandbox.ready || before.ips.join() !== sandbox.ips.join()) this.#note(sandbox.podUid, sandbox.id);
  }

  #keepContainer(container: Container): void {
    this.#looked(container.id);
    const before = this.#containers.get(container.id);
    // A look that began earlier may answer later: a container never goes back.
    if (before?.state === 'exited' && container.state !== 'exited') return;
    this.#containers.set(container.id, container);
    if (before?.state !== container.state || before.reason !== container.reason) this.#note(container.podUid, container.id);
  }

  #note(podUid: string, id: string): void {
    const ids = this.#byPod.get(podUid) ?? new Set<string>();
    ids.add(id);
    this.#byPod.set(podUid, ids);
    this.#changed(podUid);
  }

  #drop(id: string): void {
    this.#looked(id);
    const uid = this.#sandboxes.get(id)?.podUid ?? this.#containers.get(id)?.podUid;
    this.#sandboxes.delete(id);
    this.#containers.delete(id);
    if (uid === undefined) return;
    const ids = this.#byPod.get(uid);
    ids?.delete(id);
    if (ids?.size === 0) this.#byPod.delete(uid);
    this.#changed(uid);
  }
}
