import type * as flowcontrol from '../gen/types/flowcontrol.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { flowSchemaColumns } from './columns.ts';
import { validateFlowSchema } from './flowcontrol.validation.ts';

export const flowSchemaRules: KindRules<flowcontrol.FlowSchema> = {
  strategy: {
    ...specAndStatus(),
    default: ({ spec }) => {
      if (spec !== undefined) spec.matchingPrecedence ||= 1000;
    },
    allowUnconditionalUpdate: false,
    validateCreate: validateFlowSchema,
    validateUpdate: validateFlowSchema,
  },
  columns: flowSchemaColumns,
};
