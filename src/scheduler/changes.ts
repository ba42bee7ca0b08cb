import type { Node, Pod } from '../api/gen/types/core.v1.ts';
import { isPodTerminal } from '../api/core/pod.rules.ts';
import type { ClusterChange } from './plugin.ts';

/** Which changes may let other pods be scheduled: most status updates do not, and waking everybody for them would be a busy loop. */

type Words = Readonly<Record<string, string>> | undefined;

export function nodeChanged(node: Node, previous: Node): boolean {
  return (
    node.spec?.unschedulable !== previous.spec?.unschedulable ||
    !sameWords(node.metadata?.labels, previous.metadata?.labels) ||
    !sameWords(node.status?.allocatable, previous.status?.allocatable) ||
    JSON.stringify(node.spec?.taints ?? []) !== JSON.stringify(previous.spec?.taints ?? [])
  );
}

/** Of a pod on a node. */
export function podChange(pod: Pod, previous: Pod | undefined): ClusterChange | undefined {
  const isOver = isPodTerminal(pod);
  if (previous === undefined || (previous.spec?.nodeName ?? '') === '') return isOver ? undefined : 'pod-placed';
  if (isOver !== isPodTerminal(previous)) return 'pod-gone';
  // It may have been resized, or no longer count as leaving or staying for those that are spread.
  if (
    pod.metadata?.generation !== previous.metadata?.generation ||
    (pod.metadata?.deletionTimestamp === undefined) !== (previous.metadata?.deletionTimestamp === undefined)
  )
    return 'pod-gone';
  return sameWords(pod.metadata?.labels, previous.metadata?.labels) ? undefined : 'pod-placed';
}

export function sameWords(a: Words, b: Words): boolean {
  if (a === b) return true;
  const left = Object.entries(a ?? {});
  const right = b ?? {};
  return left.length === Object.keys(right).length && left.every(([key, value]) => Object.hasOwn(right, key) && right[key] === value);
}
