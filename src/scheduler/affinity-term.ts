import type { Pod, PodAffinityTerm, WeightedPodAffinityTerm } from '../api/gen/types/core.v1.ts';
import { type Labels, matchesSelector, type Selector, selectorOf } from '../machinery/labels.ts';
import type { PodInfo } from './pod-info.ts';

/** One term of pod affinity or anti-affinity, read once. */
export interface AffinityTerm {
  readonly topologyKey: string;
  readonly weight: number;
  readonly selector: Selector;
  readonly namespaces: ReadonlySet<string>;
  readonly namespaceSelector: Selector | undefined;
}

export interface AffinityTerms {
  readonly affinity: readonly AffinityTerm[];
  readonly antiAffinity: readonly AffinityTerm[];
  /** Preferred, with negative weights for anti-affinity. */
  readonly preferred: readonly AffinityTerm[];
}

export type NamespaceLabels = (namespace: string) => Labels | undefined;

/** Undefined: the pod has none. */
export function affinityTerms(pod: Pod): AffinityTerms | undefined {
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  if (podAffinity === undefined && podAntiAffinity === undefined) return undefined;
  const namespace = pod.metadata?.namespace ?? '';
  const required = (terms: readonly PodAffinityTerm[] | undefined): AffinityTerm[] => (terms ?? []).map((term) => read(term, namespace, 1));
  const preferred = (terms: readonly WeightedPodAffinityTerm[] | undefined, sign: number): AffinityTerm[] =>
    (terms ?? []).map(({ podAffinityTerm, weight }) => read(podAffinityTerm, namespace, sign * weight));
  return {
    affinity: required(podAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    antiAffinity: required(podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    preferred: [
      ...preferred(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution, 1),
      ...preferred(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution, -1),
    ],
  };
}

/** matchLabelKeys need no look here: the API server has merged them into the selector. */
function read({ topologyKey, labelSelector, namespaces = [], namespaceSelector }: PodAffinityTerm, own: string, weight: number): AffinityTerm {
  const isOwn = namespaces.length === 0 && namespaceSelector === undefined;
  return {
    topologyKey,
    weight,
    selector: selectorOf(labelSelector),
    namespaces: new Set(isOwn ? [own] : namespaces),
    namespaceSelector: namespaceSelector === undefined ? undefined : selectorOf(namespaceSelector),
  };
}

/** Whether the pod is one of those that the term speaks of. */
export function termMatches(term: AffinityTerm, { namespace, pod }: PodInfo, labelsOf: NamespaceLabels): boolean {
  const inNamespace = term.namespaces.has(namespace) || (term.namespaceSelector !== undefined && matchesSelector(term.namespaceSelector, labelsOf(namespace)));
  return inNamespace && matchesSelector(term.selector, pod.metadata.labels);
}
