import { pathSegmentNameFaults } from '../../machinery/names.ts';
import type * as rbac from '../gen/types/rbac.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { validateRole } from './rbac.validation.ts';

export const roleRules: KindRules<rbac.Role> = {
  strategy: {
    validateName: pathSegmentNameFaults,
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: true,
    validateCreate: validateRole,
    validateUpdate: validateRole,
  },
};
