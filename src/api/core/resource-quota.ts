import type * as core from '../gen/types/core.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { resourceQuotaColumns } from './columns.ts';
import { validateResourceQuota, validateResourceQuotaUpdate } from './quota.validation.ts';

export const resourceQuotaRules: KindRules<core.ResourceQuota> = {
  strategy: {
    ...specAndStatus({ generation: false }),
    allowUnconditionalUpdate: true,
    validateCreate: validateResourceQuota,
    validateUpdate: validateResourceQuotaUpdate,
  },
  columns: resourceQuotaColumns,
  shortNames: ['quota'],
};
