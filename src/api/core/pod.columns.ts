import { getOwn } from '../../machinery/record.ts';
import { ageColumn, ageOf, nameColumn, text, wide } from '../columns.ts';
import type * as core from '../gen/types/core.v1.ts';
import type { Column, RowCondition } from '../kind.ts';

interface Summary {
  readonly ready: string;
  readonly status: string;
  readonly restarts: number;
  /** RFC 3339; absent when nothing has restarted. */
  readonly lastRestart: string | undefined;
}

/** What READY, STATUS and RESTARTS say: kubectl's reading of a pod's conditions and container states. */
function summarisePod(pod: core.Pod): Summary {
  const init = readInitContainers(pod);
  const initialised = (pod.status?.conditions ?? []).some((c) => c.type === 'Initialized' && c.status === 'True');
  const regular = init.reason === undefined || initialised ? readContainers(pod) : undefined;
  const restarts = regular === undefined ? init.restarts : init.sidecarRestarts + regular.restarts;
  const lastRestart = regular === undefined ? init.lastRestart : later(init.lastSidecarRestart, regular.lastRestart);
  const total = (pod.spec?.containers ?? []).length + init.sidecars;
  return {
    ready: `${init.ready + (regular?.ready ?? 0)}/${total}`,
    status: deleted(pod) ?? regular?.reason ?? init.reason ?? pending(pod),
    restarts,
    lastRestart,
  };
}

function pending({ status }: core.Pod): string {
  const gated = (status?.conditions ?? []).some((c) => c.type === 'PodScheduled' && c.reason === 'SchedulingGated');
  if (gated) return 'SchedulingGated';
  return status?.reason !== undefined && status.reason !== '' ? status.reason : (status?.phase ?? '');
}

function deleted({ metadata, status }: core.Pod): string | undefined {
  if (metadata?.deletionTimestamp === undefined) return undefined;
  if (status?.reason === 'NodeLost') return 'Unknown';
  return status?.phase === 'Succeeded' || status?.phase === 'Failed' ? undefined : 'Terminating';
}

interface InitSummary {
  readonly ready: number;
  readonly sidecars: number;
  readonly restarts: number;
  readonly sidecarRestarts: number;
  readonly lastRestart: string | undefined;
  readonly lastSidecarRestart: string | undefined;
  /** While init containers are still to run. */
  readonly reason: string | undefined;
}

function readInitContainers({ spec, status }: core.Pod): InitSummary {
  const specs = spec?.initContainers ?? [];
  const sidecars = new Set(specs.filter((c) => c.restartPolicy === 'Always').map((c) => c.name));
  const statuses = status?.initContainerStatuses ?? [];
  let ready = 0;
  let restarts = 0;
  let sidecarRestarts = 0;
  let lastRestart: string | undefined;
  let lastSidecarRestart: string | undefined;
  let reason: string | undefined;
  for (const [i, container] of statuses.entries()) {
    restarts += container.restartCount;
    lastRestart = later(lastRestart, endOf(container));
    const sidecar = sidecars.has(container.name);
    if (sidecar) {
      sidecarRestarts += container.restartCount;
      lastSidecarRestart = later(lastSidecarRestart, endOf(container));
    }
    if (container.state?.terminated?.exitCode === 0 && container.state.terminated !== undefined) continue;
    if (sidecar && container.started === true) {
      if (container.ready) ready++;
      continue;
    }
    reason = initReason(container, i, specs.length);
    break;
  }
  return { ready, sidecars: sidecars.size, restarts, sidecarRestarts, lastRestart, lastSidecarRestart, reason };
}

function initReason({ state }: core.ContainerStatus, index: number, total: number): string {
  if (state?.terminated !== undefined) return `Init:${terminationReason(state.terminated)}`;
  const waiting = state?.waiting?.reason;
  return waiting !== undefined && waiting !== '' && waiting !== 'PodInitializing' ? `Init:${waiting}` : `Init:${index}/${total}`;
}

function terminationReason({ reason, signal, exitCode }: core.ContainerStateTerminated): string {
  if (reason !== undefined && reason !== '') return reason;
  return signal !== undefined && signal !== 0 ? `Signal:${signal}` : `ExitCode:${exitCode}`;
}

interface ContainersSummary {
  readonly ready: number;
  readonly restarts: number;
  readonly lastRestart: string | undefined;
  /** Of the first container that has one. */
  readonly reason: string | undefined;
}

function readContainers({ status }: core.Pod): ContainersSummary {
  let ready = 0;
  let restarts = 0;
  let lastRestart: string | undefined;
  let reason: string | undefined;
  for (const container of [...(status?.containerStatuses ?? [])].reverse()) {
    restarts += container.restartCount;
    lastRestart = later(lastRestart, endOf(container));
    const waiting = container.state?.waiting?.reason;
    if (waiting !== undefined && waiting !== '') reason = waiting;
    else if (container.state?.terminated !== undefined) reason = terminationReason(container.state.terminated);
    else if (container.ready && container.state?.running !== undefined) ready++;
  }
  if (reason === 'Completed' && ready > 0) {
    reason = (status?.conditions ?? []).some((c) => c.type === 'Ready' && c.status === 'True') ? 'Running' : 'NotReady';
  }
  return { ready, restarts, lastRestart, reason };
}

/** Of the container before this one; a time that is not known stands there as null. */
const endOf = ({ lastState }: core.ContainerStatus): string | undefined => (lastState?.terminated?.finishedAt as string | null | undefined) ?? undefined;

const later = (a: string | undefined, b: string | undefined): string | undefined =>
  a === undefined ? b : b === undefined ? a : Date.parse(a) < Date.parse(b) ? b : a;

function formatRestarts(pod: core.Pod, nowMs: number): string {
  const { restarts, lastRestart } = summarisePod(pod);
  return restarts === 0 || lastRestart === undefined ? String(restarts) : `${restarts} (${ageOf(lastRestart, nowMs)} ago)`;
}

function formatReadinessGates({ spec, status }: core.Pod): string {
  const gates = spec?.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  const open = gates.filter((gate) => (status?.conditions ?? []).some((c) => c.type === gate.conditionType && c.status === 'True'));
  return `${open.length}/${gates.length}`;
}

const orNone = (value: string | undefined): string => (value === undefined || value === '' ? '<none>' : value);

export const podColumns: readonly Column<core.Pod>[] = [
  nameColumn,
  text('Ready', 'Ready containers of all containers.', (pod) => summarisePod(pod).ready),
  text('Status', 'What the pod and its containers are doing.', (pod) => summarisePod(pod).status),
  text('Restarts', 'How often containers were restarted, and when last.', formatRestarts),
  ageColumn,
  wide('IP', 'The first address of the pod.', ({ status }) => orNone(status?.podIPs?.[0]?.ip ?? status?.podIP)),
  wide('Node', 'The node that it runs on.', ({ spec }) => orNone(spec?.nodeName)),
  wide('Nominated Node', 'The node where others are being evicted for it.', ({ status }) => orNone(status?.nominatedNodeName)),
  wide('Readiness Gates', 'Conditions that are true of those that its readiness waits for.', formatReadinessGates),
];

const ENDED: Readonly<Record<string, readonly RowCondition[]>> = {
  Succeeded: [{ type: 'Completed', status: 'True', reason: 'Succeeded', message: 'The pod has completed successfully.' }],
  Failed: [{ type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' }],
};

/** By which clients can leave out of a list what has ended. */
export const podRowConditions = ({ status }: core.Pod): readonly RowCondition[] => getOwn(ENDED, status?.phase ?? '') ?? [];
