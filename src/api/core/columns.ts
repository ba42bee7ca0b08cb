import { ageColumn, containerColumns, formatLabels, integer, nameColumn, text, wide } from '../columns.ts';
import type * as core from '../gen/types/core.v1.ts';
import type { Column } from '../kind.ts';

/** Columns of the small kinds of the core group; pods, nodes, services and events have files of their own. */

export const namespaceColumns: readonly Column<core.Namespace>[] = [
  nameColumn,
  text('Status', 'Active or Terminating.', ({ status }) => status?.phase ?? ''),
  ageColumn,
];

export const configMapColumns: readonly Column<core.ConfigMap>[] = [
  nameColumn,
  text('Data', 'How many keys it has.', ({ data, binaryData }) => Object.keys(data ?? {}).length + Object.keys(binaryData ?? {}).length),
  ageColumn,
];

export const secretColumns: readonly Column<core.Secret>[] = [
  nameColumn,
  text('Type', 'What its keys mean.', ({ type }) => type ?? ''),
  text('Data', 'How many keys it has.', ({ data }) => Object.keys(data ?? {}).length),
  ageColumn,
];

const SHORT_MODES: Readonly<Record<string, string>> = { ReadWriteOnce: 'RWO', ReadOnlyMany: 'ROX', ReadWriteMany: 'RWX', ReadWriteOncePod: 'RWOP' };

/** `RWO,ROX`: each once, in Kubernetes' order. */
function formatAccessModes(modes: readonly string[] | undefined): string {
  return Object.entries(SHORT_MODES)
    .filter(([mode]) => (modes ?? []).includes(mode))
    .map(([, short]) => short)
    .join(',');
}

const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

export const persistentVolumeColumns: readonly Column<core.PersistentVolume>[] = [
  nameColumn,
  text('Capacity', 'Its size.', ({ spec }) => spec?.capacity?.storage ?? '0'),
  text('Access Modes', 'How it may be mounted.', ({ spec }) => formatAccessModes(spec?.accessModes)),
  text('Reclaim Policy', 'What happens when its claim is gone.', ({ spec }) => spec?.persistentVolumeReclaimPolicy ?? ''),
  text('Status', 'Available, Bound, Released or Failed.', ({ metadata, status }) =>
    metadata?.deletionTimestamp === undefined ? (status?.phase ?? '') : 'Terminating',
  ),
  text('Claim', 'The claim that has it.', ({ spec }) => (spec?.claimRef === undefined ? '' : `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}`)),
  text('StorageClass', 'Its class.', ({ metadata, spec }) => metadata?.annotations?.[CLASS_ANNOTATION] ?? spec?.storageClassName ?? ''),
  text('VolumeAttributesClass', 'Its class of attributes that can be changed.', ({ spec }) => spec?.volumeAttributesClassName ?? '<unset>'),
  text('Reason', 'Why it failed.', ({ status }) => status?.reason ?? ''),
  ageColumn,
  wide('VolumeMode', 'Filesystem or Block.', ({ spec }) => spec?.volumeMode ?? '<unset>'),
];

export const persistentVolumeClaimColumns: readonly Column<core.PersistentVolumeClaim>[] = [
  nameColumn,
  text('Status', 'Pending, Bound or Lost.', ({ metadata, status }) => (metadata?.deletionTimestamp === undefined ? (status?.phase ?? '') : 'Terminating')),
  text('Volume', 'The volume that it has.', ({ spec }) => spec?.volumeName ?? ''),
  text('Capacity', 'The size of that volume.', ({ spec, status }) =>
    spec?.volumeName === undefined || spec.volumeName === '' ? '' : (status?.capacity?.storage ?? '0'),
  ),
  text('Access Modes', 'How it may be mounted.', ({ spec, status }) =>
    spec?.volumeName === undefined || spec.volumeName === '' ? '' : formatAccessModes(status?.accessModes),
  ),
  text('StorageClass', 'The class that it asks for.', ({ metadata, spec }) => metadata?.annotations?.[CLASS_ANNOTATION] ?? spec?.storageClassName ?? ''),
  text('VolumeAttributesClass', 'The class of attributes that it asks for.', ({ spec }) => spec?.volumeAttributesClassName ?? '<unset>'),
  ageColumn,
  wide('VolumeMode', 'Filesystem or Block.', ({ spec }) => spec?.volumeMode ?? '<unset>'),
];

