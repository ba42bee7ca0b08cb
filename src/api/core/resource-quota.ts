import type * as core from '../gen/types/core.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { resourceQuotaColumns } from './columns.ts';
import { validateResourceQuota, validateResourceQuotaStatus, validateResourceQuotaUpdate } from './quota.validation.ts';

const base = specAndStatus<core.ResourceQuota>({ generation: false });

export const resourceQuotaRules: KindRules<core.ResourceQuota> = {
  strategy: {
    ...base,
    allowUnconditionalUpdate: true,
    validateCreate: validateResourceQuota,
    validateUpdate: validateResourceQuotaUpdate,
    status: { ...base.status, validateUpdate: validateResourceQuotaStatus },
  },
  columns: resourceQuotaColumns,
  shortNames: ['quota'],
};
