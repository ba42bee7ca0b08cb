import type { Container, Sandbox } from '../runtime/runtime.ts';
import { type BackOff, formatDelay, raised, remainingMs } from './back-off.ts';
import { decideEnding } from './decide-ending.ts';
import {
  appContainers,
  type ContainerKind,
  containersOf,
  ephemeralContainers,
  formatPod,
  graceSecondsOf,
  identity,
  initContainers,
  isTerminalPhase,
  type PodContainer,
  restartsAfter,
  spec,
} from './pod.ts';
import { wantedResize } from './resources.ts';
import { type Ending, latest, type PodView } from './view.ts';

/** The annotation, written at a container's creation, with the image that the pod named: another one now means a new container. */
export const IMAGE_ANNOTATION = 'berth.dev/image';

export type Action =
  | { readonly do: 'create-sandbox'; readonly attempt: number }
  | { readonly do: 'stop-sandbox'; readonly id: string }
  | {
      readonly do: 'start';
      readonly name: string;
      readonly kind: ContainerKind;
      readonly attempt: number;
      readonly sandboxId: string;
      readonly backOff?: BackOff;
    }
  | {
      readonly do: 'kill';
      readonly id: string;
      readonly name: string;
      readonly message: string;
      readonly graceSeconds: number;
      /** Wall time by which it is to be dead: what `memory.killing` holds while the kill is under way. */
      readonly untilMs: number;
    }
  | { readonly do: 'resize'; readonly id: string; readonly name: string }
  /** Tell, once for each container that ended, that its restart waits. */
  | { readonly do: 'report-back-off'; readonly name: string; readonly id: string }
  | { readonly do: 'end'; readonly ending: Ending };

export interface Decision {
  readonly actions: readonly Action[];
  /** Wall time at which to decide again, without any change. */
  readonly againAtMs?: number | undefined;
  /** Nothing of the pod runs any more: volumes and the API object are next. */
  readonly ended?: boolean;
}

/**
 * What is to be done next for a pod. Pure, total, safe to repeat: a pod whose actions have been taken, or are being taken
 * (`memory.starting`, `memory.killing`), yields no new ones. At most one sandbox or container is started at a time, in order.
 */
export function decide(view: PodView): Decision {
  if (view.memory.ending !== undefined) return decideEnding(view, view.memory.ending);
  const ending = decideToEnd(view);
  if (ending !== undefined) return { actions: [{ do: 'end', ending }] };
  const deadline = deadlineMs(view);
  const decision = decideToRun(view);
  return deadline === undefined ? decision : { ...decision, againAtMs: Math.min(deadline, decision.againAtMs ?? deadline) };
}

