import { type FieldError, type FieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { pathSegmentNameFaults } from '../../machinery/names.ts';
import { addFaults, checkNonNegative, type Errors, isEmpty, POSITIVE, root } from '../checks.ts';
import { quantityOf } from '../core/resources.validation.ts';
import type * as v2 from '../gen/types/autoscaling.v2.ts';

const SPEC = root('spec');
const METRIC_TYPES = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource'];
const PART_OF_TYPE: Readonly<Record<string, keyof v2.MetricSpec>> = {
  ContainerResource: 'containerResource',
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
};

export function validateAutoscaler({ spec }: v2.HorizontalPodAutoscaler): readonly FieldError[] {
  const errors: Errors = [];
  if (spec === undefined) return [required(SPEC.child('scaleTargetRef'))];
  const { minReplicas, maxReplicas } = spec;
  if (minReplicas !== undefined && minReplicas < 1) errors.push(invalid(SPEC.child('minReplicas'), minReplicas, 'must be greater than or equal to 1'));
  if (maxReplicas < 1) errors.push(invalid(SPEC.child('maxReplicas'), maxReplicas, POSITIVE));
  if (minReplicas !== undefined && maxReplicas < minReplicas)
    errors.push(invalid(SPEC.child('maxReplicas'), maxReplicas, 'must be greater than or equal to `minReplicas`'));
  for (const field of ['kind', 'name'] as const) {
    const at = SPEC.child('scaleTargetRef', field);
    const value = spec.scaleTargetRef?.[field];
    if (isEmpty(value)) errors.push(required(at));
    else addFaults(errors, at, value, pathSegmentNameFaults(value));
  }
  for (const [i, metric] of (spec.metrics ?? []).entries()) errors.push(...validateMetric(metric, SPEC.child('metrics').index(i)));
  for (const side of ['scaleUp', 'scaleDown'] as const) {
    const rules = spec.behavior?.[side];
    if (rules !== undefined) errors.push(...validateRules(rules, SPEC.child('behavior', side)));
  }
  return errors;
}

function validateMetric(metric: v2.MetricSpec, path: FieldPath): Errors {
  const errors: Errors = [];
  if (isEmpty(metric.type)) return [required(path.child('type'), 'must specify a metric source type')];
  if (!METRIC_TYPES.includes(metric.type)) errors.push(notSupported(path.child('type'), metric.type, METRIC_TYPES));
  let found = 0;
  for (const part of Object.values(PART_OF_TYPE)) {
    const source = metric[part];
    if (source === undefined || typeof source === 'string') continue;
    if (found++ > 0) errors.push(forbidden(path.child(part), 'may not specify more than one metric source'));
    else errors.push(...validateSource(source, path.child(part)));
  }
  const wanted = Object.hasOwn(PART_OF_TYPE, metric.type) ? PART_OF_TYPE[metric.type] : undefined;
  if (wanted !== undefined && metric[wanted] === undefined) errors.push(required(path.child(wanted), 'must populate information for the given metric source'));
  return errors;
}

interface Source {
  readonly name?: string;
  readonly container?: string;
  readonly metric?: { readonly name: string } | undefined;
  readonly target?: v2.MetricTarget | undefined;
}

function validateSource(source: Source, path: FieldPath): Errors {
  const errors: Errors = [];
  if ('name' in source && isEmpty(source.name)) errors.push(required(path.child('name'), 'must specify a resource name'));
  if ('metric' in source && isEmpty(source.metric?.name)) errors.push(required(path.child('metric', 'name'), 'must specify a metric name'));
  const { target } = source;
  const at = path.child('target');
  if (isEmpty(target?.type)) errors.push(required(at.child('type'), 'must specify a metric target type'));
  else if (!['Utilization', 'Value', 'AverageValue'].includes(target?.type ?? ''))
    errors.push(invalid(at.child('type'), target?.type ?? '', 'must be either Utilization, Value, or AverageValue'));
  for (const field of ['value', 'averageValue'] as const) {
    const amount = target?.[field];
    if (amount !== undefined && quantityOf(amount).nanos <= 0n) errors.push(invalid(at.child(field), amount, 'must be positive'));
  }
  const percent = target?.averageUtilization;
  if (percent !== undefined && percent < 1) errors.push(invalid(at.child('averageUtilization'), percent, POSITIVE));
  return errors;
}

const MAX_WINDOW = 3600;
const MAX_PERIOD = 1800;

function validateRules(rules: v2.HPAScalingRules, path: FieldPath): Errors {
  const errors: Errors = [];
  checkNonNegative(errors, path.child('stabilizationWindowSeconds'), rules.stabilizationWindowSeconds);
  if ((rules.stabilizationWindowSeconds ?? 0) > MAX_WINDOW)
    errors.push(invalid(path.child('stabilizationWindowSeconds'), rules.stabilizationWindowSeconds, `must be less than or equal to ${MAX_WINDOW}`));
  const choice = rules.selectPolicy;
  if (choice !== undefined && !['Disabled', 'Max', 'Min'].includes(choice))
    errors.push(notSupported(path.child('selectPolicy'), choice, ['Disabled', 'Max', 'Min']));
  if ((rules.policies ?? []).length === 0) errors.push(required(path.child('policies'), 'must specify at least one Policy'));
  for (const [i, policy] of (rules.policies ?? []).entries()) {
    const at = path.child('policies').index(i);
    if (policy.type !== 'Pods' && policy.type !== 'Percent') errors.push(notSupported(at.child('type'), policy.type, ['Percent', 'Pods']));
    if (policy.value <= 0) errors.push(invalid(at.child('value'), policy.value, 'must be greater than zero'));
    if (policy.periodSeconds <= 0) errors.push(invalid(at.child('periodSeconds'), policy.periodSeconds, 'must be greater than zero'));
    if (policy.periodSeconds > MAX_PERIOD) errors.push(invalid(at.child('periodSeconds'), policy.periodSeconds, `must be less than or equal to ${MAX_PERIOD}`));
  }
  return errors;
}
