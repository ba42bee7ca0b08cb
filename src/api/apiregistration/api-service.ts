import { formatTime } from '../../machinery/time.ts';
import type * as apiregistration from '../gen/types/apiregistration.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { asObject, keep, metadataOf, specAndStatus } from '../strategy.ts';
import { apiServiceColumns } from './columns.ts';
import { validateApiService, validateApiServiceStatus } from './api-service.validation.ts';

const base = specAndStatus<apiregistration.APIService>({ generation: false });

export const apiServiceRules: KindRules<apiregistration.APIService> = {
  strategy: {
    ...base,
    default: ({ spec }) => {
      if (spec?.service !== undefined) spec.service.port ??= 443;
    },
    prepareForCreate: (draft, { nowMs }) => {
      delete draft.status;
      // What the server serves itself needs nobody to look whether it answers.
      if (draft.spec?.service === undefined) draft.status = { conditions: [{ ...LOCAL, lastTransitionTime: formatTime(nowMs) }] };
    },
    allowUnconditionalUpdate: false,
    validateName: () => [],
    validateCreate: validateApiService,
    validateUpdate: validateApiService,
    status: {
      prepareForUpdate: (draft, old) => {
        keep(draft, old, 'spec');
        for (const field of ['labels', 'annotations', 'finalizers', 'ownerReferences']) keep(asObject(metadataOf(draft)), old.metadata ?? {}, field);
      },
      validateUpdate: validateApiServiceStatus,
    },
  },
  columns: apiServiceColumns,
  categories: ['api-extensions'],
};

const LOCAL = { type: 'Available', status: 'True', reason: 'Local', message: 'Local APIServices are always available' } as const;
