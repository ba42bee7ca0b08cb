import { root } from '../checks.ts';
import { labelSelectorWarnings } from '../core/node-labels.warnings.ts';
import type * as storage from '../gen/types/storage.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { csiStorageCapacityColumns } from './columns.ts';
import { validateCSIStorageCapacity, validateCSIStorageCapacityUpdate } from './storage.validation.ts';

export const csiStorageCapacityRules: KindRules<storage.CSIStorageCapacity> = {
  strategy: {
    allowUnconditionalUpdate: false,
    validateCreate: validateCSIStorageCapacity,
    validateUpdate: validateCSIStorageCapacityUpdate,
    warnings: ({ nodeTopology }) => labelSelectorWarnings(nodeTopology, root('nodeTopology')),
  },
  columns: csiStorageCapacityColumns,
};
