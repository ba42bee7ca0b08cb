import { oldLabelMessage } from '../core/node-labels.warnings.ts';
import type * as node from '../gen/types/node.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { runtimeClassColumns } from './columns.ts';
import { validateRuntimeClass, validateRuntimeClassUpdate } from './runtime-class.validation.ts';

function warnings({ scheduling }: node.RuntimeClass): readonly string[] {
  const messages = Object.keys(scheduling?.nodeSelector ?? {}).flatMap((key) => oldLabelMessage(key) ?? []);
  return messages.map((message) => `scheduling.nodeSelector: ${message}`);
}

export const runtimeClassRules: KindRules<node.RuntimeClass> = {
  strategy: {
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: false,
    validateCreate: validateRuntimeClass,
    validateUpdate: validateRuntimeClassUpdate,
    warnings,
  },
  columns: runtimeClassColumns,
};
