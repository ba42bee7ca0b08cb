import type { Draft } from '../../machinery/object.ts';
import { hasOwn, setOwn } from '../../machinery/record.ts';
import type * as core from '../gen/types/core.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { metadataOf } from '../strategy.ts';
import { validateLimitRange } from './quota.validation.ts';

/** For containers: the default follows the maximum; the default request follows the default, else the minimum. */
function defaultItem(item: Draft<core.LimitRangeItem>): void {
  if (item.type !== 'Container') return;
  item.default = fill(item.default, item.max);
  item.defaultRequest = fill(fill(item.defaultRequest, item.default), item.min);
  if (Object.keys(item.default ?? {}).length === 0) delete item.default;
  if (Object.keys(item.defaultRequest ?? {}).length === 0) delete item.defaultRequest;
}

function fill(list: Record<string, string> | undefined, from: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const out: Record<string, string> = { ...list };
  for (const [name, value] of Object.entries(from ?? {})) if (!hasOwn(out, name)) setOwn(out, name, value);
  return out;
}

export const limitRangeRules: KindRules<core.LimitRange> = {
  strategy: {
    default: ({ spec }) => {
      for (const item of spec?.limits ?? []) defaultItem(item);
    },
    prepareForCreate: (draft, { newName }) => {
      const metadata = metadataOf(draft);
      if ((metadata.name ?? '') === '') metadata.name = newName();
    },
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: true,
    validateCreate: validateLimitRange,
    validateUpdate: validateLimitRange,
  },
  shortNames: ['limits'],
};
