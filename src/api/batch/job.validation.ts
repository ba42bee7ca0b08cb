import { type FieldError, type FieldPath, invalid, notSupported, required, tooLong } from '../../machinery/field-error.ts';
import { matchesLabelSelector, validateLabelSelector } from '../../machinery/labels.ts';
import { dns1123LabelFaults } from '../../machinery/names.ts';
import { asJson, checkNonNegative, checkSupported, type Errors, IMMUTABLE, isEmpty, root, selectorJson } from '../checks.ts';
import { keepOldTemplate, validateTemplate } from '../core/pod-template.validation.ts';
import { domainPrefixedPathErrors } from '../domain-prefixed-path.ts';
import { semanticEqual } from '../equal.ts';
import type * as batch from '../gen/types/batch.v1.ts';
import type * as core from '../gen/types/core.v1.ts';
import { validateFailurePolicy, validateSuccessPolicy } from './job-policy.validation.ts';

const SPEC = root('spec');
const MAX_INDEXED_PARALLELISM = 100_000;
const MAX_FAILED_INDEXES = 100_000;
const MANY_COMPLETIONS = 100_000;
const MANY_AT_A_TIME = 10_000;
const MAX_MANAGER = 63;

export function validateJob({ metadata, spec }: batch.Job): readonly FieldError[] {
  if (spec === undefined) return [required(SPEC)];
  const errors: Errors = [...selectorErrors(spec, metadata?.uid ?? '', metadata?.name ?? ''), ...validateWholeSpec(spec)];
  if (spec.completionMode !== 'Indexed' || (spec.completions ?? 0) <= 0) return errors;
  // Its pods are named after it, with their index.
  const host = `${metadata?.name ?? ''}-${(spec.completions ?? 0) - 1}`;
  if (dns1123LabelFaults(host).length > 0)
    errors.push(invalid(root('metadata').child('name'), metadata?.name ?? '', `will not able to create pod with invalid DNS label: ${host}`));
  return errors;
}

/** A selector that the server makes finds the pods by labels that the server gives, whatever labels the writer gave. */
function selectorErrors({ manualSelector, selector, template }: batch.JobSpec, uid: string, name: string): Errors {
  const errors: Errors = [];
  if (manualSelector === true || selector === undefined) return errors;
  if (uid === '') errors.push(required(root('metadata').child('uid')));
  const expected = {
    'controller-uid': uid,
    'job-name': name,
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
  };
  const labels = template?.metadata?.labels ?? {};
  for (const [key, value] of Object.entries(expected)) {
    const at = SPEC.child('template', 'metadata').child('labels').key(key);
    if (labels[key] === undefined) errors.push(required(at, `must be '${value}'`));
    else if (labels[key] !== value) errors.push(invalid(at, asJson(labels), `must be '${value}'`));
  }
  if (!matchesLabelSelector(selector, expected)) errors.push(invalid(SPEC.child('selector'), selectorJson(selector), '`selector` not auto-generated'));
  return errors;
}

function validateWholeSpec(spec: batch.JobSpec): Errors {
  const errors: Errors = validateJobSpec(spec, SPEC);
  if (spec.selector === undefined) errors.push(required(SPEC.child('selector')));
  else errors.push(...validateLabelSelector(spec.selector, SPEC.child('selector')));
  const labels = spec.template?.metadata?.labels;
  if (!matchesLabelSelector(spec.selector, labels))
    errors.push(invalid(SPEC.child('template', 'metadata').child('labels'), asJson(labels), '`selector` does not match template `labels`'));
  return errors;
}

/** Of a job, and of the template in a CronJob. */
export function validateJobSpec(spec: batch.JobSpec, path: FieldPath): Errors {
  const errors: Errors = [];
  for (const field of ['parallelism', 'completions', 'activeDeadlineSeconds', 'backoffLimit', 'ttlSecondsAfterFinished', 'backoffLimitPerIndex'] as const)
    checkNonNegative(errors, path.child(field), spec[field]);
  checkNonNegative(errors, path.child('maxFailedIndexes'), spec.maxFailedIndexes);
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined)
    errors.push(required(path.child('backoffLimitPerIndex'), 'when maxFailedIndexes is specified'));
  errors.push(...managerErrors(spec.managedBy, path.child('managedBy')), ...validateCompletion(spec, path));
  if (spec.podFailurePolicy !== undefined) errors.push(...validateFailurePolicy(spec, path.child('podFailurePolicy')));
  if (spec.successPolicy !== undefined) {
    const at = path.child('successPolicy');
    if (spec.completionMode === 'Indexed') errors.push(...validateSuccessPolicy(spec, at));
    else errors.push(invalid(at, asJson(spec.successPolicy), 'requires indexed completion mode'));
  }
  const replacements = spec.podFailurePolicy === undefined ? ['Failed', 'TerminatingOrFailed'] : ['Failed'];
  checkSupported(errors, path.child('podReplacementPolicy'), spec.podReplacementPolicy, replacements);
  errors.push(...validateTemplate(spec.template, path.child('template')));
  const policy = spec.template?.spec?.restartPolicy;
  const at = path.child('template', 'spec').child('restartPolicy');
  if (isEmpty(policy) || policy === 'Always') errors.push(required(at, 'valid values: "OnFailure", "Never"'));
  else if (policy !== 'OnFailure' && policy !== 'Never') errors.push(notSupported(at, policy, ['OnFailure', 'Never']));
  else if (spec.podFailurePolicy !== undefined && policy !== 'Never')
    errors.push(invalid(at, policy, 'only "Never" is supported when podFailurePolicy is specified'));
  return errors;
}

