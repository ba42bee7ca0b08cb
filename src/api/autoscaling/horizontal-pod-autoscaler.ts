import type { Draft } from '../../machinery/object.ts';
import type * as v1 from '../gen/types/autoscaling.v1.ts';
import type * as v2 from '../gen/types/autoscaling.v2.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { autoscalerColumns, autoscalerV1Columns } from './columns.ts';
import { autoscalerFromStorage, autoscalerToStorage, CARRIED, CPU_PERCENT } from './horizontal-pod-autoscaler.convert.ts';
import { validateAutoscaler, validateAutoscalerStatus, validateAutoscalerUpdate } from './horizontal-pod-autoscaler.validation.ts';

function defaultAutoscaler({ metadata, spec }: Draft<v2.HorizontalPodAutoscaler>): void {
  // What v1 carries in annotations has fields of its own here.
  for (const key of Object.keys(metadata?.annotations ?? {})) if (CARRIED.includes(key)) delete metadata?.annotations?.[key];
  if (spec === undefined) return;
  spec.minReplicas ??= 1;
  if ((spec.metrics ?? []).length === 0)
    spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: CPU_PERCENT } } }];
  if (spec.behavior !== undefined) defaultBehavior(spec.behavior);
}

/** API reference, HorizontalPodAutoscalerBehavior v2: what the absent parts mean is filled in once any is given. */
function defaultBehavior(behavior: Draft<v2.HorizontalPodAutoscalerBehavior>): void {
  behavior.scaleUp = {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    ...defined(behavior.scaleUp),
    policies: behavior.scaleUp?.policies ?? [
      { type: 'Pods', value: 4, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ],
  };
  behavior.scaleDown = {
    selectPolicy: 'Max',
    ...defined(behavior.scaleDown),
    policies: behavior.scaleDown?.policies ?? [{ type: 'Percent', value: 100, periodSeconds: 15 }],
  };
}

function defined<T extends object>(rules: T | undefined): T {
  return Object.fromEntries(Object.entries(rules ?? {}).filter(([, value]) => value !== undefined)) as T;
}

const base = specAndStatus<v2.HorizontalPodAutoscaler>({ generation: false });

export const autoscalerRules: KindRules<v2.HorizontalPodAutoscaler> = {
  strategy: {
    ...base,
    status: { ...base.status, validateUpdate: validateAutoscalerStatus },
    default: defaultAutoscaler,
    allowUnconditionalUpdate: true,
    validateCreate: validateAutoscaler,
    validateUpdate: validateAutoscalerUpdate,
  },
  columns: autoscalerColumns,
  shortNames: ['hpa'],
  categories: ['all'],
};

export const autoscalerV1Rules: KindRules<v1.HorizontalPodAutoscaler> = {
  strategy: {
    ...specAndStatus({ generation: false }),
    default: ({ spec }) => {
      if (spec !== undefined) spec.minReplicas ??= 1;
    },
    allowUnconditionalUpdate: true,
  },
  columns: autoscalerV1Columns,
  shortNames: ['hpa'],
  categories: ['all'],
  storage: { group: 'autoscaling', version: 'v2' },
  convert: { toStorage: autoscalerToStorage, fromStorage: autoscalerFromStorage },
};
