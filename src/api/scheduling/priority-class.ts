import type * as scheduling from '../gen/types/scheduling.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { metadataOf } from '../strategy.ts';
import { priorityClassColumns } from './columns.ts';
import { validatePriorityClass, validatePriorityClassUpdate } from './priority-class.validation.ts';

export const priorityClassRules: KindRules<scheduling.PriorityClass> = {
  strategy: {
    default: (draft) => {
      draft.preemptionPolicy ??= 'PreemptLowerPriority';
    },
    prepareForCreate: (draft) => {
      metadataOf(draft).generation = 1;
    },
    allowUnconditionalUpdate: true,
    validateCreate: validatePriorityClass,
    validateUpdate: validatePriorityClassUpdate,
  },
  columns: priorityClassColumns,
  shortNames: ['pc'],
};
