import { configMapKeyFaults } from '../../machinery/names.ts';
import type * as beta from '../gen/types/coordination.v1beta1.ts';
import type { KindRules } from '../kind-rules.ts';
import { leaseCandidateColumns } from './columns.ts';
import { validateLeaseCandidate, validateLeaseCandidateUpdate } from './lease.validation.ts';

export const leaseCandidateRules: KindRules<beta.LeaseCandidate> = {
  strategy: {
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: false,
    validateName: configMapKeyFaults,
    validateCreate: validateLeaseCandidate,
    validateUpdate: validateLeaseCandidateUpdate,
  },
  columns: leaseCandidateColumns,
};
