import type * as alpha from '../gen/types/resource.v1alpha3.ts';
import { nameAndAge } from '../columns.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { validatePoolRequest, validatePoolRequestStatus, validatePoolRequestUpdate } from './resource-pool-status-request.validation.ts';

const base = specAndStatus<alpha.ResourcePoolStatusRequest>({ generation: false, statusKeepsMetadata: true });

export const resourcePoolStatusRequestRules: KindRules<alpha.ResourcePoolStatusRequest> = {
  strategy: {
    ...base,
    allowUnconditionalUpdate: true,
    validateCreate: validatePoolRequest,
    validateUpdate: validatePoolRequestUpdate,
    status: { ...base.status, validateUpdate: validatePoolRequestStatus, resetFields: [['metadata'], ['spec']] },
  },
  columns: nameAndAge,
};
