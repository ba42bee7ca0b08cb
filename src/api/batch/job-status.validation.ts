import { duplicate, type FieldError, invalid, required, withoutValue } from '../../machinery/field-error.ts';
import { asJson, checkNonNegative, type Errors, root } from '../checks.ts';
import { semanticEqual } from '../equal.ts';
import type * as batch from '../gen/types/batch.v1.ts';
import { commonIndex, countIndexes } from './job-indexes.ts';

const STATUS = root('status');
const CONDITIONS = STATUS.child('conditions');
type Field = keyof batch.JobStatus;
type Condition = 'Complete' | 'Failed' | 'FailureTarget' | 'SuccessCriteriaMet';

/** One state of a job and the one before: rules look only at what has changed, so that jobs from before the rules go on. */
class Step {
  readonly now: batch.JobStatus;
  readonly then: batch.JobStatus;
  readonly spec: Partial<batch.JobSpec>;
  readonly errors: Errors = [];

  constructor(job: batch.Job, old: batch.Job) {
    this.now = job.status ?? {};
    this.then = old.status ?? {};
    this.spec = job.spec ?? {};
  }

  is(type: Condition, status = this.now): boolean {
    return (status.conditions ?? []).some((condition) => condition.type === type && condition.status === 'True');
  }

  isFinished(status = this.now): boolean {
    return this.is('Complete', status) || this.is('Failed', status);
  }

  changes(...fields: readonly Field[]): boolean {
    return fields.some((field) => !semanticEqual(this.now[field], this.then[field]));
  }

  turns(...types: readonly Condition[]): boolean {
    return types.some((type) => this.is(type) !== this.is(type, this.then));
  }

  get finishes(): boolean {
    return this.isFinished() !== this.isFinished(this.then);
  }

  refuse(detail: string): void {
    this.errors.push(withoutValue(CONDITIONS, detail));
  }

  refuseField(field: Field, detail: string): void {
    this.errors.push(invalid(STATUS.child(field), asJson(this.now[field]), detail));
  }
}

/** `ValidateJobUpdateStatus`: what any controller of jobs must keep to (KEP-4368). */
export function validateJobStatus(job: batch.Job, old: batch.Job): readonly FieldError[] {
  const step = new Step(job, old);
  for (const field of ['active', 'succeeded', 'failed', 'ready', 'terminating'] as const) checkNonNegative(step.errors, STATUS.child(field), step.now[field]);
  checkUncounted(step);
  checkEnds(step);
  checkIndexes(step);
  checkSuccess(step);
  checkProgress(step);
  return step.errors;
}

function checkUncounted({ now, errors }: Step): void {
  const seen = new Set<string>();
  for (const part of ['succeeded', 'failed'] as const) {
    for (const [i, uid] of (now.uncountedTerminatedPods?.[part] ?? []).entries()) {
      const at = STATUS.child('uncountedTerminatedPods', part).index(i);
      if (uid === '') errors.push(invalid(at, uid, 'must not be empty'));
      else if (seen.has(uid)) errors.push(duplicate(at, uid));
      seen.add(uid);
    }
  }
}

function checkEnds(step: Step): void {
  const { now, errors } = step;
  const complete = step.is('Complete');
  const finished = step.isFinished();
  if (step.turns('Complete', 'Failed') && complete && step.is('Failed')) step.refuse('cannot set Complete=True and Failed=true conditions');
  if (step.turns('Complete', 'FailureTarget') && complete && step.is('FailureTarget'))
    step.refuse('cannot set Complete=True and FailureTarget=true conditions');
  if (step.turns('Complete') || step.changes('completionTime')) {
    if (now.completionTime !== undefined && !complete) step.refuseField('completionTime', 'cannot set completionTime when there is no Complete=True condition');
    if (now.completionTime === undefined && complete) errors.push(required(STATUS.child('completionTime'), 'completionTime is required for Complete jobs'));
  }
  const [start, end] = [Date.parse(now.startTime ?? ''), Date.parse(now.completionTime ?? '')];
  if (step.changes('startTime', 'completionTime') && end < start) step.refuseField('completionTime', 'completionTime cannot be set before startTime');
  if (step.turns('Failed', 'FailureTarget') && step.is('Failed') && !step.is('FailureTarget'))
    step.refuse('cannot set Failed=True condition without the FailureTarget=true condition');
  if (step.turns('Complete', 'SuccessCriteriaMet') && complete && !step.is('SuccessCriteriaMet'))
    step.refuse('cannot set Complete=True condition without the SuccessCriteriaMet=true condition');
  if ((step.finishes || step.changes('active')) && finished && (now.active ?? 0) > 0) step.refuseField('active', 'active>0 is invalid for finished job');
  if ((step.finishes || step.changes('startTime')) && finished && now.startTime === undefined)
    errors.push(required(STATUS.child('startTime'), 'startTime is required for finished job'));
  const { succeeded = [], failed = [] } = now.uncountedTerminatedPods ?? {};
  if ((step.finishes || step.changes('uncountedTerminatedPods')) && finished && succeeded.length + failed.length > 0)
    step.refuseField('uncountedTerminatedPods', 'uncountedTerminatedPods needs to be empty for finished job');
}

