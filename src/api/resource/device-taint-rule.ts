import { type FieldError, tooMany } from '../../machinery/field-error.ts';
import { formatTime } from '../../machinery/time.ts';
import { type Errors, root } from '../checks.ts';
import { validateConditions } from '../conditions.ts';
import type * as beta from '../gen/types/resource.v1beta2.ts';
import { checkDriverName } from '../core/remote-volume.validation.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { nameAndAge } from '../columns.ts';
import { labelErrors, poolNameErrors, taintErrors } from './device-names.validation.ts';

const SPEC = root('spec');
const CONDITIONS = root('status').child('conditions');
const MAX_CONDITIONS = 8;

type Rule = beta.DeviceTaintRule;

function validate({ spec }: Rule): Errors {
  const { driver, pool, device } = spec?.deviceSelector ?? {};
  const at = SPEC.child('deviceSelector');
  return [
    ...(driver === undefined ? [] : checkDriverName(driver, at.child('driver'))),
    ...(pool === undefined ? [] : poolNameErrors(pool, at.child('pool'))),
    ...(device === undefined ? [] : labelErrors(device, at.child('device'))),
    ...taintErrors(spec?.taint ?? { key: '', effect: '' }, SPEC.child('taint')),
  ];
}

function validateStatus({ status }: Rule): readonly FieldError[] {
  const conditions = status?.conditions ?? [];
  const errors = validateConditions(conditions, CONDITIONS);
  if (conditions.length > MAX_CONDITIONS) errors.push(tooMany(CONDITIONS, conditions.length, MAX_CONDITIONS));
  return errors;
}

const base = specAndStatus<Rule>({ statusKeepsMetadata: true });

export const deviceTaintRules: KindRules<Rule> = {
  strategy: {
    ...base,
    prepareForCreate: (draft, context) => {
      base.prepareForCreate?.(draft, context);
      // A taint is from now on unless it says otherwise.
      if (draft.spec?.taint !== undefined) draft.spec.taint.timeAdded ??= formatTime(context.nowMs);
    },
    allowUnconditionalUpdate: true,
    validateCreate: validate,
    validateUpdate: validate,
    status: { ...base.status, validateUpdate: validateStatus },
  },
  columns: nameAndAge,
};
