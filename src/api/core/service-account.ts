import type * as core from '../gen/types/core.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { serviceAccountColumns } from './columns.ts';

export const serviceAccountRules: KindRules<core.ServiceAccount> = {
  strategy: { allowUnconditionalUpdate: true },
  columns: serviceAccountColumns,
  shortNames: ['sa'],
};
