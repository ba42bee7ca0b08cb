import { type FieldError, invalid, required } from '../../machinery/field-error.ts';
import { checkNonNegative, checkOneOf, type Errors, isEmpty, root, selectorJson } from '../checks.ts';
import type * as batch from '../gen/types/batch.v1.ts';
import { keepOldTemplate } from '../core/pod-template.validation.ts';
import { validateJobSpec } from './job.validation.ts';
import { parseSchedule } from './schedule.rules.ts';

const SPEC = root('spec');
/** Eleven characters are kept for the suffix of its jobs. */
const MAX_NAME = 52;

export function validateCronJob(job: batch.CronJob): readonly FieldError[] {
  const name = job.metadata?.name ?? '';
  const errors: Errors = validateSpec(job.spec, undefined);
  return name.length > MAX_NAME ? [...errors, invalid(root('metadata').child('name'), name, `must be no more than ${MAX_NAME} characters`)] : errors;
}

/** What was taken once (a zone in the schedule, a long name) is let be. */
export const validateCronJobUpdate = (job: batch.CronJob, old: batch.CronJob): readonly FieldError[] =>
  keepOldTemplate(({ spec }: batch.CronJob) => validateSpec(spec, old.spec), 'spec.jobTemplate.spec.template')(job, old);

function validateSpec(spec: batch.CronJobSpec | undefined, old: batch.CronJobSpec | undefined): Errors {
  const errors: Errors = [];
  if (spec === undefined) return [required(SPEC.child('schedule'))];
  if (isEmpty(spec.schedule)) errors.push(required(SPEC.child('schedule')));
  else errors.push(...validateSchedule(spec.schedule, spec.timeZone, old?.schedule.includes('TZ') === true));
  checkNonNegative(errors, SPEC.child('startingDeadlineSeconds'), spec.startingDeadlineSeconds);
  if (spec.timeZone !== undefined && spec.timeZone !== old?.timeZone) errors.push(...validateTimeZone(spec.timeZone));
  checkOneOf(errors, SPEC.child('concurrencyPolicy'), spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace']);
  errors.push(...validateJobSpec(spec.jobTemplate?.spec ?? { template: {} }, SPEC.child('jobTemplate', 'spec')));
  const selector = spec.jobTemplate?.spec?.selector;
  if (selector !== undefined)
    errors.push(invalid(SPEC.child('jobTemplate', 'spec').child('selector'), selectorJson(selector), '`selector` will be auto-generated'));
  if (spec.jobTemplate?.spec?.manualSelector === true)
    errors.push({
      type: 'FieldValueNotSupported',
      field: 'spec.jobTemplate.spec.manualSelector',
      value: spec.jobTemplate.spec.manualSelector,
      detail: 'supported values: "nil", "false"',
    });
  checkNonNegative(errors, SPEC.child('successfulJobsHistoryLimit'), spec.successfulJobsHistoryLimit);
  checkNonNegative(errors, SPEC.child('failedJobsHistoryLimit'), spec.failedJobsHistoryLimit);
  return errors;
}

/** `hadZone`: the schedule had a zone of its own before, and may keep it. */
function validateSchedule(schedule: string, timeZone: string | undefined, hadZone: boolean): Errors {
  const errors: Errors = [];
  const path = SPEC.child('schedule');
  const parsed = parseSchedule(schedule.replace(/^(?:CRON_)?TZ=\S+\s+/, ''));
  if (typeof parsed === 'string') errors.push(invalid(path, schedule, parsed));
  if (!schedule.includes('TZ')) return errors;
  if (!hadZone) errors.push(invalid(path, schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'));
  else if (timeZone !== undefined) errors.push(invalid(path, schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule'));
  return errors;
}

function validateTimeZone(zone: string): Errors {
  const path = SPEC.child('timeZone');
  if (zone === '') return [invalid(path, zone, 'timeZone must be nil or non-empty string')];
  if (zone.toLowerCase() === 'local') return [invalid(path, zone, 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones')];
  return isTimeZone(zone) ? [] : [invalid(path, zone, `unknown time zone ${zone}`)];
}

function isTimeZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
