import { type FieldError, type FieldPath, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { matchesLabelSelector, validateLabelSelector } from '../../machinery/labels.ts';
import { asJson, checkNonNegative, checkSupported, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import { validateTemplate } from '../core/pod-template.validation.ts';
import { semanticEqual } from '../equal.ts';
import type * as batch from '../gen/types/batch.v1.ts';

const SPEC = root('spec');
const MAX_INDEXED_PARALLELISM = 100_000;

export function validateJob({ spec }: batch.Job): readonly FieldError[] {
  if (spec === undefined) return [required(SPEC)];
  const errors: Errors = validateJobSpec(spec, SPEC);
  if (spec.selector === undefined) errors.push(required(SPEC.child('selector')));
  else errors.push(...validateLabelSelector(spec.selector, SPEC.child('selector')));
  const labels = spec.template?.metadata?.labels;
  if (spec.selector !== undefined && !matchesLabelSelector(spec.selector, labels))
    errors.push(invalid(SPEC.child('template', 'metadata').child('labels'), asJson(labels), '`selector` does not match template `labels`'));
  return errors;
}

/** Of a job, and of the template in a CronJob. */
export function validateJobSpec(spec: batch.JobSpec, path: FieldPath): Errors {
  const errors: Errors = [];
  for (const field of [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
    'backoffLimitPerIndex',
    'maxFailedIndexes',
  ] as const) {
    checkNonNegative(errors, path.child(field), spec[field]);
  }
  errors.push(...validateCompletion(spec, path));
  checkSupported(errors, path.child('podReplacementPolicy'), spec.podReplacementPolicy, ['Failed', 'TerminatingOrFailed']);
  errors.push(...validateFailurePolicy(spec, path), ...validateSuccessPolicy(spec, path));
  errors.push(...validateTemplate(spec.template, path.child('template')));
  const policy = spec.template?.spec?.restartPolicy;
  const at = path.child('template', 'spec').child('restartPolicy');
  if (isEmpty(policy) || policy === 'Always') errors.push(required(at, 'valid values: "OnFailure", "Never"'));
  else if (policy !== 'OnFailure' && policy !== 'Never') errors.push(notSupported(at, policy, ['OnFailure', 'Never']));
  return errors;
}

function validateCompletion(spec: batch.JobSpec, path: FieldPath): Errors {
  const errors: Errors = [];
  const mode = spec.completionMode;
  checkSupported(errors, path.child('completionMode'), mode, ['Indexed', 'NonIndexed']);
  if (mode === 'Indexed') {
    if (spec.completions === undefined) errors.push(required(path.child('completions'), 'when completion mode is Indexed'));
    if ((spec.parallelism ?? 0) > MAX_INDEXED_PARALLELISM)
      errors.push(
        invalid(path.child('parallelism'), spec.parallelism, `must be less than or equal to ${MAX_INDEXED_PARALLELISM} when completion mode is Indexed`),
      );
    return errors;
  }
  for (const field of ['backoffLimitPerIndex', 'maxFailedIndexes'] as const)
    if (spec[field] !== undefined) errors.push(invalid(path.child(field), spec[field], 'requires indexed completion mode'));
  return errors;
}

const ACTIONS = ['Count', 'FailIndex', 'FailJob', 'Ignore'];

function validateFailurePolicy(spec: batch.JobSpec, path: FieldPath): Errors {
  const errors: Errors = [];
  const { podFailurePolicy: policy } = spec;
  if (policy === undefined) return errors;
  const at = path.child('podFailurePolicy');
  if (spec.template?.spec?.restartPolicy !== 'Never')
    errors.push(invalid(at, asJson(policy), 'only "Never" is supported for the pod template\'s restart policy when using pod failure policy'));
  for (const [i, rule] of (policy.rules ?? []).entries()) {
    const rulePath = at.child('rules').index(i);
    if (isEmpty(rule.action)) errors.push(required(rulePath.child('action'), `valid values: ${ACTIONS.map((a) => JSON.stringify(a)).join(', ')}`));
    else if (!ACTIONS.includes(rule.action)) errors.push(notSupported(rulePath.child('action'), rule.action, ACTIONS));
    const conditions = (rule.onPodConditions ?? []).length > 0;
    if (rule.onExitCodes !== undefined && conditions) errors.push(invalid(rulePath, '', 'specifying both OnExitCodes and OnPodConditions is not supported'));
    if (rule.onExitCodes === undefined && !conditions) errors.push(invalid(rulePath, '', 'specifying one of OnExitCodes and OnPodConditions is required'));
  }
  return errors;
}

function validateSuccessPolicy({ successPolicy: policy, completionMode }: batch.JobSpec, path: FieldPath): Errors {
  const errors: Errors = [];
  if (policy === undefined) return errors;
  const at = path.child('successPolicy');
  if (completionMode !== 'Indexed') return [invalid(at, asJson(policy), 'requires indexed completion mode')];
  if ((policy.rules ?? []).length === 0) errors.push(required(at.child('rules'), 'at least one rules must be specified when the successPolicy is specified'));
  for (const [i, { succeededCount, succeededIndexes }] of (policy.rules ?? []).entries()) {
    const rulePath = at.child('rules').index(i);
    if (succeededCount === undefined && succeededIndexes === undefined)
      errors.push(required(rulePath, 'at least one of succeededCount or succeededIndexes must be specified'));
    checkNonNegative(errors, rulePath.child('succeededCount'), succeededCount);
  }
  return errors;
}

/** A job's work is fixed; how fast it is done may change. A suspended one may be steered to other nodes before it starts. */
export function validateJobUpdate(job: batch.Job, old: batch.Job): readonly FieldError[] {
  const errors: Errors = [...validateJob(job)];
  const [now, before] = [job.spec, old.spec];
  if (now === undefined || before === undefined) return errors;
  const elastic = before.completionMode === 'Indexed' && now.completions === now.parallelism;
  if (!elastic && now.completions !== before.completions) errors.push(invalid(SPEC.child('completions'), now.completions ?? null, IMMUTABLE));
  for (const field of ['selector', 'completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy'] as const) {
    if (!semanticEqual(now[field], before[field])) errors.push(invalid(SPEC.child(field), asJson(now[field]), IMMUTABLE));
  }
  const steerable = before.suspend === true && old.status?.startTime === undefined;
  if (!semanticEqual(fixedTemplate(now, steerable), fixedTemplate(before, steerable)))
    errors.push(invalid(SPEC.child('template'), asJson(now.template), IMMUTABLE));
  return errors;
}

function fixedTemplate({ template }: batch.JobSpec, steerable: boolean): unknown {
  if (!steerable) return template;
  const { nodeSelector: _selector, affinity: _affinity, tolerations: _tolerations, schedulingGates: _gates, ...spec } = template.spec ?? { containers: [] };
  const { labels: _labels, annotations: _annotations, ...metadata } = template.metadata ?? {};
  return { metadata, spec };
}
