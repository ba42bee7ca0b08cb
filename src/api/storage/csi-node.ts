import type * as storage from '../gen/types/storage.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { csiNodeColumns } from './columns.ts';
import { validateCSINode, validateCSINodeUpdate } from './storage.validation.ts';

export const csiNodeRules: KindRules<storage.CSINode> = {
  strategy: { allowUnconditionalUpdate: false, validateCreate: validateCSINode, validateUpdate: validateCSINodeUpdate },
  columns: csiNodeColumns,
};
