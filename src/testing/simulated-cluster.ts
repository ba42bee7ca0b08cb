import type { Kind } from '../api/kind.ts';
import { builtinKinds } from '../api/registry.ts';
import { ADMIN, CONTROLLERS, NETWORK_NOTICES, SCHEDULER, STORAGE } from '../apiserver/bootstrap/identities.ts';
import type { Projection } from '../apiserver/codec/projection.ts';
import { defined, InvariantError } from '../base/assert.ts';
import { silentLog, type Log } from '../base/log.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { createClient } from '../client/api-client.ts';
import type { Client } from '../client/client.ts';
import type { Component } from '../client/component.ts';
import { inProcessTransport, type Transport } from '../client/transport.ts';
import { ControlPlane } from '../cluster/control-plane.ts';
import { hmacKeys } from '../cluster/node-keys.ts';
import { createSimulatedMachine, type SimulatedMachine, startSimulatedNode } from '../cluster/simulated-nodes.ts';
import { startControllers } from '../controllers/controllers.ts';
import type { ApiHandler, UserInfo } from '../machinery/exchange.ts';
import { StatusError } from '../machinery/status-error.ts';
import { startNetworkNotices } from '../network/notices.ts';
import { startScheduler } from '../scheduler/scheduler.ts';
import { startStorage } from '../storage/storage.ts';
import { openMemoryStore } from '../store/memory.ts';
import { defaultStoreSettings } from '../store/settings.ts';
import type { Store } from '../store/store.ts';
import { Connections } from './connections.ts';
import { drain } from './drain.ts';
import { outliving } from './outliving-store.ts';
import { type FaultRates, Faults, NO_FAULTS } from './faults.ts';
import { FaultyTransport } from './faulty-transport.ts';
import type { Plant } from './plants.ts';
import { ClusterRecord } from './record.ts';
import { seeded } from './seed.ts';
import { type Selector, StoreTruth, Follower } from './told.ts';

export type ControlComponent = 'controllers' | 'scheduler' | 'storage' | 'network';

export const CONTROL_COMPONENTS: readonly ControlComponent[] = ['controllers', 'scheduler', 'storage', 'network'];

export interface SimulatedClusterOptions {
  /** The same seed gives the same cluster, byte for byte. Default 1. */
  readonly seed?: number;
  /** Default 1. They are called `node-0`, `node-1` … */
  readonly nodes?: number;
  /** What goes wrong between the components and the API server. Default: nothing. `faults` changes it while the cluster runs. */
  readonly faults?: FaultRates;
  /** How long containers take to start and images to be pulled. Default: no time at all. */
  readonly latency?: { readonly sandboxMs: number; readonly startMs: number; readonly pullMs: number };
  readonly extendedResources?: Readonly<Record<string, number>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** A bug on purpose. */
  readonly plant?: Plant | undefined;
  readonly log?: Log;
}

interface Running {
  readonly component: Component;
  readonly connections: Connections;
}

const LONGEST_START_MS = 30 * 60_000;
const START_AGAIN_MS = 1_000;
/** Far more than any run makes: somebody writes without end. */
const MOST_CHANGES = 200_000;
/** Far more steps than any run makes at one moment: something repeats without letting time go on. */
const MOST_STEPS_AT_ONCE = 20_000;

/** Something went on writing. */
export class NotQuietError extends Error {
  override readonly name = 'NotQuietError';
}

/**
 * A whole cluster in this process, on time that moves only when told: the real API server, controllers, scheduler, storage and
 * kubelets, over a store in memory and machines in memory.
 */
export class SimulatedCluster implements AsyncDisposable {
  readonly clock: VirtualClock;
  /** Everything that happened, as a watcher of everything saw it. */
  readonly record: ClusterRecord;
  /** The owner's own way in: nothing goes wrong on it, and it may do everything. */
  readonly client: Client;
  /** What goes wrong from now on. */
  faults: FaultRates;
  readonly #refusals = new Set<string>();
  readonly #options: SimulatedClusterOptions;
  readonly #store: Store<Projection>;
  #plane: ControlPlane;
  #ending = false;
  #instant = { ms: 0, steps: 0 };
  readonly #running = new Map<string, Running>();
  readonly #machines = new Map<string, { readonly index: number; readonly machine: SimulatedMachine }>();
  readonly #starts = new Map<string, number>();
  readonly #truth: StoreTruth;
  readonly #followers: Follower[] = [];

