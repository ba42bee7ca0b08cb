import type * as core from '../gen/types/core.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { resourceQuotaColumns } from './columns.ts';

export const resourceQuotaRules: KindRules<core.ResourceQuota> = {
  strategy: { ...specAndStatus({ generation: false }), allowUnconditionalUpdate: true },
  columns: resourceQuotaColumns,
  shortNames: ['quota'],
};