function managerErrors(manager: string | undefined, path: FieldPath): Errors {
  if (manager === undefined) return [];
  const errors = domainPrefixedPathErrors(manager, path);
  return manager.length > MAX_MANAGER ? [...errors, tooLong(path, MAX_MANAGER)] : errors;
}

function validateCompletion(spec: batch.JobSpec, path: FieldPath): Errors {
  const errors: Errors = [];
  const mode = spec.completionMode;
  checkSupported(errors, path.child('completionMode'), mode, ['NonIndexed', 'Indexed']);
  if (mode === 'Indexed') return [...errors, ...indexedErrors(spec, path)];
  if (mode !== undefined && mode !== 'NonIndexed') return errors;
  for (const field of ['backoffLimitPerIndex', 'maxFailedIndexes'] as const)
    if (spec[field] !== undefined) errors.push(invalid(path.child(field), spec[field], 'requires indexed completion mode'));
  return errors;
}

function indexedErrors({ completions, parallelism, maxFailedIndexes: failed, backoffLimitPerIndex: limit }: batch.JobSpec, path: FieldPath): Errors {
  const errors: Errors = [];
  const most = (field: string, value: number | undefined, bound: number, when = ''): void => {
    if (value !== undefined && value > bound) errors.push(invalid(path.child(field), value, `must be less than or equal to ${bound}${when}`));
  };
  if (completions === undefined) errors.push(required(path.child('completions'), 'when completion mode is Indexed'));
  most('parallelism', parallelism, MAX_INDEXED_PARALLELISM, ' when completion mode is Indexed');
  if (completions !== undefined && failed !== undefined && failed > completions)
    errors.push(invalid(path.child('maxFailedIndexes'), failed, 'must be less than or equal to completions'));
  most('maxFailedIndexes', failed, MAX_FAILED_INDEXES);
  if ((completions ?? 0) <= MANY_COMPLETIONS || limit === undefined) return errors;
  if (failed === undefined) errors.push(required(path.child('maxFailedIndexes'), `must be specified when completions is above ${MANY_COMPLETIONS}`));
  const when = ` when completions are above ${MANY_COMPLETIONS} and used with backoff limit per index`;
  most('parallelism', parallelism, MANY_AT_A_TIME, when);
  most('maxFailedIndexes', failed, MANY_AT_A_TIME, when);
  return errors;
}

/** A job's work is fixed; how fast it is done may change. A suspended one may be steered to other nodes before it starts. */
export function validateJobUpdate(job: batch.Job, old: batch.Job): readonly FieldError[] {
  const [now, before] = [job.spec, old.spec];
  if (now === undefined || before === undefined) return validateJob(job);
  const errors: Errors = [...keepOldTemplate(validateWholeSpec, 'spec.template')(now, before), ...completionsErrors(now, before)];
  const fixed = (field: string, value: unknown, then: unknown): void => {
    if (!semanticEqual(value, then)) errors.push(invalid(SPEC.child(field), asJson(value), IMMUTABLE));
  };
  if (!semanticEqual(now.selector, before.selector)) errors.push(invalid(SPEC.child('selector'), selectorJson(now.selector), IMMUTABLE));
  errors.push(...templateChanges(now, before, isAtRest(old)));
  for (const field of ['completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy'] as const)
    fixed(field, now[field], before[field]);
  return errors;
}

/** An indexed job may grow and shrink, as long as all of it runs at a time. */
function completionsErrors(now: batch.JobSpec, before: batch.JobSpec): Errors {
  const path = SPEC.child('completions');
  if (now.completions === before.completions) return [];
  if (now.completionMode !== 'Indexed') return [invalid(path, now.completions ?? null, IMMUTABLE)];
  if (now.completions === undefined || now.completions === now.parallelism) return [];
  return [invalid(path, now.completions, 'can only be modified in tandem with spec.parallelism')];
}

/** Suspended, with no pod of its own left or yet. */
function isAtRest({ spec, status }: batch.Job): boolean {
  const said = (status?.conditions ?? []).some(({ type, status: value }) => type === 'Suspended' && value === 'True');
  return spec?.suspend === true && (status?.active ?? 0) === 0 && (isEmpty(status?.startTime) || said);
}

/** While the job is at rest, its pods may be steered elsewhere, and may get other resources (KEP-5440). */
function templateChanges(now: batch.JobSpec, before: batch.JobSpec, atRest: boolean): Errors {
  if (!atRest) return semanticEqual(now.template, before.template) ? [] : [invalid(SPEC.child('template'), asJson(now.template), IMMUTABLE)];
  const path = SPEC.child('template', 'spec');
  return semanticEqual(fixedSpec(now, before), fixedSpec(before, now)) ? [] : [invalid(path, asJson(now.template.spec), IMMUTABLE)];
}

/** What may not change while the job is at rest. */
function fixedSpec({ template }: batch.JobSpec, other: batch.JobSpec): unknown {
  const { nodeSelector: _selector, affinity, tolerations: _tolerations, schedulingGates: _gates, ...spec } = template.spec ?? { containers: [] };
  const { nodeAffinity: _nodes, ...company } = affinity ?? {};
  return {
    ...spec,
    containers: withoutResources(spec.containers, other.template.spec?.containers),
    initContainers: withoutResources(spec.initContainers, other.template.spec?.initContainers),
    ...(Object.keys(company).length === 0 ? {} : { affinity: company }),
  };
}

/** Of the containers that stand where they stood. */
const withoutResources = (containers: readonly core.Container[] = [], others: readonly core.Container[] = []): readonly core.Container[] =>
  containers.length !== others.length ? containers : containers.map((c, i) => (c.name === others[i]?.name ? { ...c, resources: {} } : c));
