import type * as beta from '../gen/types/coordination.v1beta1.ts';
import type { KindRules } from '../kind-rules.ts';
import { leaseCandidateColumns } from './columns.ts';

export const leaseCandidateRules: KindRules<beta.LeaseCandidate> = {
  strategy: { allowCreateOnUpdate: true, allowUnconditionalUpdate: false },
  columns: leaseCandidateColumns,
};
