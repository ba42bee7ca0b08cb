import { nodes, pods } from '../api/gen/resources.ts';
import type { Node, Pod } from '../api/gen/types/core.v1.ts';
import { isPodTerminal } from '../api/core/pod.rules.ts';
import { sleep } from '../base/clock.ts';
import { Disposals } from '../base/disposal.ts';
import { failure } from '../base/log.ts';
import type { Component, ComponentOptions, EventRecorder } from '../client/component.ts';
import type { Stored } from '../machinery/object.ts';
import { StatusError } from '../machinery/status-error.ts';
import { Cache } from './cache.ts';
import { ClusterView } from './cluster-view.ts';
import { decide, type Decision } from './cycle.ts';
import { Nominations } from './nominations.ts';
import { nodeChanged, podChange } from './changes.ts';
import type { ClusterChange, Plugin, World } from './plugin.ts';
import { defaultPlugins } from './plugins/all.ts';
import { type PodInfo, podInfo, podKey } from './pod-info.ts';
import { evict, type PodVerdict, statusPatch } from './pod-status.ts';
import { type Queued, SchedulingQueue } from './queue.ts';
import { VolumeBinder } from './volume-binder.ts';
import { VolumeState } from './volume-state.ts';

export interface SchedulerOptions extends ComponentOptions {
  /** Pods that name it in `schedulerName` are its own. Default: default-scheduler. */
  readonly schedulerName?: string;
  readonly plugins?: readonly Plugin[];
}

/** The loop lets others have their turn after so long. */
const SLICE_MS = 5;

/** A binding whose answer was lost is asked for so often. */
const LOOK_AGAIN_MS = 1000;

/** Whether the server has decided: anything else leaves open what happened. */
const isRefusal = (thrown: unknown): boolean => thrown instanceof StatusError && thrown.code < 500;

/** Finds each of its pods a node. Decisions are made one after the other, and carried out side by side. */
export async function startScheduler(options: SchedulerOptions): Promise<Component> {
  const scheduler = new Scheduler(options);
  scheduler.start();
  return { name: scheduler.name, [Symbol.asyncDispose]: () => scheduler.end() };
}

class Scheduler {
  readonly name: string;
  readonly #options: SchedulerOptions;
  readonly #plugins: readonly Plugin[];
  readonly #recorder: EventRecorder;
  readonly #cache = new Cache();
  readonly #nominations = new Nominations();
  readonly #queue: SchedulingQueue;
  readonly #view: ClusterView;
  readonly #volumes: VolumeState;
  readonly #binder: VolumeBinder;
  readonly #ends = new Disposals();
  readonly #ended = new AbortController();
  /** Bindings under way, by pod. */
  readonly #bindings = new Map<string, AbortController>();
  readonly #work = new Set<Promise<void>>();
  #synced = false;
  #looping = false;
  /** There may be something to try that the loop has not looked for yet. */
  #asked = false;
  #startAt = 0;

  constructor(options: SchedulerOptions) {
    this.name = options.schedulerName ?? 'default-scheduler';
    this.#options = options;
    this.#plugins = options.plugins ?? defaultPlugins;
    this.#recorder = options.recorder.as(this.name);
    this.#queue = new SchedulingQueue(options.clock, () => this.#loop());
    this.#view = new ClusterView(options.informers);
    this.#volumes = new VolumeState(options.informers, (node) => this.#cache.nodeLabels(node));
    this.#binder = new VolumeBinder(options.client, options.clock, this.#volumes);
  }

