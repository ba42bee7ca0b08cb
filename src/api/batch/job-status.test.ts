import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatFieldError } from '../../machinery/field-error.ts';
import type * as batch from '../gen/types/batch.v1.ts';
import { validateJobStatus } from './job-status.validation.ts';

type Status = batch.JobStatus;
const on = (...types: string[]): Status => ({ conditions: types.map((type) => ({ type, status: 'True' })) });
const job = (status: Status, spec: Partial<batch.JobSpec> = {}): batch.Job => ({ spec: { template: {}, ...spec }, status });
const START = '2026-01-01T00:00:00Z';
const END = '2026-01-01T00:01:00Z';
const COMPLETE: Status = { ...on('SuccessCriteriaMet', 'Complete'), startTime: START, completionTime: END };

interface Row {
  readonly what: string;
  readonly then?: Status;
  readonly now: Status;
  readonly spec?: Partial<batch.JobSpec>;
  readonly causes?: readonly string[];
}

const INDEXED: Partial<batch.JobSpec> = { completionMode: 'Indexed', completions: 5, parallelism: 2, backoffLimitPerIndex: 1 };
const ROWS: readonly Row[] = [
  { what: 'a job that starts', now: { startTime: START, active: 2, ready: 1 } },
  { what: 'a job that ends well', then: on('SuccessCriteriaMet'), now: COMPLETE },
  { what: 'a job that fails', then: on('FailureTarget'), now: { ...on('FailureTarget', 'Failed'), startTime: START } },
  {
    what: 'counts below zero',
    now: { active: -1, failed: -1 },
    causes: [
      'status.active: Invalid value: -1: must be greater than or equal to 0',
      'status.failed: Invalid value: -1: must be greater than or equal to 0',
      'status.failed: Invalid value: -1: cannot decrease the failed counter',
    ],
  },
  {
    what: 'pods that are uncounted twice',
    now: { uncountedTerminatedPods: { succeeded: ['a', ''], failed: ['a'] } },
    causes: [
      'status.uncountedTerminatedPods.succeeded[1]: Invalid value: "": must not be empty',
      'status.uncountedTerminatedPods.failed[0]: Duplicate value: "a"',
    ],
  },
  {
    what: 'an end without its cause',
    now: { ...on('Failed'), startTime: START },
    causes: ['status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition'],
  },
  {
    what: 'success without its criteria',
    now: { ...on('Complete'), startTime: START, completionTime: END },
    causes: ['status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition'],
  },
  {
    what: 'an end without times, and with pods',
    then: on('SuccessCriteriaMet'),
    now: { ...on('SuccessCriteriaMet', 'Complete'), active: 1, uncountedTerminatedPods: { failed: ['a'] } },
    causes: [
      'status.completionTime: Required value: completionTime is required for Complete jobs',
      'status.active: Invalid value: 1: active>0 is invalid for finished job',
      'status.startTime: Required value: startTime is required for finished job',
      'status.uncountedTerminatedPods: Invalid value: {"failed":["a"]}: uncountedTerminatedPods needs to be empty for finished job',
    ],
  },
  {
    what: 'a completion before the end',
    then: { startTime: END },
    now: { startTime: END, completionTime: START },
    causes: [
      `status.completionTime: Invalid value: "${START}": cannot set completionTime when there is no Complete=True condition`,
      `status.completionTime: Invalid value: "${START}": completionTime cannot be set before startTime`,
    ],
  },
  {
    what: 'a job that is taken up again',
    then: COMPLETE,
    now: { ...on('SuccessCriteriaMet'), startTime: START, completionTime: END },
    causes: [
      `status.completionTime: Invalid value: "${END}": cannot set completionTime when there is no Complete=True condition`,
      'status.conditions: Invalid value: cannot disable the terminal Complete=True condition',
    ],
  },
  {
    what: 'fewer failures than before',
    then: { failed: 2, succeeded: 2 },
    now: { failed: 1, succeeded: 1 },
    causes: [
      'status.failed: Invalid value: 1: cannot decrease the failed counter',
      'status.succeeded: Invalid value: 1: cannot decrease the succeeded counter',
    ],
  },
  {
    what: 'an indexed job that shrinks',
    then: { succeeded: 2 },
    now: { succeeded: 1 },
    spec: { completionMode: 'Indexed', completions: 1, parallelism: 1 },
  },
  {
    what: 'a start that is taken back',
    then: { startTime: START },
    now: {},
    causes: ['status.startTime: Required value: startTime cannot be removed for unsuspended job'],
  },
  { what: 'a suspended job', then: { startTime: START }, now: {}, spec: { suspend: true } },
  {
    what: 'indexes of a job without',
    now: { completedIndexes: '0', failedIndexes: '1' },
    causes: [
      'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed completion mode',
      'status.failedIndexes: Invalid value: "1": cannot set non-null failedIndexes when backoffLimitPerIndex is null',
    ],
  },
  { what: 'indexes', now: { completedIndexes: '0,2-3', failedIndexes: '1,4' }, spec: INDEXED },
  {
    what: 'indexes of both kinds',
    now: { completedIndexes: '0,2-3', failedIndexes: '1,3-4' },
    spec: INDEXED,
    causes: ['status.failedIndexes: Invalid value: "1,3-4": failedIndexes and completedIndexes overlap at index: 3'],
  },
  {
    what: 'an index that is none',
    now: { completedIndexes: '0,x' },
    spec: INDEXED,
    causes: ['status.completedIndexes: Invalid value: "0,x": error parsing completedIndexes: cannot convert string to integer for index: "x"'],
  },
  {
    what: 'an index above the last',
    now: { completedIndexes: '5' },
    spec: INDEXED,
    causes: ['status.completedIndexes: Invalid value: "5": error parsing completedIndexes: too large index: "5"'],
  },
  {
    what: 'an interval of three',
    now: { completedIndexes: '1-2-3' },
    spec: INDEXED,
    causes: [
      `status.completedIndexes: Invalid value: "1-2-3": error parsing completedIndexes: the fragment "1-2-3" violates the requirement that an index interval can have at most two parts separated by '-'`,
    ],
  },
  {
    what: 'indexes out of order',
    now: { completedIndexes: '2,1' },
    spec: INDEXED,
    causes: ['status.completedIndexes: Invalid value: "2,1": error parsing completedIndexes: non-increasing order, previous: 2, current: 1'],
  },
  { what: 'more ready than active', now: { active: 1, ready: 2 }, causes: ['status.ready: Invalid value: 2: cannot set more ready pods than active'] },
  {
    what: 'both ends',
    then: on('SuccessCriteriaMet'),
    now: on('SuccessCriteriaMet', 'FailureTarget'),
    causes: ['status.conditions: Invalid value: cannot set SuccessCriteriaMet=True and FailureTarget=true conditions'],
  },
];

describe("a job's status, as any controller may write it", () => {
  for (const { what, then = {}, now, spec, causes = [] } of ROWS)
    it(what, () => {
      const errors = validateJobStatus(job(now, spec), job(then, spec));
      assert.deepEqual(errors.map(formatFieldError), causes);
    });
});
