import { getOwn } from '../../machinery/record.ts';
import type { Node, NodeSelectorTerm, PodSpec, Taint, Toleration } from '../gen/types/core.v1.ts';
import { matchesNodeSelector, type NodeFacts } from './persistent-volume.rules.ts';

/** Whether a pod may be on a node: the rules that scheduler, node and controllers share. As Kubernetes 1.36 behaves. */

export const UNSCHEDULABLE_TAINT = 'node.kubernetes.io/unschedulable';

export function nodeFacts(node: Node): NodeFacts {
  return { name: node.metadata?.name ?? '', labels: node.metadata?.labels };
}

/** An empty key with Exists tolerates everything; an empty effect every effect. */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  const { effect = '', key = '', operator = 'Equal', value = '' } = toleration;
  if (effect !== '' && effect !== taint.effect) return false;
  if (key !== '' && key !== taint.key) return false;
  if (operator === 'Exists') return true;
  if (operator === '' || operator === 'Equal') return value === (taint.value ?? '');
  return comparesWith(operator, taint.value ?? '', value);
}

const INTEGER = /^[+-]?\d{1,19}$/;

/** Gt and Lt: the taint's value beside the toleration's, as integers. */
function comparesWith(operator: string, taint: string, value: string): boolean {
  if (!INTEGER.test(taint) || !INTEGER.test(value)) return false;
  if (operator === 'Gt') return BigInt(taint) > BigInt(value);
  return operator === 'Lt' && BigInt(taint) < BigInt(value);
}

/** The first taint with one of the effects that nothing tolerates. */
export function untoleratedTaint(
  tolerations: readonly Toleration[] | undefined,
  taints: readonly Taint[] | undefined,
  effects: readonly string[],
): Taint | undefined {
  return taints?.find((taint) => effects.includes(taint.effect) && !(tolerations ?? []).some((toleration) => tolerates(toleration, taint)));
}

/** nodeSelector and required node affinity: both. */
export function matchesNodeAffinity(spec: PodSpec, node: NodeFacts): boolean {
  for (const [key, value] of Object.entries(spec.nodeSelector ?? {})) if (getOwn(node.labels, key) !== value) return false;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || matchesNodeSelector(required, node);
}

/** A preferred term without requirements matches every node. */
export function matchesPreference(preference: NodeSelectorTerm, node: NodeFacts): boolean {
  if ((preference.matchExpressions ?? []).length + (preference.matchFields ?? []).length === 0) return true;
  return matchesNodeSelector({ nodeSelectorTerms: [preference] }, node);
}

/** Cordoned nodes are for pods that tolerate the taint that stands for it. */
export function acceptsPods(node: Node, spec: PodSpec): boolean {
  if (node.spec?.unschedulable !== true) return true;
  return (spec.tolerations ?? []).some((toleration) => tolerates(toleration, { key: UNSCHEDULABLE_TAINT, effect: 'NoSchedule' }));
}