function checkIndexes(step: Step): void {
  const { now, spec } = step;
  const { completedIndexes: completed = '', failedIndexes: failed } = now;
  const { completions } = spec;
  const [completes, fails] = [step.changes('completedIndexes'), step.changes('failedIndexes')];
  const fault = completes && completions !== undefined ? countIndexes(completed, completions) : 0;
  if (typeof fault === 'string') step.refuseField('completedIndexes', `error parsing completedIndexes: ${fault}`);
  const failedFault = fails && completions !== undefined && spec.backoffLimitPerIndex !== undefined ? countIndexes(failed ?? '', completions) : 0;
  if (typeof failedFault === 'string') step.refuseField('failedIndexes', `error parsing failedIndexes: ${failedFault}`);
  if (completes && completed !== '' && spec.completionMode !== 'Indexed')
    step.refuseField('completedIndexes', 'cannot set non-empty completedIndexes when non-indexed completion mode');
  if (fails && failed !== undefined && spec.backoffLimitPerIndex === undefined)
    step.refuseField('failedIndexes', 'cannot set non-null failedIndexes when backoffLimitPerIndex is null');
  if ((completes || fails) && completions !== undefined && failed !== undefined) {
    const both = commonIndex(completed, failed, completions);
    if (both !== undefined) step.refuseField('failedIndexes', `failedIndexes and completedIndexes overlap at index: ${both}`);
  }
  if ((step.finishes || step.changes('terminating')) && (now.terminating ?? 0) > 0 && step.isFinished())
    step.refuseField('terminating', 'terminating>0 is invalid for finished job');
  if (step.changes('ready', 'active') && now.ready !== undefined && now.ready > (now.active ?? 0))
    step.refuseField('ready', 'cannot set more ready pods than active');
}

function checkSuccess(step: Step): void {
  const met = step.is('SuccessCriteriaMet');
  if (met && step.is('Failed')) step.refuse('cannot set SuccessCriteriaMet=True and Failed=true conditions');
  if (met && step.is('FailureTarget')) step.refuse('cannot set SuccessCriteriaMet=True and FailureTarget=true conditions');
  if (step.spec.successPolicy !== undefined && !met && step.is('Complete'))
    step.refuse('cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True');
}

function checkProgress(step: Step): void {
  const { now, then, spec } = step;
  for (const type of ['Failed', 'Complete', 'FailureTarget'] as const)
    if (step.is(type, then) && !step.is(type)) step.refuse(`cannot disable the terminal ${type}=True condition`);
  if ((now.failed ?? 0) < (then.failed ?? 0)) step.refuseField('failed', 'cannot decrease the failed counter');
  // An indexed job that is made smaller forgets some of what it did.
  const elastic = spec.completionMode === 'Indexed' && spec.completions === spec.parallelism;
  if (!elastic && (now.succeeded ?? 0) < (then.succeeded ?? 0)) step.refuseField('succeeded', 'cannot decrease the succeeded counter');
  if (now.completionTime !== undefined && then.completionTime !== undefined && now.completionTime !== then.completionTime)
    step.refuseField('completionTime', 'completionTime cannot be mutated');
  if (then.startTime !== undefined && now.startTime !== then.startTime && spec.suspend !== true)
    step.errors.push(required(STATUS.child('startTime'), 'startTime cannot be removed for unsuspended job'));
  if (step.is('SuccessCriteriaMet', then) && !step.is('SuccessCriteriaMet')) step.refuse('cannot disable the SuccessCriteriaMet=True condition');
  if (step.is('Complete', then) && !step.is('SuccessCriteriaMet', then) && step.is('SuccessCriteriaMet'))
    step.refuse('cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions');
}
