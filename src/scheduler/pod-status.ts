import { pods } from '../api/gen/resources.ts';
import type { Pod } from '../api/gen/types/core.v1.ts';
import type { Client } from '../client/client.ts';
import type { DraftObject, Stored } from '../machinery/object.ts';
import { findCondition } from '../machinery/conditions.ts';
import { formatTime } from '../machinery/time.ts';

export interface PodVerdict {
  readonly reason: 'Unschedulable' | 'SchedulerError';
  readonly message: string;
  /** Where room is being made for it; '' takes an earlier promise back, undefined leaves it. */
  readonly nominatedNodeName?: string | undefined;
}

/** The change of status that says the verdict; undefined when the pod says it already. */
export function statusPatch(pod: Stored<Pod>, { reason, message, nominatedNodeName }: PodVerdict, nowMs: number): DraftObject | undefined {
  const known = findCondition(pod.status?.conditions as Parameters<typeof findCondition>[0], 'PodScheduled');
  const saysSo = known?.status === 'False' && known.reason === reason && known.message === message;
  const nominated = pod.status?.nominatedNodeName ?? '';
  const renominate = nominatedNodeName !== undefined && nominatedNodeName !== nominated;
  if (saysSo && !renominate) return undefined;
  const lastTransitionTime = known?.status === 'False' ? (known.lastTransitionTime ?? formatTime(nowMs)) : formatTime(nowMs);
  const condition: DraftObject = { type: 'PodScheduled', status: 'False', reason, message, lastProbeTime: null, lastTransitionTime };
  return {
    metadata: { uid: pod.metadata.uid },
    status: { conditions: [condition], ...(renominate && { nominatedNodeName: nominatedNodeName === '' ? null : nominatedNodeName }) },
  };
}

/** Says that the pod is about to be evicted, and evicts it: gracefully, as any deletion. */
export async function evict(client: Client, victim: Stored<Pod>, nowMs: number): Promise<void> {
  const { name, namespace, uid } = victim.metadata;
  const condition: DraftObject = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'PreemptionByScheduler',
    message: `${victim.spec?.schedulerName ?? 'default-scheduler'}: preempting to accommodate a higher priority pod`,
    lastTransitionTime: formatTime(nowMs),
  };
  const body = { metadata: { uid }, status: { conditions: [condition] } };
  await client.patch(pods, name, { type: 'strategic', body }, { namespace, subresource: 'status' });
  await client.delete(pods, name, namespace, { preconditions: { uid } });
}
