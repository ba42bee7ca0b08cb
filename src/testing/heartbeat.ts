import { isDeepStrictEqual } from 'node:util';
import type { Node } from '../api/gen/types/core.v1.ts';
import type { KubeObject } from '../machinery/object.ts';

/** Whether a change is one that a cluster at rest goes on making: a renewed lease, a node that is alive, an old event that expires. */
export function isHeartbeat(resource: string, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject, previous: KubeObject | undefined): boolean {
  if (resource === 'events' || resource === 'events.events.k8s.io') return type === 'DELETED';
  if (type !== 'MODIFIED' || previous === undefined) return false;
  if (resource === 'leases.coordination.k8s.io') return true;
  return resource === 'nodes' && isDeepStrictEqual(withoutTimes(object), withoutTimes(previous));
}

function withoutTimes(node: Node): unknown {
  const { resourceVersion: _, managedFields: __, ...metadata } = node.metadata ?? {};
  const conditions = node.status?.conditions?.map(({ lastHeartbeatTime: ___, ...rest }) => rest);
  return { ...node, metadata, status: { ...node.status, conditions } };
}
