import { formatLabelSelector } from '../../machinery/labels.ts';
import { ageColumn, containerColumns, formatLabels, integer, nameColumn, text, wide } from '../columns.ts';
import type * as apps from '../gen/types/apps.v1.ts';
import type { Column } from '../kind.ts';

export const deploymentColumns: readonly Column<apps.Deployment>[] = [
  nameColumn,
  text('Ready', 'Ready pods of the pods that there should be.', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`),
  text('Up-to-date', 'Pods of the newest template.', ({ status }) => status?.updatedReplicas ?? 0),
  text('Available', 'Pods that have been ready long enough.', ({ status }) => status?.availableReplicas ?? 0),
  ageColumn,
  ...containerColumns<apps.Deployment>(({ spec }) => spec?.template.spec),
  wide('Selector', 'Labels of its pods.', ({ spec }) => formatLabelSelector(spec?.selector)),
];

export const replicaSetColumns: readonly Column<apps.ReplicaSet>[] = [
  nameColumn,
  integer('Desired', 'Pods that there should be.', ({ spec }) => spec?.replicas ?? 0),
  integer('Current', 'Pods that there are.', ({ status }) => status?.replicas ?? 0),
  integer('Ready', 'Pods that are ready.', ({ status }) => status?.readyReplicas ?? 0),
  ageColumn,
  ...containerColumns<apps.ReplicaSet>(({ spec }) => spec?.template?.spec),
  wide('Selector', 'Labels of its pods.', ({ spec }) => formatLabelSelector(spec?.selector)),
];

export const statefulSetColumns: readonly Column<apps.StatefulSet>[] = [
  nameColumn,
  text('Ready', 'Ready pods of the pods that there should be.', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`),
  ageColumn,
  ...containerColumns<apps.StatefulSet>(({ spec }) => spec?.template.spec),
];

export const daemonSetColumns: readonly Column<apps.DaemonSet>[] = [
  nameColumn,
  integer('Desired', 'Nodes that should run it.', ({ status }) => status?.desiredNumberScheduled ?? 0),
  integer('Current', 'Nodes that should and do run it.', ({ status }) => status?.currentNumberScheduled ?? 0),
  integer('Ready', 'Nodes where it is ready.', ({ status }) => status?.numberReady ?? 0),
  integer('Up-to-date', 'Nodes that run the newest template.', ({ status }) => status?.updatedNumberScheduled ?? 0),
  integer('Available', 'Nodes where it has been ready long enough.', ({ status }) => status?.numberAvailable ?? 0),
  text('Node Selector', 'Labels of the nodes.', ({ spec }) => formatLabels(spec?.template.spec?.nodeSelector)),
  ageColumn,
  ...containerColumns<apps.DaemonSet>(({ spec }) => spec?.template.spec),
  wide('Selector', 'Labels of its pods.', ({ spec }) => formatLabelSelector(spec?.selector)),
];

function formatController({ metadata }: apps.ControllerRevision): string {
  const owner = (metadata?.ownerReferences ?? []).find((o) => o.controller === true);
  if (owner === undefined) return '<none>';
  const [group = ''] = owner.apiVersion.includes('/') ? owner.apiVersion.split('/') : [''];
  return `${owner.kind.toLowerCase()}${group === '' ? '' : `.${group}`}/${owner.name}`;
}

export const controllerRevisionColumns: readonly Column<apps.ControllerRevision>[] = [
  nameColumn,
  text('Controller', 'What it is a revision of.', formatController),
  text('Revision', 'Its number.', ({ revision }) => revision),
  ageColumn,
];
