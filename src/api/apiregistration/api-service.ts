import type * as apiregistration from '../gen/types/apiregistration.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { apiServiceColumns } from './columns.ts';
import { validateApiService } from './api-service.validation.ts';

export const apiServiceRules: KindRules<apiregistration.APIService> = {
  strategy: {
    ...specAndStatus({ generation: false }),
    default: ({ spec }) => {
      if (spec?.service !== undefined) spec.service.port ??= 443;
    },
    allowUnconditionalUpdate: false,
    validateCreate: validateApiService,
    validateUpdate: validateApiService,
  },
  columns: apiServiceColumns,
  categories: ['api-extensions'],
};
