import type * as coordination from '../gen/types/coordination.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { leaseColumns } from './columns.ts';
import { validateLease } from './lease.validation.ts';

export const leaseRules: KindRules<coordination.Lease> = {
  strategy: { allowCreateOnUpdate: true, allowUnconditionalUpdate: false, validateCreate: validateLease, validateUpdate: validateLease },
  columns: leaseColumns,
};
