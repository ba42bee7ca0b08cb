import { runtimeClasses } from '../../api/gen/resources.ts';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { Timer } from '../../base/clock.ts';
import { failure, type Log } from '../../base/log.ts';
import type { Stored } from '../../machinery/object.ts';
import { podLogDirectory, sandboxConfig } from '../containers/container-config.ts';
import { EmptyDirLimits } from '../volumes/empty-dir-limits.ts';
import type { PodVolumes } from '../volumes/pod-volumes.ts';
import { type Action, currentSandbox, decide } from './decide.ts';
import { killContainer } from './kill-container.ts';
import type { NodeParts } from './parts.ts';
import { containerPath, formatPod, graceSecondsOf, identity, type PodIdentity, spec } from './pod.ts';
import { PodProbes } from './pod-probes.ts';
import { deleteFromApi, removeContainer, removeRemains, removeSandbox } from './remains.ts';
import { Resizes } from './resizes.ts';
import { startContainer } from './start-container.ts';
import { StartFailure } from './start-failure.ts';
import { podStatus } from './status.ts';
import { StatusWriter } from './status-writer.ts';
import { TerminationMessages } from './termination-message.ts';
import type { BackOff } from './back-off.ts';
import type { Ending, PodMemory, PodView, StartError } from './view.ts';

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;
const START_RETRY_MS = 5_000;

export interface WorkerOptions {
  readonly parts: NodeParts;
  readonly pod: Stored<Pod>;
  /** Not in the API (any more): found on the node only. It is ended, and nothing is written about it. */
  readonly orphan: boolean;
  /** Nothing of the pod is left on the node. */
  readonly done: (uid: string) => void;
}

/**
 * The hand of one pod: looks, decides, acts, reports; woken by every change. A pass itself does not wait; what takes time runs
 * beside it, is noted in the memory that decisions see, and wakes the worker when it ends.
 */
export class PodWorker {
  readonly id: PodIdentity;
  readonly #parts: NodeParts;
  readonly #log: Log;
  readonly #done: (uid: string) => void;
  readonly #volumes: PodVolumes;
  readonly #probes: PodProbes;
  readonly #writer: StatusWriter;
  readonly #killing = new Map<string, number>();
  readonly #startErrors = new Map<string, StartError>();
  readonly #backOffs = new Map<string, BackOff>();
  readonly #messages: TerminationMessages;
  readonly #reported = new Set<string>();
  readonly #resizes: Resizes;
  readonly #starts = new AbortController();
  readonly #limits: EmptyDirLimits;
  #pod: Stored<Pod>;
  #gone: boolean;
  #starting: string | undefined;
  #sandboxBusy = false;
  #sandboxFailures = 0;
  #sandboxRetryAtMs = 0;
  #ending: Ending | undefined;
  #finishing = false;
  #finishFailures = 0;
  #takenDown = false;
  #stopped = false;
  #woken = false;
  #timer: Timer | undefined;

