import { clusterRoleBindings, clusterRoles, roleBindings, roles } from '../../api/gen/resources.ts';
import type { StoredReader } from '../stages.ts';
import { follow } from '../stored.ts';
import { RbacIndex } from './rbac.ts';

/** The index of what is stored, kept up to date until it is disposed. */
export function followRbac(reader: StoredReader): { readonly index: RbacIndex } & Disposable {
  const index = new RbacIndex();
  const watches: Disposable[] = [];
  for (const resource of [roles, clusterRoles]) {
    watches.push(
      follow(reader, resource, (after, before) => {
        if (after !== undefined) index.setRole(after);
        else if (before !== undefined) index.deleteRole(before.metadata.namespace ?? '', before.metadata.name);
      }),
    );
  }
  for (const resource of [roleBindings, clusterRoleBindings]) {
    watches.push(
      follow(reader, resource, (after, before) => {
        if (after !== undefined) index.setBinding(after);
        else if (before !== undefined) index.deleteBinding(before.metadata.namespace ?? '', before.metadata.name);
      }),
    );
  }
  return {
    index,
    [Symbol.dispose]: () => {
      for (const watch of watches) watch[Symbol.dispose]();
    },
  };
}
