import { type FieldError, type FieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { dns1123LabelFaults, pathSegmentNameFaults } from '../../machinery/names.ts';
import { addFaults, checkNonNegative, type Errors, isEmpty, NON_NEGATIVE, POSITIVE, root } from '../checks.ts';
import { quantityOf } from '../core/resources.validation.ts';
import type * as v2 from '../gen/types/autoscaling.v2.ts';

const SPEC = root('spec');
const METRIC_TYPES = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource'];
/** In the order in which they are looked at: only the first of several is. */
const PARTS = ['object', 'external', 'pods', 'resource', 'containerResource'] as const;
type Part = (typeof PARTS)[number];
const PART_OF_TYPE: Readonly<Record<string, Part>> = {
  ContainerResource: 'containerResource',
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
};
const TARGET_TYPES = ['Utilization', 'Value', 'AverageValue'];
const NO_TARGET = {
  object: 'must set either a target value or averageValue',
  external: 'must set either a target value for metric or a per-pod target',
  pods: 'must specify a positive target averageValue',
};

type Spec = v2.HorizontalPodAutoscalerSpec;

export const validateAutoscaler = ({ spec }: v2.HorizontalPodAutoscaler): readonly FieldError[] => validateSpec(spec, undefined);

/** One that scales to nothing already may go on, and so may one that names no group or no version. */
export const validateAutoscalerUpdate = ({ spec }: v2.HorizontalPodAutoscaler, old: v2.HorizontalPodAutoscaler): readonly FieldError[] =>
  validateSpec(spec, old.spec);

export function validateAutoscalerStatus({ status }: v2.HorizontalPodAutoscaler): readonly FieldError[] {
  const errors: Errors = [];
  for (const field of ['currentReplicas', 'desiredReplicas'] as const) checkNonNegative(errors, root('status').child(field), status?.[field]);
  return errors;
}

function validateSpec(spec: Spec | undefined, old: Spec | undefined): Errors {
  const errors: Errors = [];
  const least = old?.minReplicas === 0 ? 0 : 1;
  if (spec === undefined) return [required(SPEC.child('scaleTargetRef'))];
  const { minReplicas, maxReplicas } = spec;
  if (minReplicas !== undefined && minReplicas < least)
    errors.push(invalid(SPEC.child('minReplicas'), minReplicas, `must be greater than or equal to ${least}`));
  if (maxReplicas === 0) errors.push(required(SPEC.child('maxReplicas'), 'must be set and greater than 0'));
  if (maxReplicas < 0) errors.push(invalid(SPEC.child('maxReplicas'), maxReplicas, POSITIVE));
  if (minReplicas !== undefined && maxReplicas < minReplicas)
    errors.push(invalid(SPEC.child('maxReplicas'), maxReplicas, 'must be greater than or equal to `minReplicas`'));
  // Of what scales, only this is in the group without a name.
  const needsGroup = spec.scaleTargetRef?.kind !== 'ReplicationController';
  const target = SPEC.child('scaleTargetRef');
  errors.push(...referenceErrors(spec.scaleTargetRef, target));
  if (old === undefined || versionFault(old.scaleTargetRef, needsGroup) === undefined) errors.push(...versionErrors(spec.scaleTargetRef, target, needsGroup));
  const metrics = spec.metrics ?? [];
  const anyVersion = (old?.metrics ?? []).some(({ object }) => object !== undefined && versionFault(object.describedObject, false) !== undefined);
  for (const [i, metric] of metrics.entries()) errors.push(...validateMetric(metric, SPEC.child('metrics').index(i), anyVersion));
  if (minReplicas === 0 && !metrics.some(({ type }) => type === 'Object' || type === 'External'))
    errors.push(forbidden(SPEC.child('metrics'), 'must specify at least one Object or External metric to support scaling to zero replicas'));
  for (const side of ['scaleUp', 'scaleDown'] as const) {
    const rules = spec.behavior?.[side];
    if (rules !== undefined) errors.push(...validateRules(rules, SPEC.child('behavior', side)));
  }
  return errors;
}

function referenceErrors(reference: v2.CrossVersionObjectReference | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  for (const field of ['kind', 'name'] as const) checkSegment(errors, path.child(field), reference?.[field], '');
  return errors;
}

type Reference = v2.CrossVersionObjectReference | undefined;

function versionFault(reference: Reference, needsGroup: boolean): string | undefined {
  const version = reference?.apiVersion ?? '';
  const parts = version === '/' ? [''] : version.split('/');
  if (parts.length > 2) return `unexpected GroupVersion string: ${version}`;
  return needsGroup && (parts.length < 2 || parts[0] === '') ? 'apiVersion must specify API group' : undefined;
}

function versionErrors(reference: Reference, path: FieldPath, needsGroup: boolean): Errors {
  const fault = versionFault(reference, needsGroup);
  return fault === undefined ? [] : [invalid(path.child('apiVersion'), reference?.apiVersion ?? '', fault)];
}

/** A name that stands in paths; `missing`: what is said when it isn't there. */
function checkSegment(errors: Errors, path: FieldPath, value: string | undefined, missing: string): void {
  if (isEmpty(value)) errors.push(required(path, missing));
  else addFaults(errors, path, value, pathSegmentNameFaults(value));
}

function validateMetric(metric: v2.MetricSpec, path: FieldPath, anyVersion: boolean): Errors {
  const errors: Errors = [];
  if (isEmpty(metric.type)) errors.push(required(path.child('type'), 'must specify a metric source type'));
  const known = METRIC_TYPES.includes(metric.type);
  if (!known) errors.push(notSupported(path.child('type'), metric.type, METRIC_TYPES));
  const present = PARTS.filter((part) => metric[part] !== undefined);
  const [first] = present;
  if (first !== undefined) errors.push(...sourceErrors(metric, first, path.child(first), anyVersion));
  const wanted = known ? PART_OF_TYPE[metric.type] : undefined;
  if (wanted !== undefined && metric[wanted] === undefined) errors.push(required(path.child(wanted), 'must populate information for the given metric source'));
  if (!known) errors.push(notSupported(path.child('type'), metric.type, METRIC_TYPES));
  for (const part of present.length > 1 ? present.toSorted() : [])
    if (part !== wanted) errors.push(forbidden(path.child(part), 'must populate the given metric source only'));
  return errors;
}

/** What each source must name, and which of the targets it may have. */
function sourceErrors(metric: v2.MetricSpec, part: Part, path: FieldPath, anyVersion: boolean): Errors {
  const errors: Errors = [];
  const target = metric[part]?.target;
  const at = path.child('target');
  if (part === 'object') {
    const described = path.child('describedObject');
    errors.push(...referenceErrors(metric.object?.describedObject, described));
    if (!anyVersion) errors.push(...versionErrors(metric.object?.describedObject, described, false));
  }
  if (part === 'resource' || part === 'containerResource') {
    if (isEmpty(metric[part]?.name)) errors.push(required(path.child('name'), 'must specify a resource name'));
    if (part === 'containerResource') errors.push(...containerErrors(metric.containerResource?.container, path.child('container')));
    errors.push(...targetErrors(target, at));
    if (target?.averageUtilization === undefined && target?.averageValue === undefined)
      errors.push(required(at.child('averageUtilization'), 'must set either a target raw value or a target utilization'));
    if (target?.averageUtilization !== undefined && target.averageValue !== undefined)
      errors.push(forbidden(at.child('averageValue'), 'may not set both a target raw value and a target utilization'));
    return errors;
  }
  checkSegment(errors, path.child('metric', 'name'), metric[part]?.metric.name, 'must specify a metric name');
  errors.push(...targetErrors(target, at));
  if (target?.averageValue === undefined && (part === 'pods' || target?.value === undefined)) errors.push(required(at.child('averageValue'), NO_TARGET[part]));
  if (part === 'external' && target?.value !== undefined && target.averageValue !== undefined)
    errors.push(forbidden(at.child('value'), 'may not set both a target value for metric and a per-pod target'));
  return errors;
}

function containerErrors(name: string | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  if (isEmpty(name)) errors.push(required(path, 'must specify a container'));
  else addFaults(errors, path, name, dns1123LabelFaults(name));
  return errors;
}

function targetErrors(target: v2.MetricTarget | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  const type = target?.type ?? '';
  if (type === '') errors.push(required(path.child('type'), 'must specify a metric target type'));
  if (!TARGET_TYPES.includes(type)) errors.push(invalid(path.child('type'), type, 'must be either Utilization, Value, or AverageValue'));
  for (const field of ['value', 'averageValue'] as const) {
    const amount = target?.[field];
    if (amount !== undefined && quantityOf(amount).nanos <= 0n) errors.push(invalid(path.child(field), amount, 'must be positive'));
  }
  const percent = target?.averageUtilization;
  if (percent !== undefined && percent < 1) errors.push(invalid(path.child('averageUtilization'), percent, POSITIVE));
  return errors;
}

const MAX_WINDOW = 3600;
const MAX_PERIOD = 1800;

function validateRules(rules: v2.HPAScalingRules, path: FieldPath): Errors {
  const errors: Errors = [];
  const window = rules.stabilizationWindowSeconds;
  if (window !== undefined && window < 0) errors.push(invalid(path.child('stabilizationWindowSeconds'), window, 'must be greater than or equal to zero'));
  if (window !== undefined && window > MAX_WINDOW)
    errors.push(invalid(path.child('stabilizationWindowSeconds'), window, `must be less than or equal to ${MAX_WINDOW}`));
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
  if (rules.tolerance !== undefined && quantityOf(rules.tolerance).nanos < 0n) errors.push(invalid(path.child('tolerance'), rules.tolerance, NON_NEGATIVE));
  return errors;
}
