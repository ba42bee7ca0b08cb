import type * as node from '../gen/types/node.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { runtimeClassColumns } from './columns.ts';

export const runtimeClassRules: KindRules<node.RuntimeClass> = { strategy: { allowUnconditionalUpdate: false }, columns: runtimeClassColumns };
