import { pathSegmentNameFaults } from '../../machinery/names.ts';
import type { Draft } from '../../machinery/object.ts';
import type * as rbac from '../gen/types/rbac.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { bindingColumns } from './columns.ts';
import { validateRoleBinding, validateRoleBindingUpdate } from './rbac.validation.ts';

const GROUP = 'rbac.authorization.k8s.io';

/** The role's group, and the group of subjects by their kind. The same for both kinds of bindings. */
export function defaultBinding({ roleRef, subjects }: Draft<rbac.RoleBinding> | Draft<rbac.ClusterRoleBinding>): void {
  if (roleRef !== undefined) roleRef.apiGroup ||= GROUP;
  for (const subject of subjects ?? []) {
    if (subject.kind === 'ServiceAccount') subject.apiGroup ??= '';
    else if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= GROUP;
  }
}

export const roleBindingRules: KindRules<rbac.RoleBinding> = {
  strategy: {
    validateName: pathSegmentNameFaults,
    default: defaultBinding,
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: true,
    validateCreate: validateRoleBinding,
    validateUpdate: validateRoleBindingUpdate,
  },
  columns: bindingColumns,
};
