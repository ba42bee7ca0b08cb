import type * as core from '../gen/types/core.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { keepOldAddresses } from '../old-addresses.ts';
import { endpointsColumns } from './columns.ts';
import { validateEndpoints } from './endpoints.validation.ts';

export const endpointsRules: KindRules<core.Endpoints> = {
  strategy: {
    default: ({ subsets }) => {
      for (const subset of subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= 'TCP';
    },
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: true,
    validateCreate: validateEndpoints,
    validateUpdate: keepOldAddresses(validateEndpoints),
  },
  columns: endpointsColumns,
  shortNames: ['ep'],
  deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
};
