import { root } from '../checks.ts';
import { oldLabelMessage } from '../core/node-labels.warnings.ts';
import type * as storage from '../gen/types/storage.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { storageClassColumns } from './columns.ts';
import { validateStorageClass, validateStorageClassUpdate } from './storage.validation.ts';

function storageClassWarnings({ allowedTopologies }: storage.StorageClass): readonly string[] {
  const path = root('allowedTopologies');
  return (allowedTopologies ?? []).flatMap(({ matchLabelExpressions }, i) =>
    (matchLabelExpressions ?? []).flatMap(({ key }, j) => {
      const message = oldLabelMessage(key);
      return message === undefined ? [] : [`${path.index(i).child('matchLabelExpressions').index(j)}: ${message}`];
    }),
  );
}

export const storageClassRules: KindRules<storage.StorageClass> = {
  strategy: {
    default: (draft) => {
      draft.reclaimPolicy ??= 'Delete';
      draft.volumeBindingMode ??= 'Immediate';
    },
    allowUnconditionalUpdate: true,
    validateCreate: validateStorageClass,
    validateUpdate: validateStorageClassUpdate,
    warnings: storageClassWarnings,
  },
  columns: storageClassColumns,
  shortNames: ['sc'],
};