  private constructor(options: SimulatedClusterOptions, plane: ControlPlane, store: Store<Projection>, clock: VirtualClock) {
    this.#options = options;
    this.#plane = plane;
    this.#store = store;
    this.clock = clock;
    this.faults = options.faults ?? NO_FAULTS;
    this.record = new ClusterRecord(clock);
    this.#truth = new StoreTruth(store);
    this.client = createClient(this.#transport(ADMIN, 'test'), 'test');
    for (let index = 0; index < (options.nodes ?? 1); index++) {
      const machine = createSimulatedMachine({
        clock,
        random: this.#random(`machine ${index}`),
        index,
        ...(options.latency === undefined ? {} : { latency: options.latency }),
      });
      this.#machines.set(`node-${index}`, { index, machine });
    }
  }

  /** Resolves when the API is ready and every node is registered. */
  static async start(options: SimulatedClusterOptions = {}): Promise<SimulatedCluster> {
    const clock = new VirtualClock();
    const store = openMemoryStore<Projection>({ clock, settings: defaultStoreSettings });
    const cluster = new SimulatedCluster(options, await openPlane(options, store, clock, 1), store, clock);
    try {
      await cluster.#begin();
    } catch (thrown) {
      await cluster[Symbol.asyncDispose]();
      throw thrown;
    }
    return cluster;
  }

  /**
   * What a component asked for and has no right to, in the server's words. Nodes are left out: theirs come and go with their pods,
   * and whoever asks for a secret of a pod that has just gone is rightly refused.
   */
  get refusals(): readonly string[] {
    return [...this.#refusals];
  }

  /** From now on a client follows what is selected, on a way on which the faults of the components happen. */
  follow(selector: Selector): void {
    const name = `follower ${this.#followers.length}`;
    const faults = new Faults(this.#random(`${name} faults`), () => this.faults);
    const way = new FaultyTransport({ inner: this.#transport(ADMIN, name), clock: this.clock, faults });
    const mayPause = (): boolean => this.faults !== NO_FAULTS;
    this.#followers.push(new Follower({ selector, way, clock: this.clock, random: this.#random(name), mayPause }));
  }

  /** How often followers have begun a watch. */
  get followerWatches(): number {
    return this.#followers.reduce((sum, { watches }) => sum + watches, 0);
  }

  /** What is wrong with what the followers were told; at rest, when all of it has arrived. */
  followerFaults(): readonly string[] {
    return this.#followers.flatMap((follower) => follower.faults(this.#truth, this.#store.revision));
  }

  get nodeNames(): readonly string[] {
    return [...this.#machines.keys()];
  }

  isRunning(component: ControlComponent | string): boolean {
    return this.#running.has(component);
  }

  /** Lets so much time pass. */
  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms, () => this.#drain());
  }

  /** Lets time pass until the work is done; throws when that takes longer than `withinMs`. */
  async perform<T>(work: PromiseLike<T>, withinMs = LONGEST_START_MS): Promise<T> {
    let isDone = false;
    const watched = Promise.resolve(work).finally(() => {
      isDone = true;
    });
    watched.catch(() => {});
    const endMs = this.clock.monotonic() + withinMs;
    await this.#drain();
    while (!isDone) {
      if (!this.clock.step(endMs - this.clock.monotonic())) throw new Error(`no answer within ${withinMs} ms of virtual time`);
      await this.#drain();
    }
    return watched;
  }

  /** Lets time pass until it holds, looking after each change; throws when it does not within `withinMs`. */
  async until(what: string, holds: () => boolean | Promise<boolean>, withinMs = 60_000): Promise<void> {
    const endMs = this.clock.monotonic() + withinMs;
    await this.#drain();
    while (!(await holds())) {
      if (!this.clock.step(endMs - this.clock.monotonic())) throw new Error(`not within ${withinMs / 1000} s: ${what}`);
      await this.#drain();
    }
  }

  /** Lets time pass until nothing but heartbeats has been written for `quietMs`. Says how long it took; throws after `withinMs`. */
  async settle({ quietMs = 30_000, withinMs = 60 * 60_000 }: { readonly quietMs?: number; readonly withinMs?: number } = {}): Promise<number> {
    const startMs = this.clock.monotonic();
    await this.advance(0);
    for (;;) {
      const nowMs = this.clock.monotonic();
      const leftMs = Math.max(this.record.changedMs, startMs) + quietMs - nowMs;
      if (leftMs <= 0) return nowMs - startMs;
      if (nowMs - startMs > withinMs)
        throw new NotQuietError(`not quiet after ${withinMs / 60_000} minutes; the last that happened:\n${this.record.lines.slice(-20).join('\n')}`);
      await this.advance(leftMs);
    }
  }

  /** Ends a component and starts it again on the same state. `kill`: it can't finish what it was doing. */
  async restart(name: ControlComponent | string, { kill }: { readonly kill: boolean }): Promise<void> {
    await this.stop(name, { kill });
    await this.startComponent(name);
  }

  async stop(name: ControlComponent | string, { kill }: { readonly kill: boolean }): Promise<void> {
    const running = defined(this.#running.get(name), `the running ${name}`);
    this.record.note(`${kill ? 'kill' : 'stop'} ${name}`);
    if (kill) running.connections.cut();
    this.#running.delete(name);
    await this.perform(running.component[Symbol.asyncDispose]());
    await this.perform(running.connections[Symbol.asyncDispose]());
  }

  /** A node's machine goes down: its kubelet, its containers and its mounts are gone at once; its disks stay. */
  async crashNode(name: string): Promise<void> {
    const { machine } = defined(this.#machines.get(name), `the machine ${name}`);
    if (this.#running.has(name)) await this.stop(name, { kill: true });
    this.record.note(`crash ${name}`);
    machine.host.reboot();
    machine.runtime.reboot();
  }

  /** What was stopped, or a node that crashed, starts again on what is there; repeated until it succeeds. */
  async startComponent(name: ControlComponent | string): Promise<void> {
    if (this.#running.has(name)) throw new Error(`${name} runs already`);
    for (;;) {
      const starts = (this.#starts.get(name) ?? 0) + 1;
      this.#starts.set(name, starts);
      this.record.note(`start ${name}`);
      const connections = this.#connect(`${name} ${starts}`);
      try {
        this.#running.set(name, { component: await this.perform(this.#startOne(name, connections)), connections });
        return;
      } catch (thrown) {
        await connections[Symbol.asyncDispose]();
        this.record.note(`start of ${name} failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
        if (starts > 100) throw thrown;
        await this.advance(START_AGAIN_MS);
      }
    }
  }

  /** The API server ends, with every watch and request, and comes back on the same store. Its watchers go on from where they were. */
  async restartServer(): Promise<void> {
    this.record.note('restart API server');
    this.record.end();
    await this.perform(this.#plane[Symbol.asyncDispose]());
    const life = (this.#starts.get('api server') ?? 1) + 1;
    this.#starts.set('api server', life);
    this.#plane = await openPlane(this.#options, this.#store, this.clock, life);
    await this.record.start(this.#transport(ADMIN, 'record'), servedKinds(), String(this.#store.revision));
    await this.perform(this.#plane.bootstrap());
  }

  /** Throws when a timer is left: somebody has started something and not ended it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending = true;
    for (const follower of this.#followers) await follower[Symbol.asyncDispose]();
    for (const { component, connections } of [...this.#running.values()].reverse()) {
      await this.perform(component[Symbol.asyncDispose]());
      await connections[Symbol.asyncDispose]();
    }
    this.#running.clear();
    for (const { machine } of this.#machines.values()) await machine[Symbol.asyncDispose]();
    this.record.end();
    await this.perform(this.#plane[Symbol.asyncDispose]());
    await this.perform(this.#store[Symbol.asyncDispose]());
    await drain();
    if (this.clock.nextInMs() !== undefined) throw new InvariantError('the cluster has ended, and a timer is left');
  }

  async #begin(): Promise<void> {
    await this.record.start(this.#transport(ADMIN, 'record'), servedKinds());
    await this.perform(this.#plane.bootstrap());
    for (const name of [...CONTROL_COMPONENTS, ...this.#machines.keys()]) await this.startComponent(name);
  }

  async #startOne(name: string, connections: Connections): Promise<Component> {
    const { plant } = this.#options;
    switch (name) {
      case 'controllers':
        return startControllers({ ...connections.controllers(CONTROLLERS, 'kube-controller-manager'), caPem: CA });
      case 'scheduler':
        return startScheduler({
          ...connections.components(SCHEDULER, 'default-scheduler'),
          ...(plant?.schedulerPlugins === undefined ? {} : { plugins: plant.schedulerPlugins }),
        });
      case 'storage':
        return startStorage(connections.controllers(STORAGE, 'berth-storage'));
      case 'network':
        return startNetworkNotices(connections.components(NETWORK_NOTICES, 'berth-network'));
      default:
        return this.#startNode(name, connections);
    }
  }

  async #drain(): Promise<void> {
    await drain();
    if (this.#ending) return;
    const ms = this.clock.monotonic();
    this.#instant = { ms, steps: ms === this.#instant.ms ? this.#instant.steps + 1 : 0 };
    const what =
      this.record.lines.length > MOST_CHANGES
        ? `${MOST_CHANGES} changes`
        : this.#instant.steps > MOST_STEPS_AT_ONCE
          ? `${MOST_STEPS_AT_ONCE} steps, and time stands still at ${ms} ms`
          : undefined;
    if (what !== undefined) throw new NotQuietError(`${what}; the last that happened:\n${this.record.lines.slice(-20).join('\n')}`);
  }

  #startNode(nodeName: string, connections: Connections): Promise<Component> {
    const { index, machine } = defined(this.#machines.get(nodeName), `the machine ${nodeName}`);
    const { extendedResources = {}, labels = {} } = this.#options;
    return startSimulatedNode({
      machine,
      components: (user, name) => connections.components(user, name),
      nodeName,
      index,
      mark: 'simulated',
      extendedResources,
      labels,
      clock: this.clock,
    });
  }

  #connect(life: string): Connections {
    return new Connections({
      clock: this.clock,
      log: this.#options.log ?? silentLog,
      transport: (user, name) => this.#transport(user, name),
      rates: () => this.faults,
      random: (purpose) => this.#random(`${life} ${purpose}`),
    });
  }

  #transport(user: UserInfo, name: string): Transport {
    const { plant } = this.#options;
    // The server of the moment: it may be another one after a restart.
    const server: ApiHandler = {
      request: (request) => this.#heard(user, this.#plane.api.handler.request(request)),
      watch: (request, sink) => this.#heard(user, this.#plane.api.handler.watch(request, sink)),
    };
    const way = inProcessTransport(server, user, name);
    return plant?.transport?.(name, way, this.#store) ?? way;
  }

  async #heard<T>(user: UserInfo, answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (thrown) {
      const isRefused = thrown instanceof StatusError && thrown.reason === 'Forbidden' && thrown.message.includes(`User ${JSON.stringify(user.name)} cannot `);
      if (isRefused && !user.groups.includes('system:nodes')) this.#refusals.add(thrown.message);
      throw thrown;
    }
  }

  #random(purpose: string): ReturnType<typeof seeded> {
    return seeded(this.#options.seed ?? 1, purpose);
  }
}

const CA = 'simulated';

const servedKinds = (): readonly Kind[] => builtinKinds().filter(({ servedByDefault }) => servedByDefault);

/** `life`: how often the server has been started. */
function openPlane(
  { seed = 1, plant, log = silentLog }: SimulatedClusterOptions,
  store: Store<Projection>,
  clock: VirtualClock,
  life: number,
): Promise<ControlPlane> {
  const random = seeded(seed, `api server ${life}`);
  // The signing key outlives the server.
  const secret = seeded(seed, 'keys').bytes(32);
  return ControlPlane.open({
    clock,
    random: plant?.random?.(random) ?? random,
    keys: hmacKeys(secret, random),
    log,
    openStore: async () => outliving(store),
    yieldToLoop: () => Promise.resolve(),
    addresses: () => ({ serviceIp: '10.96.0.1', serviceCidr: '10.96.0.0/16', advertiseIp: '192.0.2.1', port: 6443 }),
    caPem: CA,
    serviceCidr: '10.96.0.0/16',
    nodePorts: { first: 30_000, last: 32_767 },
    runtimeConfig: {},
  });
}
