import type { NodeInfo } from '../node-info.ts';
import { MAX_SCORE, type Plugin, type Refusal } from '../plugin.ts';
import type { PodInfo } from '../pod-info.ts';

/** Enough of everything that the pod asks for, extended resources and the number of pods included; emptier nodes are liked more. */
export const nodeResourcesFit: Plugin = {
  name: 'NodeResourcesFit',
  events: ['node', 'pod-gone'],
  weight: 1,
  consider: (pod) => ({ filter: (node) => fits(pod, node), score: (node) => leastAllocated(pod, node) }),
};

function fits(pod: PodInfo, node: NodeInfo): Refusal | undefined {
  const reasons: string[] = [];
  let resolvable = true;
  if (node.pods.length + 1 > (node.allocatable.get('pods') ?? 0)) reasons.push('Too many pods');
  for (const [name, wanted] of pod.requests) {
    if (wanted <= 0) continue;
    const allocatable = node.allocatable.get(name) ?? 0;
    if (wanted <= allocatable - (node.requested.get(name) ?? 0)) continue;
    reasons.push(`Insufficient ${name}`);
    // More than the node has at all: evicting pods makes no difference.
    if (wanted > allocatable) resolvable = false;
  }
  return reasons.length === 0 ? undefined : { reasons, resolvable };
}

const SCORED = ['cpu', 'memory'];

function leastAllocated(pod: PodInfo, node: NodeInfo): number {
  let sum = 0;
  let counted = 0;
  for (const name of SCORED) {
    const allocatable = node.allocatable.get(name) ?? 0;
    if (allocatable === 0) continue;
    const wanted = (node.scored.get(name) ?? 0) + (pod.scored.get(name) ?? 0);
    sum += wanted > allocatable ? 0 : Math.floor(((allocatable - wanted) * MAX_SCORE) / allocatable);
    counted++;
  }
  return counted === 0 ? 0 : Math.floor(sum / counted);
}

/** Likes nodes on which cpu and memory are used in like proportion. */
export const balancedAllocation: Plugin = {
  name: 'NodeResourcesBalancedAllocation',
  events: [],
  weight: 1,
  consider: (pod) => {
    // A pod that asks for nothing leaves every node as balanced as it was.
    if (pod.requests.size === 0) return undefined;
    return { score: (node) => balance(pod, node) };
  },
};

function balance(pod: PodInfo, node: NodeInfo): number {
  const fractions: number[] = [];
  for (const name of SCORED) {
    const allocatable = node.allocatable.get(name) ?? 0;
    if (allocatable > 0) fractions.push(Math.min(1, ((node.requested.get(name) ?? 0) + (pod.requests.get(name) ?? 0)) / allocatable));
  }
  if (fractions.length < 2) return MAX_SCORE;
  const mean = fractions.reduce((sum, fraction) => sum + fraction, 0) / fractions.length;
  const deviation = Math.sqrt(fractions.reduce((sum, fraction) => sum + (fraction - mean) ** 2, 0) / fractions.length);
  return Math.floor((1 - deviation) * MAX_SCORE);
}
