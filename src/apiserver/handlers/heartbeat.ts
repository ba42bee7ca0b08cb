import { semanticEqual } from '../../api/equal.ts';
import type { KubeObject } from '../../machinery/object.ts';
import type { Binding } from '../registry/registry.ts';

interface Lease extends KubeObject {
  readonly spec?: { readonly renewTime?: string };
}

interface Node extends KubeObject {
  readonly status?: { readonly conditions?: readonly { readonly lastHeartbeatTime?: string }[] };
}

/** Whether only a Lease's renewTime or a Node's heartbeat times have changed: such a write need not wait for the disk (law 6). */
export function isHeartbeat({ stored: { group, resource } }: Binding, now: KubeObject, old: KubeObject): boolean {
  if (group === 'coordination.k8s.io' && resource === 'leases') return semanticEqual(withoutRenewal(now as Lease), withoutRenewal(old as Lease));
  if (group === '' && resource === 'nodes') return semanticEqual(withoutBeats(now as Node), withoutBeats(old as Node));
  return false;
}

const bare = ({ kind: _k, apiVersion: _a, metadata: { resourceVersion: _r, ...metadata } = {}, ...rest }: KubeObject): object => ({ ...rest, metadata });

function withoutRenewal({ spec: { renewTime: _, ...spec } = {}, ...rest }: Lease): object {
  return { ...bare(rest), spec };
}

function withoutBeats({ status: { conditions = [], ...status } = {}, ...rest }: Node): object {
  return { ...bare(rest), status: { ...status, conditions: conditions.map(({ lastHeartbeatTime: _, ...condition }) => condition) } };
}
