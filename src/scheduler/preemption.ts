import { matchesSelector } from '../machinery/labels.ts';
import { nodesMessage, NO_VICTIMS, NOT_HELPFUL } from './message.ts';
import type { NodeInfo } from './node-info.ts';
import { type Refusal, refuseForGood, type World } from './plugin.ts';
import type { PodInfo } from './pod-info.ts';

/** Asks every plugin again about one node of a changed world. */
export type Examine = (world: World, node: NodeInfo) => Refusal | undefined;

export interface Preemption {
  readonly node: string;
  /** Least important last. */
  readonly victims: readonly PodInfo[];
}

export interface NoPreemption {
  /** Why not, in Kubernetes' words. */
  readonly fault: string;
  /** Room is being made for it already. */
  readonly waiting?: boolean;
}

/** A search over a very large cluster ends after so many nodes on which it would work. */
const CANDIDATES = 100;

/**
 * Which node would take the pod if less important pods went, and which. `refusals`: why each node refused. Of several nodes the one
 * where the least is lost: budgets, then priorities, then numbers, then how long the victims have run.
 */
export function preempt(pod: PodInfo, world: World, refusals: ReadonlyMap<string, Refusal>, examine: Examine): Preemption | NoPreemption {
  const fault = ineligible(pod, world);
  if (fault !== undefined) return fault;
  const why = new Map<string, Refusal>();
  const candidates: Candidate[] = [];
  for (const node of world.nodes) {
    if (refusals.get(node.name)?.resolvable !== true) {
      why.set(node.name, refuseForGood(NOT_HELPFUL));
      continue;
    }
    const found = victimsOn(pod, world, node, examine);
    if ('reasons' in found) why.set(node.name, found);
    else candidates.push(found);
    if (candidates.length >= CANDIDATES) break;
  }
  const chosen = candidates.sort(byLoss)[0];
  if (chosen === undefined) return { fault: nodesMessage(world.nodes.length, why.values()) };
  return { node: chosen.node, victims: chosen.victims };
}

function ineligible({ pod, priority }: PodInfo, world: World): NoPreemption | undefined {
  if (pod.spec?.preemptionPolicy === 'Never') return { fault: 'not eligible due to preemptionPolicy=Never.' };
  const nominated = world.nodes.find(({ name }) => name === pod.status?.nominatedNodeName);
  const leaving = nominated?.pods.some((other) => other.priority < priority && other.pod.metadata.deletionTimestamp !== undefined);
  return leaving === true ? { fault: 'not eligible due to a terminating pod on the nominated node.', waiting: true } : undefined;
}

interface Candidate extends Preemption {
  readonly violations: number;
}

function victimsOn(pod: PodInfo, world: World, node: NodeInfo, examine: Examine): Candidate | Refusal {
  const lesser = node.pods.filter(({ priority }) => priority < pod.priority).sort(byImportance);
  if (lesser.length === 0) return refuseForGood(NO_VICTIMS);
  const tryWithout = (fewer: ReadonlySet<PodInfo>): Refusal | undefined => {
    const changed = node.without(fewer);
    return examine({ ...world, nodes: world.nodes.map((other) => (other === node ? changed : other)) }, changed);
  };
  const gone = new Set(lesser);
  const refusal = tryWithout(gone);
  if (refusal !== undefined) return refusal;
  const protectedPods = violating(lesser, world);
  // Whoever can stay stays: first those that budgets protect, then the most important.
  for (const other of [...lesser.filter((each) => protectedPods.has(each)), ...lesser.filter((each) => !protectedPods.has(each))]) {
    gone.delete(other);
    if (tryWithout(gone) !== undefined) gone.add(other);
  }
  const victims = lesser.filter((each) => gone.has(each));
  return { node: node.name, victims, violations: victims.filter((each) => protectedPods.has(each)).length };
}

/** Pods whose eviction would go beyond what their budgets allow, if all of them went in this order. */
function violating(pods: readonly PodInfo[], world: World): ReadonlySet<PodInfo> {
  const left = new Map<object, number>();
  const over = new Set<PodInfo>();
  for (const each of pods) {
    for (const budget of world.budgetsOf(each.namespace)) {
      if (!matchesSelector(budget.selector, each.pod.metadata.labels)) continue;
      const allowed = (left.get(budget) ?? budget.allowed) - 1;
      left.set(budget, allowed);
      if (allowed < 0) over.add(each);
    }
  }
  return over;
}

function startOf({ pod }: PodInfo): string {
  return pod.status?.startTime ?? pod.metadata.creationTimestamp ?? '';
}

/** Higher priority, then the longer run. */
function byImportance(a: PodInfo, b: PodInfo): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  return startOf(a) < startOf(b) ? -1 : startOf(a) > startOf(b) ? 1 : 0;
}

function byLoss(a: Candidate, b: Candidate): number {
  const highest = ({ victims }: Candidate): number => victims[0]?.priority ?? Number.NEGATIVE_INFINITY;
  // Priorities may be negative: counted from the least possible one, more victims always weigh more.
  const sum = ({ victims }: Candidate): number => victims.reduce((total, { priority }) => total + priority + 2 ** 31, 0);
  const earliest = ({ victims }: Candidate): string =>
    victims
      .filter(({ priority }) => priority === victims[0]?.priority)
      .map(startOf)
      .sort()[0] ?? '';
  return (
    a.violations - b.violations || highest(a) - highest(b) || sum(a) - sum(b) || a.victims.length - b.victims.length || (earliest(a) > earliest(b) ? -1 : 1)
  );
}
