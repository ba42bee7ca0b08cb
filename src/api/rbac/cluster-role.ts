import { pathSegmentNameFaults } from '../../machinery/names.ts';
import type * as rbac from '../gen/types/rbac.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { validateClusterRole, validateClusterRoleUpdate } from './rbac.validation.ts';

export const clusterRoleRules: KindRules<rbac.ClusterRole> = {
  strategy: {
    validateName: pathSegmentNameFaults,
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: true,
    validateCreate: validateClusterRole,
    validateUpdate: validateClusterRoleUpdate,
  },
};
