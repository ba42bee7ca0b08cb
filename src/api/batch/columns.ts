import { formatLabelSelector } from '../../machinery/labels.ts';
import { humanDuration } from '../../machinery/time.ts';
import { ageColumn, ageOf, boolean, containerColumns, formatFlag, integer, nameColumn, text, wide } from '../columns.ts';
import type * as batch from '../gen/types/batch.v1.ts';
import type { Column } from '../kind.ts';

function formatCompletions({ spec, status }: batch.Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function formatJobDuration({ status }: batch.Job, nowMs: number): string {
  if (status?.startTime === undefined) return '';
  const end = status.completionTime === undefined ? nowMs : Date.parse(status.completionTime);
  return humanDuration(end - Date.parse(status.startTime));
}

function formatJobStatus({ metadata, status }: batch.Job): string {
  const is = (type: string): boolean => (status?.conditions ?? []).some((c) => c.type === type && c.status === 'True');
  if (is('Complete')) return 'Complete';
  if (is('Failed')) return 'Failed';
  if (metadata?.deletionTimestamp !== undefined) return 'Terminating';
  for (const type of ['Suspended', 'FailureTarget', 'SuccessCriteriaMet']) if (is(type)) return type;
  return 'Running';
}

export const jobColumns: readonly Column<batch.Job>[] = [
  nameColumn,
  text('Status', 'What the job is doing.', formatJobStatus),
  text('Completions', 'Pods that succeeded of those that should.', formatCompletions),
  text('Duration', 'How long it took or has been running.', formatJobDuration),
  ageColumn,
  ...containerColumns<batch.Job>(({ spec }) => spec?.template.spec),
  wide('Selector', 'Labels of its pods.', ({ spec }) => formatLabelSelector(spec?.selector)),
];

export const cronJobColumns: readonly Column<batch.CronJob>[] = [
  nameColumn,
  text('Schedule', 'When it runs.', ({ spec }) => spec?.schedule ?? ''),
  text('Timezone', 'The time zone of the schedule.', ({ spec }) => spec?.timeZone ?? '<none>'),
  boolean('Suspend', 'Whether it is paused.', ({ spec }) => formatFlag(spec?.suspend)),
  integer('Active', 'Jobs that are running.', ({ status }) => (status?.active ?? []).length),
  text('Last Schedule', 'How long ago it ran last.', ({ status }, nowMs) =>
    status?.lastScheduleTime === undefined ? '<none>' : ageOf(status.lastScheduleTime, nowMs),
  ),
  ageColumn,
  ...containerColumns<batch.CronJob>(({ spec }) => spec?.jobTemplate.spec?.template.spec),
  wide('Selector', 'Labels of its pods.', ({ spec }) => formatLabelSelector(spec?.jobTemplate.spec?.selector)),
];
