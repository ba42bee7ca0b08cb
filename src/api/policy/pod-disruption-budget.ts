import type * as policy from '../gen/types/policy.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { podDisruptionBudgetColumns } from './columns.ts';
import { validatePodDisruptionBudget, validatePodDisruptionBudgetStatus, validatePodDisruptionBudgetUpdate } from './pod-disruption-budget.validation.ts';

const base = specAndStatus<policy.PodDisruptionBudget>();

export const podDisruptionBudgetRules: KindRules<policy.PodDisruptionBudget> = {
  strategy: {
    ...base,
    status: { ...base.status, validateUpdate: validatePodDisruptionBudgetStatus },
    allowUnconditionalUpdate: false,
    validateCreate: validatePodDisruptionBudget,
    validateUpdate: validatePodDisruptionBudgetUpdate,
  },
  columns: podDisruptionBudgetColumns,
  shortNames: ['pdb'],
};
