import type * as storage from '../gen/types/storage.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { storageClassColumns } from './columns.ts';
import { validateStorageClass, validateStorageClassUpdate } from './storage.validation.ts';

export const storageClassRules: KindRules<storage.StorageClass> = {
  strategy: {
    default: (draft) => {
      draft.reclaimPolicy ??= 'Delete';
      draft.volumeBindingMode ??= 'Immediate';
    },
    allowUnconditionalUpdate: true,
    validateCreate: validateStorageClass,
    validateUpdate: validateStorageClassUpdate,
  },
  columns: storageClassColumns,
  shortNames: ['sc'],
};
