import { ageColumn, nameColumn, text, wide } from '../columns.ts';
import type * as rbac from '../gen/types/rbac.v1.ts';
import type { Column } from '../kind.ts';

const subjects = (binding: rbac.RoleBinding | rbac.ClusterRoleBinding, kind: string): string =>
  (binding.subjects ?? [])
    .filter((s) => s.kind === kind)
    .map((s) => (kind === 'ServiceAccount' ? `${s.namespace ?? ''}/${s.name}` : s.name))
    .join(', ');

/** The same for both kinds of bindings. */
export const bindingColumns: readonly Column<rbac.RoleBinding | rbac.ClusterRoleBinding>[] = [
  nameColumn,
  text('Role', 'The role that is given.', ({ roleRef }) => `${roleRef.kind}/${roleRef.name}`),
  ageColumn,
  wide('Users', 'Users who have it.', (binding) => subjects(binding, 'User')),
  wide('Groups', 'Groups that have it.', (binding) => subjects(binding, 'Group')),
  wide('ServiceAccounts', 'Service accounts that have it.', (binding) => subjects(binding, 'ServiceAccount')),
];