  start(): void {
    const { informers, log } = this.#options;
    const changed = (change: ClusterChange): void => this.#queue.changed(change);
    const nodeInformer = informers.of(nodes);
    const podInformer = informers.of(pods);
    for (const each of [...this.#volumes.subscribe(changed), ...this.#view.subscribe(changed)]) this.#ends.use(each);
    this.#ends.use(
      nodeInformer.onChange({
        added: (node) => this.#nodeSeen(node, undefined),
        updated: (node, previous) => this.#nodeSeen(node, previous),
        deleted: (node) => this.#cache.removeNode(node.metadata.name),
      }),
    );
    this.#ends.use(
      podInformer.onChange({
        added: (pod) => this.#podSeen(pod, undefined),
        updated: (pod, previous) => this.#podSeen(pod, previous),
        deleted: (pod) => this.#podGone(pod),
      }),
    );
    const synced = Promise.all([nodeInformer.whenSynced(), podInformer.whenSynced(), this.#volumes.whenSynced(), this.#view.whenSynced()]);
    synced.then(
      () => {
        this.#synced = true;
        this.#loop();
      },
      (thrown: unknown) => {
        if (!this.#ended.signal.aborted) log.error('the scheduler never started: a source ended before its first list', failure(thrown));
      },
    );
  }

  async end(): Promise<void> {
    this.#ended.abort();
    await this.#ends[Symbol.asyncDispose]();
    this.#queue[Symbol.dispose]();
    for (const binding of this.#bindings.values()) binding.abort();
    while (this.#work.size > 0) await Promise.allSettled(this.#work);
  }

  // ── what happens in the cluster ────────────────────────────────────────────────────────────────────────────────────

  #nodeSeen(node: Stored<Node>, previous: Stored<Node> | undefined): void {
    this.#cache.putNode(node);
    if (previous === undefined || nodeChanged(node, previous)) this.#queue.changed('node');
  }

  #podSeen(pod: Stored<Pod>, previous: Stored<Pod> | undefined): void {
    if ((pod.spec?.nodeName ?? '') !== '') {
      this.#queue.remove(pod);
      this.#nominations.remove(pod);
      this.#cache.putPod(pod);
      const change = podChange(pod, previous);
      if (change !== undefined) this.#queue.changed(change);
      return;
    }
    if (pod.spec?.schedulerName !== this.name) return;
    const isOver = pod.metadata.deletionTimestamp !== undefined || isPodTerminal(pod);
    if (isOver || (pod.spec.schedulingGates ?? []).length > 0) {
      this.#queue.remove(pod);
      this.#nominations.remove(pod);
      return;
    }
    this.#nominations.put(pod);
    this.#queue.put(pod);
  }

  #podGone(pod: Stored<Pod>): void {
    this.#bindings.get(podKey(pod))?.abort();
    this.#queue.remove(pod);
    this.#nominations.remove(pod);
    this.#cache.removePod(pod);
    this.#queue.changed('pod-gone');
  }

  // ── deciding ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** In a microtask of its own: what made it necessary is finished first. */
  #loop(): void {
    if (!this.#synced || this.#ended.signal.aborted) return;
    this.#asked = true;
    if (this.#looping) return;
    this.#looping = true;
    this.#track(this.#run());
  }

  async #run(): Promise<void> {
    try {
      await Promise.resolve();
      // What comes while the last look ends is looked for as well: nothing is awaited between the question and the end.
      while (this.#asked) {
        this.#asked = false;
        await this.#attemptAll();
      }
    } finally {
      this.#looping = false;
    }
  }

  async #attemptAll(): Promise<void> {
    const { clock } = this.#options;
    let sinceMs = clock.monotonic();
    for (let queued = this.#queue.pop(); queued !== undefined && !this.#ended.signal.aborted; queued = this.#queue.pop()) {
      this.#attempt(queued);
      if (clock.monotonic() - sinceMs > SLICE_MS) {
        await sleep(clock, 0);
        sinceMs = clock.monotonic();
      }
    }
  }

  #attempt(queued: Queued): void {
    const pod = podInfo(queued.pod);
    try {
      const decision = decide(pod, this.#world(), { plugins: this.#plugins, random: this.#options.random, startAt: this.#startAt });
      if (decision.do === 'bind') this.#track(this.#bind(queued, pod, decision));
      else this.#track(this.#refuse(queued, pod, decision));
    } catch (thrown) {
      this.#track(this.#failed(queued, pod, thrown));
    }
  }

  #world(): World {
    const snapshot = this.#cache.snapshot();
    this.#startAt = snapshot.length === 0 ? 0 : (this.#startAt + 100) % snapshot.length;
    const view = this.#view;
    return {
      nodes: snapshot,
      volumes: this.#volumes,
      namespaceLabels: (namespace) => view.namespaceLabels(namespace),
      groupsOf: (pod) => view.groupsOf(pod),
      budgetsOf: (namespace) => view.budgetsOf(namespace),
      nominatedTo: (node) => this.#nominations.to(node),
    };
  }

  // ── acting ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  async #bind(queued: Queued, pod: PodInfo, { node, volumes }: Extract<Decision, { do: 'bind' }>): Promise<void> {
    const { log } = this.#options;
    const binding = new AbortController();
    this.#bindings.set(queued.key, binding);
    this.#cache.assume(pod, node);
    this.#volumes.assume(volumes, node);
    this.#nominations.remove(pod.pod);
    const { namespace, name } = pod;
    try {
      await this.#binder.bind(volumes, node, binding.signal);
      await this.#write(pod, node, binding.signal);
      this.#recorder.event(pod.pod, 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${node}`);
      log.debug('pod scheduled', { pod: queued.key, node, attempts: queued.attempts });
      this.#volumes.forget(volumes);
    } catch (thrown) {
      // Before the pod can be tried again: a decision that still sees the plan as carried out would wait for what nobody does.
      this.#volumes.forget(volumes);
      this.#cache.forget(pod.pod);
      this.#queue.changed('pod-gone');
      if (!binding.signal.aborted) await this.#failed(queued, pod, thrown);
    } finally {
      if (this.#bindings.get(queued.key) === binding) this.#bindings.delete(queued.key);
    }
  }

