import type * as policy from '../gen/types/policy.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { podDisruptionBudgetColumns } from './columns.ts';
import { validatePodDisruptionBudget } from './pod-disruption-budget.validation.ts';

export const podDisruptionBudgetRules: KindRules<policy.PodDisruptionBudget> = {
  strategy: { ...specAndStatus(), allowUnconditionalUpdate: false, validateCreate: validatePodDisruptionBudget, validateUpdate: validatePodDisruptionBudget },
  columns: podDisruptionBudgetColumns,
  shortNames: ['pdb'],
};
