import type { Refusal } from './plugin.ts';

/** Why a pod is not scheduled, in exactly the words of Kubernetes 1.36: people search for them, and programs parse them. */

export const NO_NODES = 'no nodes available to schedule pods';
export const NOT_HELPFUL = 'Preemption is not helpful for scheduling';
export const NO_VICTIMS = 'No preemption victims found for incoming pod';

/** `0/3 nodes are available: 1 Insufficient cpu, 2 Too many pods.` */
export function nodesMessage(nodes: number, refusals: Iterable<Refusal>): string {
  const counts = new Map<string, number>();
  for (const { reasons } of refusals) for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const listed = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${nodes} nodes are available:${listed.length === 0 ? '' : ` ${listed.join(', ')}.`}`;
}

/** When no node was looked at, because none would do. */
export function podMessage(nodes: number, { reasons }: Refusal): string {
  return `0/${nodes} nodes are available: ${reasons.join(', ')}.`;
}

/** What follows about making room; `preemption`: why that does not help either. */
export function withPreemption(message: string, preemption: string): string {
  return `${message} no new claims to deallocate, preemption: ${preemption}`;
}
