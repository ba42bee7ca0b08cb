import type * as storage from '../gen/types/storage.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { csiStorageCapacityColumns } from './columns.ts';

export const csiStorageCapacityRules: KindRules<storage.CSIStorageCapacity> = { strategy: { allowUnconditionalUpdate: false }, columns: csiStorageCapacityColumns };
