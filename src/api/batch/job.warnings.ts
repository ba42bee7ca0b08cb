import type { FieldPath } from '../../machinery/field-error.ts';
import { root } from '../checks.ts';
import { isNewGeneration, podNameWarnings, templateWarnings } from '../core/pod.warnings.ts';
import type * as batch from '../gen/types/batch.v1.ts';

const MANY_COMPLETIONS = 100_000;
const MANY_AT_A_TIME = 10_000;
const TOO_MANY =
  'In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail';

/** Of a job, or of the template of one. */
export function jobSpecWarnings(spec: batch.JobSpec | undefined, path: FieldPath): readonly string[] {
  const { completionMode, completions = 0, parallelism = 0, template } = spec ?? {};
  const many = completionMode === 'Indexed' && completions > MANY_COMPLETIONS && parallelism > MANY_AT_A_TIME;
  return [...(many ? [`${path}: ${TOO_MANY}`] : []), ...templateWarnings(template, path.child('template'))];
}

export const jobWarnings = (object: batch.Job, old: batch.Job | undefined): readonly string[] => [
  ...podNameWarnings(object, old),
  ...(isNewGeneration(object, old) ? jobSpecWarnings(object.spec, root('spec')) : []),
];