function decideToEnd(view: PodView): Ending | undefined {
  const { pod, nowMs } = view;
  const common = { atMs: nowMs, graceSeconds: graceSecondsOf(pod) };
  if (pod.metadata?.deletionTimestamp !== undefined) return { cause: 'deleted', ...common };
  if (isTerminalPhase(pod.status?.phase)) return { cause: 'finished', ...common };
  const deadline = deadlineMs(view);
  if (deadline !== undefined && nowMs >= deadline) {
    return { cause: 'failed', reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline', ...common };
  }
  return isFinished(view) ? { cause: 'finished', ...common } : undefined;
}

function deadlineMs({ pod }: PodView): number | undefined {
  const seconds = spec(pod).activeDeadlineSeconds;
  const startTime = pod.status?.startTime;
  return seconds === undefined || startTime === undefined ? undefined : Date.parse(startTime) + seconds * 1_000;
}

/** Nothing is left to run: every app container has ended for good, or an init container has failed for good. */
export function isFinished(view: PodView): boolean {
  const { pod } = view;
  const endedForGood = (c: PodContainer): boolean => {
    const last = latest(view, c.spec.name);
    return last?.state === 'exited' && !isChanged(c, last) && !restartsAfter(pod, c, last.exitCode);
  };
  if (appContainers(pod).every(endedForGood)) return true;
  if (appContainers(pod).some((c) => latest(view, c.spec.name) !== undefined)) return false;
  return initContainers(pod).some((c) => c.kind === 'init' && endedForGood(c) && latest(view, c.spec.name)?.exitCode !== 0);
}

function decideToRun(view: PodView): Decision {
  const { memory, nowMs } = view;
  const strays = killsOutside(view, currentSandbox(view)?.id);
  if (!memory.volumesReady || memory.sandboxBusy) return { actions: strays };
  const sandbox = currentSandbox(view);
  if (sandbox === undefined) {
    if (strays.length > 0 || view.containers.some((c) => memory.killing.has(c.id))) return { actions: strays };
    if (!wantsSandbox(view)) return { actions: [] };
    if (memory.sandboxRetryAtMs > nowMs) return { actions: [], againAtMs: memory.sandboxRetryAtMs };
    const attempt = Math.max(-1, ...view.sandboxes.map((s) => s.attempt)) + 1;
    return { actions: [{ do: 'create-sandbox', attempt }] };
  }
  return new Pass(view, sandbox).decide(strays);
}

export function currentSandbox(view: PodView): Sandbox | undefined {
  const newest = view.sandboxes[0];
  return newest?.ready === true ? newest : undefined;
}

/** A pod that is not restarted, and had a sandbox with containers once, is over when the sandbox is. */
function wantsSandbox(view: PodView): boolean {
  const { pod } = view;
  const policy = spec(pod).restartPolicy ?? 'Always';
  if (policy === 'Never' && view.sandboxes.length > 0 && view.containers.length > 0) return false;
  return appContainers(pod).some((c) => {
    const last = latest(view, c.spec.name);
    return last === undefined || last.state !== 'exited' || isChanged(c, last) || restartsAfter(pod, c, last.exitCode);
  });
}

/** Containers that still run in a sandbox that is not the current one, or are no more in the spec. */
function killsOutside(view: PodView, sandboxId: string | undefined): readonly Action[] {
  const names = new Set(containersOf(view.pod).map((c) => c.spec.name));
  return view.containers
    .filter((c) => (c.state === 'running' || c.state === 'unknown') && (c.sandboxId !== sandboxId || !names.has(c.name)) && !view.memory.killing.has(c.id))
    .map((c) => killOf(view, c, `Stopping container ${c.name}`, graceSecondsOf(view.pod)));
}

function killOf({ nowMs }: PodView, { id, name }: Container, message: string, graceSeconds: number): Action {
  return { do: 'kill', id, name, message, graceSeconds, untilMs: nowMs + graceSeconds * 1_000 };
}

/** The image in the spec is not the one that the container was made from. */
export function isChanged({ kind, spec: { image } }: PodContainer, container: Container): boolean {
  const made = container.annotations[IMAGE_ANNOTATION];
  return (kind === 'app' || kind === 'sidecar') && made !== undefined && made !== '' && made !== image;
}

/** Running, its postStart hook done and its startup probe passed. */
export function isStarted({ memory }: PodView, { spec: { startupProbe, name } }: PodContainer, container: Container): boolean {
  if (container.state !== 'running' || memory.starting === name) return false;
  return startupProbe === undefined || memory.probes.get(container.id)?.startup === true;
}

/** One walk over the containers of a pod whose sandbox is ready. */
class Pass {
  readonly #view: PodView;
  readonly #sandbox: Sandbox;
  readonly #actions: Action[] = [];
  #againAtMs: number | undefined;
  #start: Action | undefined;

  constructor(view: PodView, sandbox: Sandbox) {
    this.#view = view;
    this.#sandbox = sandbox;
  }

  decide(strays: readonly Action[]): Decision {
    const { pod, memory } = this.#view;
    this.#actions.push(...strays);
    for (const c of ephemeralContainers(pod)) if (latest(this.#view, c.spec.name) === undefined) this.#wantStart(c, 0);
    if (this.#initialize()) for (const c of appContainers(pod)) this.#keepRunning(c);
    if (this.#start !== undefined && memory.starting === undefined) this.#actions.push(this.#start);
    return { actions: this.#actions, againAtMs: this.#againAtMs };
  }

  /** Whether app containers may run. */
  #initialize(): boolean {
    const { pod } = this.#view;
    const initialized = appContainers(pod).some((c) => this.#here(c) !== undefined);
    for (const c of initContainers(pod)) {
      if (c.kind === 'sidecar') {
        this.#keepRunning(c);
        const last = this.#here(c);
        if (!initialized && (last === undefined || !isStarted(this.#view, c, last))) return false;
      } else if (!initialized && !this.#passed(c)) return false;
    }
    return true;
  }

  /** An init container that has succeeded; else whatever it needs next. */
  #passed(c: PodContainer): boolean {
    const last = this.#here(c);
    if (last?.state === 'exited' && last.exitCode === 0) return true;
    if (last?.state !== 'running') this.#keepRunning(c);
    return false;
  }

  #here(c: PodContainer): Container | undefined {
    return latest(this.#view, c.spec.name, this.#sandbox.id);
  }

  #keepRunning(c: PodContainer): void {
    const last = this.#here(c);
    if (last === undefined) return this.#fresh(c);
    if (last.state === 'created') return this.#wantStart(c, last.attempt);
    if (last.state === 'exited') return this.#afterExit(c, last);
    if (this.#view.memory.killing.has(last.id)) return;
    const message = this.#reasonToKill(c, last);
    if (message === undefined) return this.#keepResources(c, last);
    this.#actions.push(killOf(this.#view, last, message, graceForKill(this.#view, c, last)));
  }

  /** Not in this sandbox yet. A container that has ended for good in an earlier one is not run again. */
  #fresh(c: PodContainer): void {
    const earlier = latest(this.#view, c.spec.name);
    const inApi = [...(this.#view.pod.status?.initContainerStatuses ?? []), ...(this.#view.pod.status?.containerStatuses ?? [])].find(
      (s) => s.name === c.spec.name,
    );
    if (c.kind === 'app' && earlier?.state === 'exited' && !isChanged(c, earlier) && !restartsAfter(this.#view.pod, c, earlier.exitCode)) return;
    const known = inApi?.containerID === undefined || inApi.containerID === '' ? -1 : inApi.restartCount;
    this.#wantStart(c, Math.max(earlier?.attempt ?? -1, known) + 1);
  }

  #afterExit(c: PodContainer, last: Container): void {
    const { pod, memory, nowMs } = this.#view;
    if (memory.starting === c.spec.name) return;
    if (isChanged(c, last)) return this.#wantStart(c, last.attempt + 1);
    if (!restartsAfter(pod, c, last.exitCode)) return;
    const backOff = memory.backOffs.get(c.spec.name);
    const waitMs = remainingMs(backOff, last.finishedAtMs, nowMs);
    if (waitMs === 0) return this.#wantStart(c, last.attempt + 1, raised(backOff, last.finishedAtMs, nowMs));
    this.#again(nowMs + waitMs);
    this.#actions.push({ do: 'report-back-off', name: c.spec.name, id: last.id });
  }

  #reasonToKill(c: PodContainer, last: Container): string | undefined {
    const { pod, memory } = this.#view;
    const restarted = restartsAfter(pod, c, 137) ? ', will be restarted' : '';
    const results = memory.probes.get(last.id);
    if (last.state === 'unknown') return `Container ${c.spec.name} is in unknown state, try killing it before restart`;
    if (isChanged(c, last)) return `Container ${c.spec.name} definition changed, will be restarted`;
    if (wantedResize(memory, c.spec, last) === 'restart') return `Container ${c.spec.name} resize requires restart`;
    if (results?.startup === false) return `Container ${c.spec.name} failed startup probe${restarted}`;
    if (results?.liveness === false) return `Container ${c.spec.name} failed liveness probe${restarted}`;
    return undefined;
  }

  #keepResources(c: PodContainer, last: Container): void {
    const { memory } = this.#view;
    if (memory.resizing.has(last.id) || memory.starting === c.spec.name || wantedResize(memory, c.spec, last) !== 'in-place') return;
    this.#actions.push({ do: 'resize', id: last.id, name: c.spec.name });
  }

  #wantStart(c: PodContainer, attempt: number, backOff?: BackOff): void {
    const error = this.#view.memory.startErrors.get(c.spec.name);
    if (error !== undefined && error.retryAtMs > this.#view.nowMs) return this.#again(error.retryAtMs);
    this.#start ??= { do: 'start', name: c.spec.name, kind: c.kind, attempt, sandboxId: this.#sandbox.id, ...(backOff === undefined ? {} : { backOff }) };
  }

  #again(atMs: number): void {
    this.#againAtMs = Math.min(atMs, this.#againAtMs ?? atMs);
  }
}

/** A probe may bring a grace period of its own for the kill that it causes. */
function graceForKill(view: PodView, c: PodContainer, last: Container): number {
  const results = view.memory.probes.get(last.id);
  const probe = results?.startup === false ? c.spec.startupProbe : results?.liveness === false ? c.spec.livenessProbe : undefined;
  return probe?.terminationGracePeriodSeconds ?? graceSecondsOf(view.pod);
}

/** The waiting message of a container whose restart waits; undefined when it does not wait. */
export function backOffMessage(view: PodView, c: PodContainer, last: Container): string | undefined {
  if (
    view.memory.ending !== undefined ||
    view.memory.starting === c.spec.name ||
    last.state !== 'exited' ||
    isChanged(c, last) ||
    !restartsAfter(view.pod, c, last.exitCode)
  )
    return undefined;
  const backOff = view.memory.backOffs.get(c.spec.name);
  if (backOff === undefined || remainingMs(backOff, last.finishedAtMs, view.nowMs) === 0) return undefined;
  return `back-off ${formatDelay(backOff.delayMs)} restarting failed container=${c.spec.name} pod=${formatPod(identity(view.pod))}`;
}
