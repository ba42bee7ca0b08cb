import type * as node from '../gen/types/node.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { runtimeClassColumns } from './columns.ts';
import { validateRuntimeClass, validateRuntimeClassUpdate } from './runtime-class.validation.ts';

export const runtimeClassRules: KindRules<node.RuntimeClass> = {
  strategy: { allowUnconditionalUpdate: false, validateCreate: validateRuntimeClass, validateUpdate: validateRuntimeClassUpdate },
  columns: runtimeClassColumns,
};
