import type * as scheduling from '../gen/types/scheduling.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { metadataOf } from '../strategy.ts';
import { priorityClassColumns } from './columns.ts';

export const priorityClassRules: KindRules<scheduling.PriorityClass> = {
  strategy: {
    default: (draft) => {
      draft.preemptionPolicy ??= 'PreemptLowerPriority';
    },
    prepareForCreate: (draft) => {
      metadataOf(draft).generation = 1;
    },
    allowUnconditionalUpdate: true,
  },
  columns: priorityClassColumns,
  shortNames: ['pc'],
};
