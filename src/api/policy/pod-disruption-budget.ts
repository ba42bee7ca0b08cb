import type * as policy from '../gen/types/policy.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { podDisruptionBudgetColumns } from './columns.ts';

export const podDisruptionBudgetRules: KindRules<policy.PodDisruptionBudget> = {
  strategy: { ...specAndStatus(), allowUnconditionalUpdate: false },
  columns: podDisruptionBudgetColumns,
  shortNames: ['pdb'],
};
