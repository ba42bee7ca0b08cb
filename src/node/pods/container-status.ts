import type { ContainerState, ContainerStatus, VolumeMountStatus } from '../../api/gen/types/core.v1.ts';
import { formatTime } from '../../machinery/time.ts';
import type { Container } from '../runtime/runtime.ts';
import { backOffMessage, isStarted } from './decide.ts';
import { initContainers, type PodContainer } from './pod.ts';
import { currentResources, reportedResources } from './resources.ts';
import { latest, type PodView } from './view.ts';

/** Longest termination message that a status carries, bytes (API reference: 4096 for one, 12 KiB for a pod). */
const LONGEST_MESSAGE = 4_096;

/** The status of one container of the spec, as a kubelet reports it. */
export function containerStatus(view: PodView, c: PodContainer): ContainerStatus {
  const current = latest(view, c.spec.name);
  if (current === undefined) return statusWithout(view, c);
  const previous = view.containers.find((x) => x.name === c.spec.name && x.attempt < current.attempt && x.state === 'exited');
  const waiting = waitingOf(view, c, current);
  const own = stateOf(view, current);
  const last = waiting !== undefined && own.terminated !== undefined ? own : previous === undefined ? before(view, c)?.lastState : stateOf(view, previous);
  const running = own.running !== undefined && waiting === undefined;
  return {
    name: c.spec.name,
    state: waiting ?? own,
    lastState: last ?? {},
    ready: isReady(view, c, current),
    restartCount: current.attempt,
    image: current.imageName,
    imageID: current.imageRef,
    containerID: `containerd://${current.id}`,
    started: running && isStarted(view, c, current),
    ...mountsOf(c),
    ...(running && c.kind !== 'ephemeral' ? resourcesOf(view, c, current) : {}),
  };
}

/** No container of that name in the runtime: it has not come to one yet, or it was lost. */
function statusWithout(view: PodView, c: PodContainer): ContainerStatus {
  const old = before(view, c);
  const lost = old?.state?.running !== undefined || old?.state?.terminated !== undefined;
  const error = view.memory.startErrors.get(c.spec.name);
  const state: ContainerState = lost && view.memory.ending !== undefined ? endedUnseen(old) : { waiting: waitingFor(view, c, error) };
  return {
    name: c.spec.name,
    state,
    lastState: lost && state.waiting !== undefined ? endedUnseen(old) : (old?.lastState ?? {}),
    ready: c.kind === 'init' && state.terminated?.exitCode === 0,
    restartCount: old?.restartCount ?? 0,
    image: c.spec.image ?? '',
    imageID: '',
    started: false,
    ...mountsOf(c),
  };
}

/** A container that the API says ran, and that nobody can find. */
function endedUnseen(old: ContainerStatus): ContainerState {
  if (old.state?.terminated !== undefined) return old.state;
  return {
    terminated: {
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
      message: 'The container could not be located when the pod was terminated',
      ...(old.containerID === undefined ? {} : { containerID: old.containerID }),
    },
  };
}

function waitingFor(
  view: PodView,
  c: PodContainer,
  error: { readonly reason: string; readonly message: string } | undefined,
): { readonly reason: string; readonly message?: string } {
  if (error !== undefined) return { reason: error.reason, ...(error.message === '' ? {} : { message: error.message }) };
  const behindInit = c.kind !== 'ephemeral' && initContainers(view.pod).length > 0;
  return { reason: behindInit ? 'PodInitializing' : 'ContainerCreating' };
}

/** A container that ended and whose successor does not come about, or waits. */
function waitingOf(view: PodView, c: PodContainer, current: Container): ContainerState | undefined {
  if (current.state === 'created') return { waiting: waitingFor(view, c, view.memory.startErrors.get(c.spec.name)) };
  if (current.state !== 'exited' || view.memory.ending !== undefined) return undefined;
  const error = view.memory.startErrors.get(c.spec.name);
  if (error !== undefined) return { waiting: waitingFor(view, c, error) };
  const message = backOffMessage(view, c, current);
  return message === undefined ? undefined : { waiting: { reason: 'CrashLoopBackOff', message } };
}

function stateOf(view: PodView, container: Container): ContainerState {
  if (container.state === 'running' || container.state === 'unknown') return { running: { startedAt: formatTime(container.startedAtMs) } };
  if (container.state === 'created') return { waiting: { reason: 'ContainerCreating' } };
  const message = view.memory.terminationMessages.get(container.id) ?? container.message;
  return {
    terminated: {
      exitCode: container.exitCode,
      reason: container.reason === '' ? (container.exitCode === 0 ? 'Completed' : 'Error') : container.reason,
      ...(message === '' ? {} : { message: message.slice(0, LONGEST_MESSAGE) }),
      // A container that never started has no times but that of its end.
      startedAt: container.startedAtMs === 0 ? formatTime(0) : formatTime(container.startedAtMs),
      finishedAt: formatTime(container.finishedAtMs),
      containerID: `containerd://${container.id}`,
    },
  };
}

function isReady(view: PodView, c: PodContainer, container: Container): boolean {
  if (c.kind === 'init') return container.state === 'exited' && container.exitCode === 0;
  if (c.kind === 'ephemeral' || !isStarted(view, c, container)) return false;
  return c.spec.readinessProbe === undefined || view.memory.probes.get(container.id)?.readiness === true;
}

function before(view: PodView, c: PodContainer): ContainerStatus | undefined {
  const status = view.pod.status;
  const list = c.kind === 'app' ? status?.containerStatuses : c.kind === 'ephemeral' ? status?.ephemeralContainerStatuses : status?.initContainerStatuses;
  return list?.find((s) => s.name === c.spec.name);
}

function mountsOf({ spec: { volumeMounts = [] } }: PodContainer): { readonly volumeMounts?: readonly VolumeMountStatus[] } {
  if (volumeMounts.length === 0) return {};
  return {
    volumeMounts: volumeMounts.map((m) => ({
      name: m.name,
      mountPath: m.mountPath,
      ...(m.readOnly === true
        ? {
            readOnly: true,
            recursiveReadOnly:
              m.recursiveReadOnly === undefined || m.recursiveReadOnly === 'Disabled' || m.recursiveReadOnly === 'IfPossible' ? 'Disabled' : 'Enabled',
          }
        : {}),
    })),
  };
}

function resourcesOf(view: PodView, { spec }: PodContainer, container: Container): Pick<ContainerStatus, 'resources' | 'allocatedResources'> {
  const requests = spec.resources?.requests;
  return { ...(requests === undefined ? {} : { allocatedResources: requests }), resources: reportedResources(spec, currentResources(view.memory, container)) };
}