const MOST_ENDPOINTS = 3;

function formatEndpoints({ subsets }: core.Endpoints): string {
  if ((subsets ?? []).length === 0) return '<none>';
  const all = (subsets ?? []).flatMap((s) => {
    const addresses = s.addresses ?? [];
    const ports = s.ports ?? [];
    if (ports.length === 0) return addresses.map(({ ip }) => ip);
    return ports.flatMap(({ port }) => addresses.map(({ ip }) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`)));
  });
  const shown = all.slice(0, MOST_ENDPOINTS).join(',');
  return all.length > MOST_ENDPOINTS ? `${shown} + ${all.length - MOST_ENDPOINTS} more...` : shown;
}

export const endpointsColumns: readonly Column<core.Endpoints>[] = [nameColumn, text('Endpoints', 'Addresses that are ready.', formatEndpoints), ageColumn];

export const replicationControllerColumns: readonly Column<core.ReplicationController>[] = [
  nameColumn,
  integer('Desired', 'Pods that there should be.', ({ spec }) => spec?.replicas ?? 0),
  integer('Current', 'Pods that there are.', ({ status }) => status?.replicas ?? 0),
  integer('Ready', 'Pods that are ready.', ({ status }) => status?.readyReplicas ?? 0),
  ageColumn,
  ...containerColumns<core.ReplicationController>(({ spec }) => spec?.template?.spec),
  wide('Selector', 'Labels of its pods.', ({ spec }) => formatLabels(spec?.selector)),
];

export const podTemplateColumns: readonly Column<core.PodTemplate>[] = [
  nameColumn,
  text('Containers', 'Names of the containers.', ({ template }) => (template?.spec?.containers ?? []).map((c) => c.name).join(',')),
  text('Images', 'Images of the containers.', ({ template }) => (template?.spec?.containers ?? []).map((c) => c.image ?? '').join(',')),
  text('Pod Labels', 'Labels of the pods.', ({ template }) => formatLabels(template?.metadata?.labels)),
];

/** `cpu: 1/2, pods: 3/10`, by name; limits apart from the rest. */
function formatQuota({ status }: core.ResourceQuota, limits: boolean): string {
  const names = Object.keys(status?.hard ?? {}).filter((name) => name.startsWith('limits.') === limits);
  return names
    .sort()
    .map((name) => `${name}: ${status?.used?.[name] ?? '0'}/${status?.hard?.[name] ?? '0'}`)
    .join(', ');
}

export const resourceQuotaColumns: readonly Column<core.ResourceQuota>[] = [
  nameColumn,
  text('Request', 'Used of what is allowed, for requests and counts.', (quota) => formatQuota(quota, false)),
  text('Limit', 'Used of what is allowed, for limits.', (quota) => formatQuota(quota, true)),
  ageColumn,
];

const health = ({ conditions }: core.ComponentStatus): core.ComponentCondition | undefined => (conditions ?? []).find((c) => c.type === 'Healthy');

export const componentStatusColumns: readonly Column<core.ComponentStatus>[] = [
  nameColumn,
  text('Status', 'Healthy or not.', (c) => (health(c) === undefined ? 'Unknown' : health(c)?.status === 'True' ? 'Healthy' : 'Unhealthy')),
  text('Message', 'What it says.', (c) => health(c)?.message ?? ''),
  text('Error', 'What is wrong.', (c) => health(c)?.error ?? ''),
];
