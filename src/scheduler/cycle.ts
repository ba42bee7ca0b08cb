import type { Random } from '../base/random.ts';
import { NO_NODES, nodesMessage, podMessage, withPreemption } from './message.ts';
import type { NodeInfo } from './node-info.ts';
import { isRefusal, type Opinion, type Plugin, type Refusal, type World } from './plugin.ts';
import type { PodInfo } from './pod-info.ts';
import { preempt, type Preemption } from './preemption.ts';
import { planVolumes, sortClaims } from './volume-plan.ts';
import { NO_VOLUMES, type VolumePlan } from './volume-view.ts';

export type Decision =
  | { readonly do: 'bind'; readonly node: string; readonly volumes: VolumePlan }
  | {
      readonly do: 'wait';
      /** As the pod's condition and the event say it. */
      readonly message: string;
      /** Plugins that refused: what could change their mind wakes the pod. */
      readonly refusedBy: ReadonlySet<string>;
      /** Room is made for it there by evicting these. */
      readonly preempt?: Preemption | undefined;
      /** What becomes of an earlier promise of a node, without a new one. */
      readonly nominated: 'keep' | 'drop';
    };

export interface DecideOptions {
  readonly plugins: readonly Plugin[];
  readonly random: Random;
  /** Where the search begins in a large cluster, so that not always the same nodes are looked at. */
  readonly startAt?: number;
}

/** Where the pod goes, or why nowhere. Pure but for the draw among equals. */
export function decide(pod: PodInfo, world: World, options: DecideOptions): Decision {
  const { nodes } = world;
  const { plugins } = options;
  if (nodes.length === 0) return { do: 'wait', message: NO_NODES, refusedBy: new Set(plugins.map(({ name }) => name)), nominated: 'drop' };
  const considered = consider(pod, world, plugins);
  if ('refusal' in considered) {
    const { refusal, by } = considered;
    const refusals = new Map(nodes.map((node) => [node.name, refusal]));
    return wait(podMessage(nodes.length, refusal), new Set([by]), pod, world, refusals, options);
  }
  const { feasible, refusals, refusedBy } = filter(pod, world, considered.opinions, options.startAt ?? 0);
  if (feasible.length === 0) return wait(nodesMessage(nodes.length, refusals.values()), refusedBy, pod, world, refusals, options);
  const node = best(feasible, considered.opinions, options.random);
  return { do: 'bind', node: node.name, volumes: volumesOn(node, pod, world) };
}

function wait(
  message: string,
  refusedBy: ReadonlySet<string>,
  pod: PodInfo,
  world: World,
  refusals: ReadonlyMap<string, Refusal>,
  { plugins }: DecideOptions,
): Decision {
  const made = preempt(pod, world, refusals, (changed, node) => examine(pod, changed, node, plugins));
  if ('fault' in made) return { do: 'wait', message: withPreemption(message, made.fault), refusedBy, nominated: made.waiting === true ? 'keep' : 'drop' };
  return { do: 'wait', message, refusedBy, preempt: made, nominated: 'drop' };
}

interface Considered {
  readonly plugin: Plugin;
  readonly opinion: Opinion;
}

function consider(
  pod: PodInfo,
  world: World,
  plugins: readonly Plugin[],
): { readonly opinions: readonly Considered[] } | { readonly refusal: Refusal; readonly by: string } {
  const opinions: Considered[] = [];
  for (const plugin of plugins) {
    const answer = plugin.consider(pod, world);
    if (answer === undefined) continue;
    if (isRefusal(answer)) return { refusal: answer, by: plugin.name };
    opinions.push({ plugin, opinion: answer });
  }
  return { opinions };
}

interface Filtered {
  readonly feasible: readonly NodeInfo[];
  readonly refusals: ReadonlyMap<string, Refusal>;
  readonly refusedBy: ReadonlySet<string>;
}

function filter(pod: PodInfo, world: World, opinions: readonly Considered[], startAt: number): Filtered {
  const { nodes } = world;
  const enough = enoughNodes(nodes.length);
  const feasible: NodeInfo[] = [];
  const refusals = new Map<string, Refusal>();
  const refusedBy = new Set<string>();
  for (let i = 0; i < nodes.length && feasible.length < enough; i++) {
    const node = nodes[(startAt + i) % nodes.length] as NodeInfo;
    const refused = ask(withNominated(node, pod, world), opinions);
    if (refused === undefined) feasible.push(node);
    else {
      refusals.set(node.name, refused.refusal);
      refusedBy.add(refused.by);
    }
  }
  return { feasible, refusals, refusedBy };
}

/** In large clusters not every node is looked at: at least 100, and a share that falls from half to a twentieth. */
function enoughNodes(nodes: number): number {
  if (nodes <= 100) return nodes;
  return Math.max(100, Math.floor((nodes * Math.max(5, 50 - nodes / 125)) / 100));
}

function withNominated(node: NodeInfo, pod: PodInfo, world: World): NodeInfo {
  return node.with(world.nominatedTo(node.name).filter((other) => other.uid !== pod.uid && other.priority >= pod.priority));
}

function ask(node: NodeInfo, opinions: readonly Considered[]): { readonly refusal: Refusal; readonly by: string } | undefined {
  for (const { plugin, opinion } of opinions) {
    const refusal = opinion.filter?.(node);
    if (refusal !== undefined) return { refusal, by: plugin.name };
  }
  return undefined;
}

/** The whole examination of one node in a world that differs: for preemption. */
function examine(pod: PodInfo, world: World, node: NodeInfo, plugins: readonly Plugin[]): Refusal | undefined {
  const considered = consider(pod, world, plugins);
  return 'refusal' in considered ? considered.refusal : ask(withNominated(node, pod, world), considered.opinions)?.refusal;
}

function best(feasible: readonly NodeInfo[], opinions: readonly Considered[], random: Random): NodeInfo {
  if (feasible.length === 1) return feasible[0] as NodeInfo;
  const totals = feasible.map(() => 0);
  for (const { plugin, opinion } of opinions) {
    const { score, normalise } = opinion;
    if (score === undefined) continue;
    const raw = feasible.map(score);
    const scores = normalise === undefined ? raw : normalise(raw);
    for (const [i, value] of scores.entries()) totals[i] = (totals[i] ?? 0) + value * (plugin.weight ?? 0);
  }
  const most = Math.max(...totals);
  const equals = feasible.filter((_, i) => totals[i] === most);
  return equals[Math.floor(random.float() * equals.length)] as NodeInfo;
}

function volumesOn(node: NodeInfo, pod: PodInfo, { volumes }: World): VolumePlan {
  if (pod.claims.length === 0) return NO_VOLUMES;
  const claims = sortClaims(pod, volumes);
  const plan = 'reasons' in claims ? claims : planVolumes(claims, node, volumes);
  return 'reasons' in plan ? NO_VOLUMES : plan;
}
