import type * as storage from '../gen/types/storage.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { csiNodeColumns } from './columns.ts';

export const csiNodeRules: KindRules<storage.CSINode> = { strategy: { allowUnconditionalUpdate: false }, columns: csiNodeColumns };
