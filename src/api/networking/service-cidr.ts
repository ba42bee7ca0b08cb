import type * as networking from '../gen/types/networking.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { keep } from '../strategy.ts';
import { serviceCidrColumns } from './columns.ts';
import { validateServiceCIDR, validateServiceCIDRUpdate } from './address.validation.ts';

export const serviceCidrRules: KindRules<networking.ServiceCIDR> = {
  strategy: {
    prepareForCreate: (draft) => {
      delete draft.status;
    },
    prepareForUpdate: (draft, old) => keep(draft, old, 'status'),
    status: { prepareForUpdate: (draft, old) => keep(draft, old, 'spec') },
    allowUnconditionalUpdate: true,
    validateCreate: validateServiceCIDR,
    validateUpdate: validateServiceCIDRUpdate,
  },
  columns: serviceCidrColumns,
};
