import type { ContainerStatus, Pod, PodCondition } from '../../api/gen/types/core.v1.ts';
import { formatTime } from '../../machinery/time.ts';
import { appContainers, initContainers, type PodContainer, spec } from './pod.ts';
import { isInitialized, type Phase } from './phase.ts';

/** The conditions that the kubelet owns. Those of others are kept as they are. */
const OWN = new Set(['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled', 'PodResizePending', 'PodResizeInProgress']);

type Verdict = Pick<PodCondition, 'status' | 'reason' | 'message'>;

export interface ConditionFacts {
  readonly pod: Pod;
  readonly phase: Phase;
  readonly init: readonly ContainerStatus[];
  readonly app: readonly ContainerStatus[];
  /** The sandbox is there and has its network. */
  readonly sandboxReady: boolean;
  /** The node has put it out: told by a condition of its own (DisruptionTarget). */
  readonly evicted: string | undefined;
  readonly nowMs: number;
}

/** All conditions of the pod: the kubelet's first, then the others'. Times change only with the status. */
export function conditionsOf(facts: ConditionFacts): readonly PodCondition[] {
  const { pod } = facts;
  const before = pod.status?.conditions ?? [];
  const ready = containersReady(facts);
  const own: [string, Verdict][] = [
    ['PodReadyToStartContainers', { status: facts.sandboxReady ? 'True' : 'False' }],
    ['Initialized', initialized(facts)],
    ['Ready', withGates(pod, ready)],
    ['ContainersReady', ready],
    ['PodScheduled', { status: 'True' }],
    ...(facts.evicted === undefined
      ? []
      : ([['DisruptionTarget', { status: 'True', reason: 'TerminationByKubelet', message: facts.evicted }]] satisfies [string, Verdict][])),
  ];
  const types = new Set(own.map(([type]) => type));
  return [...own.map(([type, verdict]) => stamp(type, verdict, before, facts)), ...before.filter((c) => !OWN.has(c.type) && !types.has(c.type))];
}

function stamp(type: string, verdict: Verdict, before: readonly PodCondition[], { pod, nowMs }: ConditionFacts): PodCondition {
  const old = before.find((c) => c.type === type);
  return {
    type,
    status: verdict.status,
    ...(verdict.reason === undefined ? {} : { reason: verdict.reason }),
    ...(verdict.message === undefined ? {} : { message: verdict.message }),
    lastTransitionTime: old?.status === verdict.status && old.lastTransitionTime !== undefined ? old.lastTransitionTime : formatTime(nowMs),
    ...(pod.metadata?.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
  };
}

function initialized({ pod, phase, init, app }: ConditionFacts): Verdict {
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' };
  if (app.some((s) => s.state?.running !== undefined || s.containerID !== undefined)) return { status: 'True' };
  const verdict = complain('ContainersNotInitialized', 'incomplete', initContainers(pod), init, (c, s) => isInitialized(c, s));
  return verdict ?? { status: 'True' };
}

function containersReady({ pod, phase, init, app }: ConditionFacts): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const sidecars = initContainers(pod).filter((c) => c.kind === 'sidecar');
  const verdict = complain('ContainersNotReady', 'unready', [...sidecars, ...appContainers(pod)], [...init, ...app], (_, s) => s.ready);
  return verdict ?? { status: 'True' };
}

function complain(
  reason: string,
  word: string,
  containers: readonly PodContainer[],
  statuses: readonly ContainerStatus[],
  fine: (c: PodContainer, s: ContainerStatus) => boolean,
): Verdict | undefined {
  const byName = new Map(statuses.map((s) => [s.name, s]));
  const unknown: string[] = [];
  const bad: string[] = [];
  for (const c of containers) {
    const s = byName.get(c.spec.name);
    if (s === undefined) unknown.push(c.spec.name);
    else if (!fine(c, s)) bad.push(c.spec.name);
  }
  const parts = [
    ...(unknown.length > 0 ? [`containers with unknown status: [${unknown.join(' ')}]`] : []),
    ...(bad.length > 0 ? [`containers with ${word} status: [${bad.join(' ')}]`] : []),
  ];
  return parts.length === 0 ? undefined : { status: 'False', reason, message: parts.join(', ') };
}

function withGates(pod: Pod, ready: Verdict): Verdict {
  if (ready.status !== 'True') return ready;
  const faults: string[] = [];
  for (const { conditionType } of spec(pod).readinessGates ?? []) {
    const gate = (pod.status?.conditions ?? []).find((c) => c.type === conditionType);
    if (gate === undefined) faults.push(`corresponding condition of pod readiness gate "${conditionType}" does not exist.`);
    else if (gate.status !== 'True') faults.push(`the status of pod readiness gate "${conditionType}" is not "True", but ${gate.status}`);
  }
  return faults.length === 0 ? ready : { status: 'False', reason: 'ReadinessGatesNotReady', message: faults.join(', ') };
}
