import type * as flowcontrol from '../gen/types/flowcontrol.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { flowSchemaColumns } from './columns.ts';
import { validateFlowStatus, validateFlowSchema } from './flowcontrol.validation.ts';

const base = specAndStatus<flowcontrol.FlowSchema>();

export const flowSchemaRules: KindRules<flowcontrol.FlowSchema> = {
  strategy: {
    ...base,
    status: { ...base.status, validateUpdate: validateFlowStatus },
    default: ({ spec }) => {
      if (spec !== undefined) spec.matchingPrecedence ||= 1000;
    },
    allowUnconditionalUpdate: true,
    validateCreate: validateFlowSchema,
    validateUpdate: validateFlowSchema,
  },
  columns: flowSchemaColumns,
};
