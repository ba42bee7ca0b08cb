import type { Json, JsonObject } from '../../machinery/object.ts';
import { behaviorOf, flatMetric, flatStatus, internalBehavior, nestedMetric, nestedStatus } from './horizontal-pod-autoscaler.annotations.ts';

/**
 * autoscaling/v1 knows one metric, the use of CPU; what else v2 knows is carried in annotations, so that nothing is lost for a
 * client that reads v1 and writes it back.
 */
const METRICS = 'autoscaling.alpha.kubernetes.io/metrics';
const BEHAVIOR = 'autoscaling.alpha.kubernetes.io/behavior';
const CURRENT_METRICS = 'autoscaling.alpha.kubernetes.io/current-metrics';
const CONDITIONS = 'autoscaling.alpha.kubernetes.io/conditions';

const asObject = (value: Json | undefined): JsonObject => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {});
const asList = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : []);

/** Annotations that v2 has fields for. */
export const CARRIED: readonly string[] = [METRICS, BEHAVIOR, CURRENT_METRICS, CONDITIONS];

/** The use of CPU that is aimed at where nobody says anything. */
export const CPU_PERCENT = 80;

/** Both directions keep what they do not know about metadata, spec and status. */
export function autoscalerToStorage(v1: JsonObject): JsonObject {
  const { targetCPUUtilizationPercentage: percent, ...spec } = asObject(v1.spec);
  const { currentCPUUtilizationPercentage: current, currentReplicas = 0, ...rest } = asObject(v1.status);
  // v1 prints a zero, v2 does not.
  const status = currentReplicas === 0 ? rest : { ...rest, currentReplicas };
  const { annotations, taken } = takeAnnotations(v1.metadata);
  const metrics = [...asList(taken.get(METRICS)).map(nestedMetric), ...(percent === undefined ? [] : [cpuTarget(percent)])];
  const behavior = behaviorOf(taken.get(BEHAVIOR) ?? null);
  // What was measured stands in the annotation as a whole, the use of CPU too.
  const measured = asList(taken.get(CURRENT_METRICS)).map(nestedStatus);
  const currentMetrics = measured.length === 0 && current !== undefined ? [cpuCurrent(current)] : measured;
  const conditions = taken.get(CONDITIONS);
  return {
    ...v1,
    ...(v1.apiVersion === undefined ? {} : { apiVersion: 'autoscaling/v2' }),
    metadata: withAnnotations(v1.metadata, annotations),
    ...(v1.spec === undefined
      ? {}
      : { spec: { ...spec, metrics: metrics.length === 0 ? [cpuTarget(CPU_PERCENT)] : metrics, ...(behavior === undefined ? {} : { behavior }) } }),
    ...(v1.status === undefined ? {} : { status: { ...status, currentMetrics, ...(conditions === undefined ? {} : { conditions }) } }),
  };
}

export function autoscalerFromStorage(v2: JsonObject): JsonObject {
  const { metrics, behavior, ...spec } = asObject(v2.spec);
  const { currentMetrics, conditions, ...status } = asObject(v2.status);
  const isCpu = (metric: Json): boolean => cpuPercent(metric, 'target') !== undefined;
  const others = asList(metrics).filter((metric) => !isCpu(metric));
  const measured = asList(currentMetrics);
  const carried: [string, Json | undefined][] = [
    [METRICS, others.length === 0 ? undefined : others.map(flatMetric)],
    [BEHAVIOR, behavior === undefined ? undefined : internalBehavior(behavior)],
    [CURRENT_METRICS, measured.length === 0 ? undefined : measured.map(flatStatus)],
    [CONDITIONS, asList(conditions).length === 0 ? undefined : conditions],
  ];
  const annotations = Object.fromEntries(carried.filter(([, value]) => value !== undefined).map(([key, value]) => [key, JSON.stringify(value)]));
  const percent = cpuPercent(asList(metrics).find(isCpu), 'target');
  const current = cpuPercent(
    measured.find((metric) => cpuPercent(metric, 'current') !== undefined),
    'current',
  );
  return {
    ...v2,
    ...(v2.apiVersion === undefined ? {} : { apiVersion: 'autoscaling/v1' }),
    metadata: withAnnotations(v2.metadata, { ...takeAnnotations(v2.metadata).annotations, ...annotations }),
    ...(v2.spec === undefined ? {} : { spec: { ...spec, ...(percent === undefined ? {} : { targetCPUUtilizationPercentage: percent }) } }),
    ...(v2.status === undefined
      ? {}
      : { status: { currentReplicas: 0, ...status, ...(current === undefined ? {} : { currentCPUUtilizationPercentage: current }) } }),
  };
}

const cpuTarget = (percent: Json): Json => ({ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: percent } } });
const cpuCurrent = (percent: Json): Json => ({ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: percent } } });

function cpuPercent(metric: Json | undefined, part: 'target' | 'current'): Json | undefined {
  const resource = asObject(asObject(metric).resource);
  return asObject(metric).type === 'Resource' && resource.name === 'cpu' ? asObject(resource[part]).averageUtilization : undefined;
}

/** Those of the carried kind are taken from the rest, also such as nobody can read. */
function takeAnnotations(metadata: Json | undefined): { readonly annotations: JsonObject; readonly taken: ReadonlyMap<string, Json> } {
  const taken = new Map<string, Json>();
  const kept: Record<string, Json> = {};
  for (const [key, value] of Object.entries(asObject(asObject(metadata).annotations))) {
    if (!CARRIED.includes(key)) Object.defineProperty(kept, key, { value, enumerable: true, writable: true, configurable: true });
    else taken.set(key, parse(value) ?? null);
  }
  return { annotations: kept, taken };
}

/** Undefined for text that is no JSON. */
function parse(value: Json | undefined): Json | undefined {
  if (typeof value !== 'string') return undefined;
  try {
    return JSON.parse(value) as Json;
  } catch {
    return undefined;
  }
}

function withAnnotations(metadata: Json | undefined, annotations: JsonObject): JsonObject {
  const { annotations: _old, ...rest } = asObject(metadata);
  return Object.keys(annotations).length === 0 ? rest : { ...rest, annotations };
}
