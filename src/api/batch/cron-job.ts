import type * as batch from '../gen/types/batch.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { cronJobColumns } from './columns.ts';
import { defaultTemplate } from '../core/pod-template.defaults.ts';
import { validateCronJob } from './cron-job.validation.ts';

export const cronJobRules: KindRules<batch.CronJob> = {
  strategy: {
    ...specAndStatus(),
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
    validateUpdate: validateCronJob,
  },
  columns: cronJobColumns,
  shortNames: ['cj'],
  categories: ['all'],
};
