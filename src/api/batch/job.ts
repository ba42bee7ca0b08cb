import type { Draft } from '../../machinery/object.ts';
import { dropShutInTemplate } from '../core/pod.gates.ts';
import { defaultTemplate } from '../core/pod-template.defaults.ts';
import type * as batch from '../gen/types/batch.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { jobColumns } from './columns.ts';
import { jobWarnings } from './job.warnings.ts';
import { validateJobStatus } from './job-status.validation.ts';
import { validateJob, validateJobUpdate } from './job.validation.ts';

const LARGEST = 2 ** 31 - 1;

function defaultJob(job: Draft<batch.Job>): void {
  const { spec } = job;
  if (spec === undefined) return;
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : LARGEST;
  labelLikeTemplate(job);
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.manualSelector ??= false;
  for (const rule of spec.podFailurePolicy?.rules ?? []) for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True';
  spec.podReplacementPolicy ??= spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed';
  defaultTemplate(spec.template);
}

/** A job without labels has those of its pods. */
function labelLikeTemplate(job: Draft<batch.Job>): void {
  const labels = job.spec?.template?.metadata?.labels ?? {};
  if (Object.keys(labels).length > 0 && Object.keys(job.metadata?.labels ?? {}).length === 0) job.metadata = { ...job.metadata, labels: { ...labels } };
}

const LABELS = (uid: string, name: string): Readonly<Record<string, string>> => ({
  'batch.kubernetes.io/controller-uid': uid,
  'controller-uid': uid,
  'batch.kubernetes.io/job-name': name,
  'job-name': name,
});

/** Unless the writer takes care of the selector, the job selects the pods that carry its own UID. */
function generateSelector(job: Draft<batch.Job>): void {
  const { spec, metadata } = job;
  const uid = metadata?.uid;
  if (spec === undefined || spec.manualSelector === true || uid === undefined) return;
  spec.template.metadata ??= {};
  // What the writer gave stands, and is refused where it contradicts.
  spec.template.metadata.labels = { ...LABELS(uid, metadata?.name ?? ''), ...spec.template.metadata.labels };
  spec.selector ??= {};
  spec.selector.matchLabels = { 'batch.kubernetes.io/controller-uid': uid, ...spec.selector.matchLabels };
}

const base = specAndStatus<batch.Job>({ drop: dropShutInTemplate });

export const jobRules: KindRules<batch.Job> = {
  strategy: {
    ...base,
    default: defaultJob,
    prepareForCreate: (draft, context) => {
      base.prepareForCreate?.(draft, context);
      generateSelector(draft);
      // Kubernetes defaults what it reads from its store too: the labels just made are the job's own from the first answer on.
      labelLikeTemplate(draft);
    },
    allowUnconditionalUpdate: true,
    validateCreate: validateJob,
    validateUpdate: validateJobUpdate,
    warnings: jobWarnings,
    status: { ...base.status, validateUpdate: validateJobStatus },
  },
  columns: jobColumns,
  categories: ['all'],
  selectable: { names: ['status.successful'], values: ({ status }) => ({ 'status.successful': String(status?.succeeded ?? 0) }) },
};
