import type { Draft } from '../../machinery/object.ts';
import type * as flowcontrol from '../gen/types/flowcontrol.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { priorityLevelColumns } from './columns.ts';
import { validateFlowStatus, validatePriorityLevel } from './flowcontrol.validation.ts';

function defaultLevel({ spec }: Draft<flowcontrol.PriorityLevelConfiguration>): void {
  if (spec?.exempt !== undefined) {
    spec.exempt.nominalConcurrencyShares ??= 0;
    spec.exempt.lendablePercent ??= 0;
  }
  if (spec?.limited === undefined) return;
  spec.limited.nominalConcurrencyShares ??= 30;
  spec.limited.lendablePercent ??= 0;
  const queuing = spec.limited.limitResponse?.queuing;
  if (queuing === undefined) return;
  queuing.queues ||= 64;
  queuing.handSize ||= 8;
  queuing.queueLengthLimit ||= 50;
}

const base = specAndStatus<flowcontrol.PriorityLevelConfiguration>();

export const priorityLevelRules: KindRules<flowcontrol.PriorityLevelConfiguration> = {
  strategy: {
    ...base,
    status: { ...base.status, validateUpdate: validateFlowStatus },
    default: defaultLevel,
    allowUnconditionalUpdate: true,
    validateCreate: validatePriorityLevel,
    validateUpdate: validatePriorityLevel,
  },
  columns: priorityLevelColumns,
};