  constructor({ parts, pod, orphan, done }: WorkerOptions) {
    this.id = identity(pod);
    this.#parts = parts;
    this.#pod = pod;
    this.#gone = orphan;
    this.#done = done;
    this.#log = parts.options.log.child('pod', { pod: this.id.name, namespace: this.id.namespace, uid: this.id.uid });
    this.#volumes = parts.volumes.forPod(this.id, () => this.wake());
    const { host, clock } = parts.options;
    this.#messages = new TerminationMessages(host, this.#log, (id) => {
      this.#killing.delete(id);
      this.wake();
    });
    this.#resizes = new Resizes(parts, this.#log, () => this.wake());
    this.#limits = new EmptyDirLimits(pod, { volumes: this.#volumes, host, clock, log: this.#log, exceeded: (message) => this.fail('Evicted', message) });
    this.#probes = new PodProbes(
      parts,
      () => this.view(),
      () => this.wake(),
    );
    this.#writer = new StatusWriter({
      options: parts.options,
      status: (object) => (this.#gone ? undefined : podStatus({ ...this.view(), pod: object }, parts.options.addresses)),
      written: (object) => this.update(object),
      gone: () => this.removed(),
    });
    this.#probes.learn({ pod, containers: parts.runtime.ofPod(this.id.uid).containers });
    for (const c of parts.runtime.ofPod(this.id.uid).containers) parts.allocations.learn(this.id.uid, c.name, c.annotations['berth.dev/devices']);
  }

  get pod(): Stored<Pod> {
    return this.#pod;
  }

  /** Nothing of it runs, and nothing will. */
  get ended(): boolean {
    return this.#takenDown;
  }

  /** From the API; older states than the known one are dropped. */
  update(pod: Stored<Pod>): void {
    if (!isNewer(pod, this.#pod)) return;
    this.#pod = pod;
    this.#noteDeletion();
    this.wake();
  }

  /** The API has the pod no more. */
  removed(): void {
    this.#gone = true;
    this.#noteDeletion();
    this.wake();
  }

  /** The node refuses it, or puts it out: phase Failed, what runs is ended, nothing is started. */
  fail(reason: string, message: string): void {
    if (this.#ending !== undefined) return;
    this.#parts.options.recorder.event(this.#pod, 'Warning', reason, message);
    this.#end({ cause: 'failed', reason, message, atMs: this.#parts.options.clock.now(), graceSeconds: 0 });
    this.wake();
  }

  wake(): void {
    if (this.#woken || this.#stopped) return;
    this.#woken = true;
    queueMicrotask(() => {
      this.#woken = false;
      if (!this.#stopped) this.#tryPass();
    });
  }

  /** This process ends: what runs, runs on. */
  stop(): void {
    this.#stopped = true;
    this.#starts.abort(new Error('the node is stopping'));
    this.#timer?.[Symbol.dispose]();
    this.#limits[Symbol.dispose]();
    this.#probes[Symbol.dispose]();
    this.#writer[Symbol.dispose]();
    this.#volumes[Symbol.dispose]();
  }

  view(): PodView {
    const { sandboxes, containers } = this.#parts.runtime.ofPod(this.id.uid);
    // A container counts as ended only when its last words are known, so that no status tells its end without them.
    const seen = containers.map((c) =>
      c.state === 'exited' && !this.#messages.known.has(c.id) && c.startedAtMs > 0 ? { ...c, state: 'running' as const } : c,
    );
    return { pod: this.#pod, sandboxes, containers: seen, memory: this.#memory(), nowMs: this.#parts.options.clock.now() };
  }

  #memory(): PodMemory {
    return {
      volumesReady: this.#volumes.ready,
      starting: this.#starting,
      sandboxBusy: this.#sandboxBusy,
      sandboxRetryAtMs: this.#sandboxRetryAtMs,
      killing: this.#killing,
      startErrors: this.#startErrors,
      backOffs: this.#backOffs,
      probes: this.#probes.results,
      terminationMessages: this.#messages.known,
      resized: this.#resizes.done,
      resizing: this.#resizes.busy,
      ending: this.#ending,
    };
  }

  #noteDeletion(): void {
    const ending = this.#ending;
    if (!this.#gone && this.#pod.metadata.deletionTimestamp === undefined) return;
    const nowMs = this.#parts.options.clock.now();
    const graceSeconds = graceSecondsOf(this.#pod);
    if (ending === undefined) this.#end({ cause: 'deleted', atMs: nowMs, graceSeconds });
    else {
      const endMs = Math.min(ending.atMs + ending.graceSeconds * 1_000, nowMs + graceSeconds * 1_000);
      this.#ending = { ...ending, cause: ending.cause === 'failed' ? 'failed' : 'deleted', graceSeconds: Math.max(0, (endMs - ending.atMs) / 1_000) };
    }
  }

  #end(ending: Ending): void {
    this.#ending = ending;
    this.#limits[Symbol.dispose]();
    this.#starts.abort(new Error('the pod is ending'));
  }

  /** A bug that one pod brings out must not end the others. */
  #tryPass(): void {
    try {
      this.#pass();
    } catch (thrown) {
      this.#log.error('deciding about a pod failed, trying again', failure(thrown));
      this.#timer?.[Symbol.dispose]();
      this.#timer = this.#parts.options.clock.setTimer(LONGEST_RETRY_MS, () => this.wake());
    }
  }

  #pass(): void {
    this.#messages.read(this.#parts.runtime.ofPod(this.id.uid).containers);
    if (this.#ending === undefined) this.#volumes.update(this.#pod);
    const decision = decide(this.view());
    for (const action of decision.actions) this.#act(action);
    this.#probes.reconcile(this.view());
    if (!this.#gone) this.#writer.report(this.#pod);
    this.#timer?.[Symbol.dispose]();
    if (decision.againAtMs !== undefined)
      this.#timer = this.#parts.options.clock.setTimer(decision.againAtMs - this.#parts.options.clock.now(), () => this.wake());
    if (decision.ended === true) this.#finish();
  }

  #act(action: Action): void {
    switch (action.do) {
      case 'create-sandbox':
        return this.#sandbox(() => this.#createSandbox(action.attempt));
      case 'stop-sandbox':
        return this.#sandbox(async () => {
          await this.#parts.options.runtime.stopSandbox(action.id);
          await this.#parts.runtime.refreshSandbox(action.id);
        });
      case 'start':
        return this.#start(action);
      case 'kill':
        return this.#kill(action);
      case 'resize':
        return this.#resizes.start(this.#pod, action.id, action.name);
      case 'report-back-off':
        if (this.#reported.has(action.id)) return;
        this.#reported.add(action.id);
        return this.#parts.options.recorder.event(
          this.#pod,
          'Warning',
          'BackOff',
          `Back-off restarting failed container ${action.name} in pod ${formatPod(this.id)}`,
          containerPath(this.#pod, action.name),
        );
      case 'end':
        this.#end(action.ending);
        return this.wake();
    }
  }

  /** One thing with the sandbox at a time; a failure is told and tried again later. */
  #sandbox(work: () => Promise<void>): void {
    const { clock } = this.#parts.options;
    this.#sandboxBusy = true;
    void work().then(
      () => {
        this.#sandboxFailures = 0;
        this.#sandboxBusy = false;
        this.wake();
      },
      (thrown: unknown) => {
        const delayMs = Math.min(FIRST_RETRY_MS * 2 ** this.#sandboxFailures++, LONGEST_RETRY_MS);
        this.#sandboxRetryAtMs = clock.now() + delayMs;
        this.#log.warn('a sandbox could not be made or stopped', failure(thrown));
        if (this.#ending === undefined)
          this.#parts.options.recorder.event(
            this.#pod,
            'Warning',
            'FailedCreatePodSandBox',
            `Failed to create pod sandbox: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
          );
        // Stays busy until then, so that an ending pod does not try without pause.
        clock.setTimer(delayMs, () => {
          this.#sandboxBusy = false;
          this.wake();
        });
      },
    );
  }

  async #createSandbox(attempt: number): Promise<void> {
    const { options, runtime, volumes } = this.#parts;
    const pod = this.#pod;
    await volumes.prepare(this.id);
    await options.host.files.makeDirectory(podLogDirectory(options, pod), { mode: 0o755 });
    if (attempt > 0) options.recorder.event(pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
    for (const old of runtime.ofPod(this.id.uid).sandboxes) await options.runtime.stopSandbox(old.id);
    const { id } = await options.runtime.runSandbox(sandboxConfig({ options, pod, attempt, runtimeHandler: await this.#runtimeHandler() }));
    await runtime.refreshSandbox(id);
  }

  async #runtimeHandler(): Promise<string> {
    const name = spec(this.#pod).runtimeClassName ?? '';
    return name === '' ? '' : (await this.#parts.options.client.get(runtimeClasses, name)).handler;
  }

  #start(action: Extract<Action, { readonly do: 'start' }>): void {
    this.#starting = action.name;
    if (action.backOff !== undefined) this.#backOffs.set(action.name, action.backOff);
    const podIps = currentSandbox(this.view())?.ips ?? [];
    void startContainer({ parts: this.#parts, pod: this.#pod, volumes: this.#volumes, action, podIps, signal: this.#starts.signal }).then(
      () => {
        this.#startErrors.delete(action.name);
        this.#starting = undefined;
        this.wake();
        this.#prune(action.name);
      },
      (thrown: unknown) => {
        this.#startErrors.set(action.name, this.#startError(action.name, thrown));
        this.#starting = undefined;
        this.wake();
      },
    );
  }

  #startError(name: string, thrown: unknown): StartError {
    const nowMs = this.#parts.options.clock.now();
    const known = thrown instanceof StartFailure ? thrown : new StartFailure('CreateContainerError', thrown instanceof Error ? thrown.message : String(thrown));
    const before = this.#startErrors.get(name);
    const isNews = before?.reason !== known.reason || before.message !== known.message;
    // Tried again every few seconds: a log says it once for each cause.
    this.#log[isNews ? 'info' : 'debug']('a container did not start', { container: name, reason: known.reason, cause: known.message });
    const container = [...(spec(this.#pod).initContainers ?? []), ...spec(this.#pod).containers, ...(spec(this.#pod).ephemeralContainers ?? [])].find(
      (c) => c.name === name,
    );
    const pullAtMs = known.reason === 'ImagePullBackOff' ? this.#parts.puller.retryAtMs(this.id.uid, container?.image ?? '') : 0;
    return { reason: known.reason, message: known.message, retryAtMs: pullAtMs > nowMs ? pullAtMs : nowMs + START_RETRY_MS };
  }

  #kill(action: Extract<Action, { readonly do: 'kill' }>): void {
    const { clock } = this.#parts.options;
    const again = this.#killing.has(action.id);
    this.#killing.set(action.id, action.untilMs);
    const podIp = this.#parts.runtime.ofPod(this.id.uid).sandboxes[0]?.ips[0] ?? '';
    void killContainer({ ...action, parts: this.#parts, pod: this.#pod, podIp, again }).then(
      () => {
        // Until its last words are read it still counts as running; it is not to be killed a second time for that.
        const ended = this.#parts.runtime.ofPod(this.id.uid).containers.find((c) => c.id === action.id)?.state === 'exited';
        if (!ended || this.#messages.known.has(action.id)) this.#killing.delete(action.id);
        this.wake();
      },
      (thrown: unknown) => {
        this.#log.warn('a container could not be stopped, trying again', { container: action.name, ...failure(thrown) });
        clock.setTimer(FIRST_RETRY_MS, () => {
          this.#killing.delete(action.id);
          this.wake();
        });
      },
    );
  }

  /** Of the containers that ended, the last one of each name is kept: its log and its state can still be asked for. */
  #prune(name: string): void {
    const { sandboxes, containers } = this.#parts.runtime.ofPod(this.id.uid);
    const dead = containers.filter((c) => c.name === name && c.state === 'exited');
    for (const { id } of sandboxes.filter((s) => !s.ready && !containers.some((c) => c.sandboxId === s.id))) {
      void removeSandbox(this.#parts, id).catch((thrown: unknown) => this.#log.warn('an old sandbox could not be removed', failure(thrown)));
    }
    for (const old of dead.slice(1)) {
      this.#messages.known.delete(old.id);
      void removeContainer(this.#parts, old).catch((thrown: unknown) => this.#log.warn('an old container could not be removed', failure(thrown)));
    }
  }

  #finish(): void {
    if (this.#finishing) return;
    this.#finishing = true;
    void this.#takeDown().then(
      () => {
        this.#finishing = false;
        this.#finishFailures = 0;
      },
      (thrown: unknown) => {
        this.#log.warn('taking a pod down failed, trying again', failure(thrown));
        const delayMs = Math.min(FIRST_RETRY_MS * 2 ** this.#finishFailures++, LONGEST_RETRY_MS);
        this.#parts.options.clock.setTimer(delayMs, () => {
          this.#finishing = false;
          this.wake();
        });
      },
    );
  }

  /** Last status, volumes, API object, then what the runtime keeps. Every step may be repeated. */
  async #takeDown(): Promise<void> {
    if (!this.#gone) await this.#writer.settled();
    if (!this.#takenDown) {
      await this.#parts.volumes.takeDown(this.id.uid);
      this.#takenDown = true;
      this.#parts.allocations.release(this.id.uid);
    }
    if (!this.#gone && this.#pod.metadata.deletionTimestamp === undefined) return;
    if (!this.#gone) await deleteFromApi(this.#parts, this.#pod);
    this.#gone = true;
    await removeRemains(this.#parts, this.#pod);
    this.stop();
    this.#done(this.id.uid);
  }
}

/** Versions of one object can be compared (KEP-5504): greater is later. */
function isNewer(a: Stored<Pod>, b: Stored<Pod>): boolean {
  return Number(a.metadata.resourceVersion) > Number(b.metadata.resourceVersion);
}