  /** A binding whose answer is lost may stand: until that is known the node's room is not given to others. */
  async #write({ namespace, name, uid }: PodInfo, node: string, signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#options;
    const body = { apiVersion: 'v1', kind: 'Binding', metadata: { namespace, name, uid }, target: { kind: 'Node', name: node } };
    try {
      await client.createSubresource(pods, name, namespace, 'binding', body);
    } catch (thrown) {
      if (isRefusal(thrown)) throw thrown;
      for (;;) {
        try {
          const now = await client.get(pods, name, namespace, { signal });
          if (now.metadata.uid === uid && now.spec?.nodeName === node) return;
          throw thrown;
        } catch (again) {
          if (again === thrown || isRefusal(again) || signal.aborted || this.#ended.signal.aborted) throw thrown;
        }
        await sleep(clock, LOOK_AGAIN_MS);
      }
    }
  }

  async #refuse(queued: Queued, pod: PodInfo, { message, refusedBy, preempt, nominated }: Extract<Decision, { do: 'wait' }>): Promise<void> {
    this.#recorder.event(pod.pod, 'Warning', 'FailedScheduling', message);
    if (preempt !== undefined) this.#nominations.promise(pod, preempt.node);
    else if (nominated === 'drop') this.#nominations.remove(pod.pod);
    const nominatedNodeName = preempt?.node ?? (nominated === 'keep' ? undefined : '');
    await this.#say(pod.pod, { reason: 'Unschedulable', message, nominatedNodeName });
    if (preempt !== undefined) await Promise.all(preempt.victims.map((victim) => this.#evict(victim, pod, preempt.node)));
    const wakes = new Set(this.#plugins.filter(({ name }) => refusedBy.has(name)).flatMap(({ events }) => events));
    this.#queue.refused(queued, wakes);
  }

  async #evict(victim: PodInfo, pod: PodInfo, node: string): Promise<void> {
    const { client, clock, log } = this.#options;
    try {
      await evict(client, victim.pod, clock.now());
      this.#recorder.event(victim.pod, 'Normal', 'Preempted', `Preempted by pod ${pod.uid} on node ${node}`);
    } catch (thrown) {
      if (!(thrown instanceof StatusError && thrown.reason === 'NotFound'))
        log.warn('a pod could not be preempted', { pod: podKey(victim.pod), ...failure(thrown) });
    }
  }

  /** Something went wrong that says nothing about the pod: it is tried again. */
  async #failed(queued: Queued, pod: PodInfo, thrown: unknown): Promise<void> {
    if (this.#ended.signal.aborted) return;
    const reason = thrown instanceof StatusError ? thrown.reason : undefined;
    const overtaken = reason === 'NotFound' || reason === 'Conflict';
    if (overtaken) {
      // The cache lags behind: what is new will come, and the pod with it.
      this.#options.log.debug('scheduling was overtaken', { pod: queued.key, ...failure(thrown) });
    } else {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      this.#options.log.warn('scheduling failed, will be repeated', { pod: queued.key, ...failure(thrown) });
      this.#recorder.event(pod.pod, 'Warning', 'FailedScheduling', message);
      await this.#say(pod.pod, { reason: 'SchedulerError', message });
    }
    this.#queue.erred(queued, overtaken);
  }

  async #say(pod: Stored<Pod>, verdict: PodVerdict): Promise<void> {
    const { client, clock, log } = this.#options;
    const body = statusPatch(pod, verdict, clock.now());
    if (body === undefined) return;
    const { name, namespace } = pod.metadata;
    try {
      await client.patch(pods, name, { type: 'strategic', body }, { namespace, subresource: 'status' });
    } catch (thrown) {
      if (!(thrown instanceof StatusError && thrown.reason === 'NotFound'))
        log.warn('the condition of a pod could not be written', { pod: podKey(pod), ...failure(thrown) });
    }
  }

  #track(work: Promise<void>): void {
    const settled = work
      .catch((thrown: unknown) => this.#options.log.error('the scheduler failed', failure(thrown)))
      .then(() => void this.#work.delete(settled));
    this.#work.add(settled);
  }
}
