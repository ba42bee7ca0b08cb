import { ageColumn, nameColumn, text, wide } from '../columns.ts';
import type * as core from '../gen/types/core.v1.ts';
import type { Column } from '../kind.ts';

const ROLE_PREFIX = 'node-role.kubernetes.io/';

function formatStatus({ spec, status }: core.Node): string {
  const ready = (status?.conditions ?? []).find((c) => c.type === 'Ready');
  const word = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return spec?.unschedulable === true ? `${word},SchedulingDisabled` : word;
}

function formatRoles({ metadata }: core.Node): string {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(metadata?.labels ?? {})) {
    if (key.startsWith(ROLE_PREFIX) && key.length > ROLE_PREFIX.length) roles.add(key.slice(ROLE_PREFIX.length));
    else if (key === 'kubernetes.io/role' && value !== '') roles.add(value);
  }
  return roles.size === 0 ? '<none>' : [...roles].sort().join(',');
}

const address =
  (type: string) =>
  (node: core.Node): string =>
    (node.status?.addresses ?? []).find((a) => a.type === type)?.address ?? '<none>';
const known = (value: string | undefined): string => (value === undefined || value === '' ? '<unknown>' : value);

export const nodeColumns: readonly Column<core.Node>[] = [
  nameColumn,
  text('Status', 'Whether the node is ready and takes pods.', formatStatus),
  text('Roles', 'Roles that its labels name.', formatRoles),
  ageColumn,
  text('Version', 'Version of the node agent.', ({ status }) => status?.nodeInfo?.kubeletVersion ?? ''),
  wide('Internal-IP', 'Address inside the cluster.', address('InternalIP')),
  wide('External-IP', 'Address outside the cluster.', address('ExternalIP')),
  wide('OS-Image', 'Operating system.', ({ status }) => known(status?.nodeInfo?.osImage)),
  wide('Kernel-Version', 'Kernel.', ({ status }) => known(status?.nodeInfo?.kernelVersion)),
  wide('Container-Runtime', 'What runs the containers.', ({ status }) => known(status?.nodeInfo?.containerRuntimeVersion)),
];
