import { ageColumn, integer, nameColumn, text } from '../columns.ts';
import type * as policy from '../gen/types/policy.v1.ts';
import type { Column } from '../kind.ts';

const orNotApplicable = (value: number | string | undefined): string => (value === undefined ? 'N/A' : String(value));

export const podDisruptionBudgetColumns: readonly Column<policy.PodDisruptionBudget>[] = [
  nameColumn,
  text('Min Available', 'Pods that must stay available.', ({ spec }) => orNotApplicable(spec?.minAvailable)),
  text('Max Unavailable', 'Pods that may be unavailable.', ({ spec }) => orNotApplicable(spec?.maxUnavailable)),
  integer('Allowed Disruptions', 'Pods that may be evicted now.', ({ status }) => status?.disruptionsAllowed ?? 0),
  ageColumn,
];
