import { type FieldError, invalid, required } from '../../machinery/field-error.ts';
import { checkNonNegative, checkOneOf, type Errors, isEmpty, root } from '../checks.ts';
import type * as batch from '../gen/types/batch.v1.ts';
import { validateJobSpec } from './job.validation.ts';
import { parseSchedule } from './schedule.rules.ts';

const SPEC = root('spec');
/** Eleven characters are kept for the suffix of its jobs. */
const MAX_NAME = 52;

export function validateCronJob({ metadata, spec }: batch.CronJob): readonly FieldError[] {
  const errors: Errors = [];
  const name = metadata?.name ?? '';
  if (spec === undefined) return [required(SPEC.child('schedule'))];
  if (isEmpty(spec.schedule)) errors.push(required(SPEC.child('schedule')));
  else errors.push(...validateSchedule(spec.schedule, spec.timeZone));
  if (spec.timeZone !== undefined) errors.push(...validateTimeZone(spec.timeZone));
  checkNonNegative(errors, SPEC.child('startingDeadlineSeconds'), spec.startingDeadlineSeconds);
  checkOneOf(errors, SPEC.child('concurrencyPolicy'), spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace']);
  errors.push(...validateJobSpec(spec.jobTemplate?.spec ?? { template: {} }, SPEC.child('jobTemplate', 'spec')));
  if (spec.jobTemplate?.spec?.manualSelector !== undefined)
    errors.push({
      type: 'FieldValueNotSupported',
      field: 'spec.jobTemplate.spec.manualSelector',
      value: spec.jobTemplate.spec.manualSelector,
      detail: 'supported values: "nil", "false"',
    });
  checkNonNegative(errors, SPEC.child('successfulJobsHistoryLimit'), spec.successfulJobsHistoryLimit);
  checkNonNegative(errors, SPEC.child('failedJobsHistoryLimit'), spec.failedJobsHistoryLimit);
  if (name.length > MAX_NAME) errors.push(invalid(root('metadata').child('name'), name, `must be no more than ${MAX_NAME} characters`));
  return errors;
}

function validateSchedule(schedule: string, timeZone: string | undefined): Errors {
  const path = SPEC.child('schedule');
  if (schedule.includes('TZ')) {
    return [
      invalid(
        path,
        schedule,
        timeZone === undefined
          ? 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'
          : 'cannot use both timeZone field and TZ or CRON_TZ in schedule',
      ),
    ];
  }
  const parsed = parseSchedule(schedule);
  return typeof parsed === 'string' ? [invalid(path, schedule, parsed)] : [];
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
