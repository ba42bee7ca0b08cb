import type { JsonObject } from '../../machinery/object.ts';
import { ageColumn, integer, nameColumn, text } from '../columns.ts';
import type * as v1 from '../gen/types/autoscaling.v1.ts';
import type * as v2 from '../gen/types/autoscaling.v2.ts';
import type { Column } from '../kind.ts';
import { autoscalerToStorage } from './horizontal-pod-autoscaler.convert.ts';

const MOST_METRICS = 2;

interface Value {
  readonly averageUtilization?: number | undefined;
  readonly averageValue?: string | undefined;
  readonly value?: string | undefined;
}

const formatPair = (current: Value | undefined, target: Value): string => {
  if (target.averageValue !== undefined) return `${current?.averageValue ?? '<unknown>'}/${target.averageValue} (avg)`;
  if (target.averageUtilization !== undefined) {
    return `${current?.averageUtilization === undefined ? '<unknown>' : `${current.averageUtilization}%`}/${target.averageUtilization}%`;
  }
  return `${current?.value ?? '<unknown>'}/${target.value ?? '<auto>'}`;
};

function formatMetric(spec: v2.MetricSpec, current: v2.MetricStatus | undefined): string {
  switch (spec.type) {
    case 'External':
      return formatPair(current?.external?.current, spec.external?.target ?? {});
    case 'Pods':
      return `${current?.pods?.current.averageValue ?? '<unknown>'}/${spec.pods?.target.averageValue ?? ''}`;
    case 'Object':
      return formatPair(current?.object?.current, spec.object?.target ?? {});
    case 'Resource':
      return `${spec.resource?.name ?? ''}: ${formatResource(spec.resource?.target, current?.resource?.current)}`;
    case 'ContainerResource':
      return `${spec.containerResource?.name ?? ''}: ${formatResource(spec.containerResource?.target, current?.containerResource?.current)}`;
    default:
      return '<unknown type>';
  }
}

function formatResource(target: Value | undefined, current: Value | undefined): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? '<unknown>'}/${target.averageValue}`;
  const now = current?.averageUtilization === undefined ? '<unknown>' : `${current.averageUtilization}%`;
  return `${now}/${target?.averageUtilization === undefined ? '<auto>' : `${target.averageUtilization}%`}`;
}

function formatTargets({ spec, status }: v2.HorizontalPodAutoscaler): string {
  const metrics = spec?.metrics ?? [];
  if (metrics.length === 0) return '<none>';
  const shown = metrics.slice(0, MOST_METRICS).map((metric, i) => formatMetric(metric, status?.currentMetrics?.[i]));
  return metrics.length > MOST_METRICS ? `${shown.join(', ')} + ${metrics.length - MOST_METRICS} more...` : shown.join(', ');
}

const reference = (target: { readonly kind: string; readonly name: string } | undefined): string => `${target?.kind ?? ''}/${target?.name ?? ''}`;

export const autoscalerColumns: readonly Column<v2.HorizontalPodAutoscaler>[] = [
  nameColumn,
  text('Reference', 'What it scales.', ({ spec }) => reference(spec?.scaleTargetRef)),
  text('Targets', 'Measured values and the values that they should have.', formatTargets),
  text('MinPods', 'Fewest replicas.', ({ spec }) => (spec?.minReplicas === undefined ? '<unset>' : String(spec.minReplicas))),
  text('MaxPods', 'Most replicas.', ({ spec }) => spec?.maxReplicas ?? 0),
  text('Replicas', 'Replicas now.', ({ status }) => status?.currentReplicas ?? 0),
  ageColumn,
];

/** The older version shows what the newer one does: its other metrics stand in annotations. */
export const autoscalerV1Columns: readonly Column<v1.HorizontalPodAutoscaler>[] = autoscalerColumns.map((column) => ({
  ...column,
  cell: (object, nowMs) => column.cell(autoscalerToStorage(object as unknown as JsonObject) as unknown as v2.HorizontalPodAutoscaler, nowMs),
}));

/** How many there should be, and how many there are, of whatever is scaled. */
export const scaleColumns: readonly Column<v1.Scale>[] = [
  nameColumn,
  integer('Desired', 'How many replicas there should be.', ({ spec }) => spec?.replicas ?? 0),
  integer('Available', 'How many replicas there are.', ({ status }) => status?.replicas ?? 0),
  ageColumn,
];
