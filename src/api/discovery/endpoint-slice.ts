import type * as discovery from '../gen/types/discovery.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { generationOf } from '../strategy.ts';
import { endpointSliceColumns } from './columns.ts';
import { validateEndpointSlice, validateEndpointSliceUpdate } from './endpoint-slice.validation.ts';

export const endpointSliceRules: KindRules<discovery.EndpointSlice> = {
  strategy: {
    ...generationOf('addressType', 'endpoints', 'ports'),
    default: ({ ports }) => {
      for (const port of ports ?? []) {
        port.name ??= '';
        port.protocol ??= 'TCP';
      }
    },
    allowUnconditionalUpdate: true,
    validateCreate: validateEndpointSlice,
    validateUpdate: validateEndpointSliceUpdate,
  },
  columns: endpointSliceColumns,
};
