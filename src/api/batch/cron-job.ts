import type * as batch from '../gen/types/batch.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { cronJobColumns } from './columns.ts';
import { dropShut } from '../core/pod.gates.ts';
import { defaultTemplate } from '../core/pod-template.defaults.ts';
import { root } from '../checks.ts';
import { isNewGeneration, podNameWarnings } from '../core/pod.warnings.ts';
import { jobSpecWarnings } from './job.warnings.ts';
import { validateCronJob, validateCronJobUpdate } from './cron-job.validation.ts';

const ZONE_IN_SCHEDULE =
  'cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details';

function cronJobWarnings(object: batch.CronJob, old: batch.CronJob | undefined): readonly string[] {
  const out = [...podNameWarnings(object, old)];
  if (isNewGeneration(object, old)) out.push(...jobSpecWarnings(object.spec?.jobTemplate?.spec, root('spec').child('jobTemplate', 'spec')));
  return old !== undefined && object.spec?.schedule.includes('TZ') === true ? [...out, ZONE_IN_SCHEDULE] : out;
}

export const cronJobRules: KindRules<batch.CronJob> = {
  strategy: {
    ...specAndStatus<batch.CronJob>({
      drop: ({ spec }, old) => dropShut(spec?.jobTemplate?.spec?.template?.spec, old?.spec?.jobTemplate?.spec?.template?.spec),
    }),
    default: ({ spec }) => {
      if (spec === undefined) return;
      spec.concurrencyPolicy ||= 'Allow';
      spec.suspend ??= false;
      spec.successfulJobsHistoryLimit ??= 3;
      spec.failedJobsHistoryLimit ??= 1;
      defaultTemplate(spec.jobTemplate?.spec?.template);
    },
    allowUnconditionalUpdate: true,
    validateCreate: validateCronJob,
    validateUpdate: validateCronJobUpdate,
    warnings: cronJobWarnings,
  },
  columns: cronJobColumns,
  shortNames: ['cj'],
  categories: ['all'],
};
