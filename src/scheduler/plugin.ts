import type { Labels, Selector } from '../machinery/labels.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import type { VolumeView } from './volume-view.ts';

/** What a decision may look at: a consistent picture of the cluster, with what this scheduler has assumed laid over it. */
export interface World {
  readonly nodes: readonly NodeInfo[];
  readonly volumes: VolumeView;
  readonly namespaceLabels: (namespace: string) => Labels | undefined;
  /** Selectors of the services and sets that the pod belongs to: what default spreading spreads. */
  readonly groupsOf: (pod: PodInfo) => readonly Selector[];
  /** Pods that pods with a higher priority were promised a node for: they will come there. */
  readonly nominatedTo: (node: string) => readonly PodInfo[];
  readonly budgetsOf: (namespace: string) => readonly Budget[];
}

/** A PodDisruptionBudget: how many more of its pods may be disrupted now. */
export interface Budget {
  readonly selector: Selector;
  readonly allowed: number;
}

/** Why not, in Kubernetes' words. */
export interface Refusal {
  readonly reasons: readonly string[];
  /** Whether evicting pods from the node could help. */
  readonly resolvable: boolean;
}

export const refuse = (...reasons: readonly string[]): Refusal => ({ reasons, resolvable: true });
export const refuseForGood = (...reasons: readonly string[]): Refusal => ({ reasons, resolvable: false });

/** What a plugin has to say about one pod in one world. */
export interface Opinion {
  readonly filter?: (node: NodeInfo) => Refusal | undefined;
  /** Raw, of a node that passed every filter; `normalise` brings the scores of all of them to 0 … 100. */
  readonly score?: (node: NodeInfo) => number;
  readonly normalise?: (scores: readonly number[]) => readonly number[];
}

/** Changes in the cluster that may make an unschedulable pod schedulable. */
export type ClusterChange =
  | 'node'
  | 'pod-gone'
  | 'pod-placed'
  | 'claim'
  | 'volume'
  | 'class'
  | 'csi-node'
  | 'csi-driver'
  | 'capacity'
  | 'namespace'
  | 'service';

/** One rule about where pods go. Pure: it looks at its arguments only. */
export interface Plugin {
  /** Upstream's name. */
  readonly name: string;
  /** What could change its mind about a pod that it refused. */
  readonly events: readonly ClusterChange[];
  /** Of its score among the others; 0 or absent when it has none. */
  readonly weight?: number;
  /** Undefined: the plugin has nothing to say about this pod. A refusal: no node will do. */
  readonly consider: (pod: PodInfo, world: World) => Opinion | Refusal | undefined;
}

export function isRefusal(answer: Opinion | Refusal): answer is Refusal {
  return 'reasons' in answer;
}

export const MAX_SCORE = 100;

/** Scales to 0 … 100 by the largest; `reverse`: the smallest raw score is the best. */
export function byLargest(scores: readonly number[], reverse = false): readonly number[] {
  const largest = Math.max(0, ...scores);
  if (largest === 0) return scores.map(() => (reverse ? MAX_SCORE : 0));
  return scores.map((score) => {
    const scaled = Math.floor((MAX_SCORE * score) / largest);
    return reverse ? MAX_SCORE - scaled : scaled;
  });
}
