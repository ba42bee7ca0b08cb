import { pathSegmentNameFaults } from '../../machinery/names.ts';
import type * as rbac from '../gen/types/rbac.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { bindingColumns } from './columns.ts';
import { defaultBinding } from './role-binding.ts';
import { validateClusterRoleBinding, validateClusterRoleBindingUpdate } from './rbac.validation.ts';

export const clusterRoleBindingRules: KindRules<rbac.ClusterRoleBinding> = {
  strategy: {
    validateName: pathSegmentNameFaults,
    default: defaultBinding,
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: true,
    validateCreate: validateClusterRoleBinding,
    validateUpdate: validateClusterRoleBindingUpdate,
  },
  columns: bindingColumns,
};
