import type { TopologySpreadConstraint } from '../../api/gen/types/core.v1.ts';
import { matchesNodeAffinity, untoleratedTaint } from '../../api/core/node.rules.ts';
import { matchesSelector, type Selector, selectorOf } from '../../machinery/labels.ts';
import { getOwn } from '../../machinery/record.ts';
import type { NodeInfo } from '../node-info.ts';
import { MAX_SCORE, type Opinion, type Plugin, refuse, refuseForGood, type World } from '../plugin.ts';
import type { PodInfo } from '../pod-info.ts';
import { TopologyCounts } from '../topology.ts';

const UNEVEN = refuse("node(s) didn't match pod topology spread constraints");
const NO_LABEL = refuseForGood("node(s) didn't match pod topology spread constraints (missing required label)");

const HOSTNAME = 'kubernetes.io/hostname';
/** What pods of a service or set without constraints of their own get, as a wish. */
const DEFAULTS = [
  { topologyKey: HOSTNAME, maxSkew: 3 },
  { topologyKey: 'topology.kubernetes.io/zone', maxSkew: 5 },
];

interface Spread {
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly selector: Selector;
  readonly affinityCounts: boolean;
  readonly taintsCount: boolean;
}

/** Pods that are alike are spread evenly over hosts, zones or whatever the constraint names. */
export const topologySpread: Plugin = {
  name: 'PodTopologySpread',
  events: ['pod-gone', 'pod-placed', 'node'],
  weight: 2,
  consider: (pod, world) => {
    const constraints = pod.pod.spec?.topologySpreadConstraints ?? [];
    const hard = constraints.filter(({ whenUnsatisfiable }) => whenUnsatisfiable === 'DoNotSchedule').map((constraint) => read(constraint, pod));
    const soft =
      constraints.length === 0
        ? defaults(pod, world)
        : constraints.filter(({ whenUnsatisfiable }) => whenUnsatisfiable === 'ScheduleAnyway').map((constraint) => read(constraint, pod));
    if (hard.length + soft.length === 0) return undefined;
    return { ...(hard.length > 0 && filterOf(hard, pod, world)), ...(soft.length > 0 && scoreOf(soft, pod, world, constraints.length > 0)) };
  },
};

function read(constraint: TopologySpreadConstraint, { pod }: PodInfo): Spread {
  const selector = selectorOf(constraint.labelSelector);
  // Merging again what the API server has merged already changes nothing.
  const more = (constraint.matchLabelKeys ?? []).flatMap((key) => {
    const value = getOwn(pod.metadata.labels, key);
    return value === undefined ? [] : [{ key, operator: 'in' as const, values: [value] }];
  });
  return {
    topologyKey: constraint.topologyKey,
    maxSkew: constraint.maxSkew,
    minDomains: constraint.minDomains ?? 1,
    selector: { ...selector, requirements: [...selector.requirements, ...more] },
    affinityCounts: constraint.nodeAffinityPolicy !== 'Ignore',
    taintsCount: constraint.nodeTaintsPolicy === 'Honor',
  };
}

function defaults(pod: PodInfo, world: World): Spread[] {
  const requirements = world.groupsOf(pod).flatMap((selector) => selector.requirements);
  if (requirements.length === 0) return [];
  return DEFAULTS.map((each) => ({ ...each, minDomains: 1, selector: { requirements }, affinityCounts: true, taintsCount: false }));
}

function counts(spread: Spread, pod: PodInfo, node: NodeInfo): boolean {
  const { spec } = pod.pod;
  if (spec === undefined) return true;
  if (spread.affinityCounts && !matchesNodeAffinity(spec, node)) return false;
  return !spread.taintsCount || untoleratedTaint(spec.tolerations, node.node.spec?.taints, ['NoSchedule', 'NoExecute']) === undefined;
}

const hasLabels = (spreads: readonly Spread[], node: NodeInfo): boolean => spreads.every(({ topologyKey }) => Object.hasOwn(node.labels, topologyKey));

function matching(selector: Selector, { namespace }: PodInfo, node: NodeInfo): number {
  let count = 0;
  for (const other of node.pods) {
    if (other.namespace === namespace && other.pod.metadata.deletionTimestamp === undefined && matchesSelector(selector, other.pod.metadata.labels)) count++;
  }
  return count;
}

function filterOf(hard: readonly Spread[], pod: PodInfo, world: World): Pick<Opinion, 'filter'> {
  const nodes = world.nodes.filter((node) => hasLabels(hard, node));
  const rules = hard.map((spread) => {
    const found = new TopologyCounts();
    for (const node of nodes) if (counts(spread, pod, node)) found.add(spread.topologyKey, node, matching(spread.selector, pod, node));
    const domains = found.values(spread.topologyKey);
    const least = domains.size < spread.minDomains || domains.size === 0 ? 0 : Math.min(...domains.values());
    return { spread, found, least, self: matchesSelector(spread.selector, pod.pod.metadata.labels) ? 1 : 0 };
  });
  return {
    filter: (node) => {
      for (const { spread, found, least, self } of rules) {
        if (!Object.hasOwn(node.labels, spread.topologyKey)) return NO_LABEL;
        if (found.at(spread.topologyKey, node) + self - least > spread.maxSkew) return UNEVEN;
      }
      return undefined;
    },
  };
}

/** Fewer pods alike nearby are better; a topology with more domains weighs more. */
function scoreOf(soft: readonly Spread[], pod: PodInfo, world: World, allLabels: boolean): Pick<Opinion, 'score' | 'normalise'> {
  const rules = soft.map((spread) => {
    const found = new TopologyCounts();
    for (const node of world.nodes) if (counts(spread, pod, node)) found.add(spread.topologyKey, node, matching(spread.selector, pod, node));
    return { spread, found, weight: Math.log(found.values(spread.topologyKey).size + 2) };
  });
  return {
    score: (node) => {
      if (allLabels && !hasLabels(soft, node)) return IGNORED;
      let score = 0;
      for (const { spread, found, weight } of rules) {
        if (Object.hasOwn(node.labels, spread.topologyKey)) score += found.at(spread.topologyKey, node) * weight + (spread.maxSkew - 1);
      }
      return Math.round(score);
    },
    normalise: (scores) => {
      const known = scores.filter((score) => score !== IGNORED);
      const most = Math.max(0, ...known);
      const least = Math.min(...known);
      return scores.map((score) => (score === IGNORED ? 0 : most === 0 ? MAX_SCORE : Math.floor((MAX_SCORE * (most + least - score)) / most)));
    },
  };
}

/** A node that lacks a label is not liked at all. */
const IGNORED = -1;
