import type { AffinityTerm, AffinityTerms } from '../affinity-term.ts';
import { termMatches } from '../affinity-term.ts';
import type { NodeInfo } from '../node-info.ts';
import { MAX_SCORE, type Opinion, type Plugin, refuse, refuseForGood, type World } from '../plugin.ts';
import type { PodInfo } from '../pod-info.ts';
import { TopologyCounts } from '../topology.ts';

const AFFINITY = refuseForGood("node(s) didn't match pod affinity rules");
const ANTI_AFFINITY = refuse("node(s) didn't match pod anti-affinity rules");
const OTHERS_ANTI_AFFINITY = refuse("node(s) didn't satisfy existing pods anti-affinity rules");

const NONE: AffinityTerms = { affinity: [], antiAffinity: [], preferred: [] };
/** What a required affinity of a pod that is there already weighs for a pod that it wants near. */
const REQUIRED_WEIGHT = 1;

/** Pods that want to be near others or away from them, in both directions: what this pod wants, and what those that run want of it. */
export const interPodAffinity: Plugin = {
  name: 'InterPodAffinity',
  events: ['pod-gone', 'pod-placed', 'node', 'namespace'],
  weight: 2,
  consider: (pod, world) => {
    const others = world.nodes.some(({ pods }) => pods.some(({ affinity }) => affinity !== undefined));
    if (pod.affinity === undefined && !others) return undefined;
    return { ...filterOf(pod, world), ...scoreOf(pod, world) };
  },
};

function filterOf(pod: PodInfo, world: World): Pick<Opinion, 'filter'> {
  const { affinity, antiAffinity } = pod.affinity ?? NONE;
  const wanted = new TopologyCounts();
  const shunned = new TopologyCounts();
  const shunnedBy = new TopologyCounts();
  for (const node of world.nodes) {
    for (const other of node.pods) {
      for (const term of other.affinity?.antiAffinity ?? []) if (termMatches(term, pod, world.namespaceLabels)) shunnedBy.add(term.topologyKey, node, 1);
      if (affinity.length > 0 && affinity.every((term) => termMatches(term, other, world.namespaceLabels))) {
        for (const { topologyKey } of affinity) wanted.add(topologyKey, node, 1);
      }
      for (const term of antiAffinity) if (termMatches(term, other, world.namespaceLabels)) shunned.add(term.topologyKey, node, 1);
    }
  }
  const lonely = wanted.empty && affinity.every((term) => termMatches(term, pod, world.namespaceLabels));
  const isNear = (node: NodeInfo): boolean =>
    affinity.every(({ topologyKey }) => Object.hasOwn(node.labels, topologyKey) && (lonely || wanted.at(topologyKey, node) > 0));
  return {
    filter: (node) => {
      if (!isNear(node)) return AFFINITY;
      if (antiAffinity.some(({ topologyKey }) => shunned.at(topologyKey, node) > 0)) return ANTI_AFFINITY;
      return shunnedBy.total(node) > 0 ? OTHERS_ANTI_AFFINITY : undefined;
    },
  };
}

function scoreOf(pod: PodInfo, world: World): Pick<Opinion, 'score' | 'normalise'> {
  const { preferred } = pod.affinity ?? NONE;
  const liked = new TopologyCounts();
  const like = (term: AffinityTerm, whom: PodInfo, node: NodeInfo, weight: number): void => {
    if (termMatches(term, whom, world.namespaceLabels)) liked.add(term.topologyKey, node, weight);
  };
  for (const node of world.nodes) {
    for (const other of node.pods) {
      for (const term of preferred) like(term, other, node, term.weight);
      for (const term of other.affinity?.preferred ?? []) like(term, pod, node, term.weight);
      for (const term of other.affinity?.affinity ?? []) like(term, pod, node, REQUIRED_WEIGHT);
    }
  }
  if (liked.empty) return {};
  return { score: (node) => liked.total(node), normalise: stretch };
}

/** The least liked node gets 0, the most liked one 100. */
function stretch(scores: readonly number[]): readonly number[] {
  const least = Math.min(...scores);
  const range = Math.max(...scores) - least;
  return scores.map((score) => (range === 0 ? 0 : Math.floor((MAX_SCORE * (score - least)) / range)));
}
