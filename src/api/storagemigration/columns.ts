import { ageColumn, nameColumn, text } from '../columns.ts';
import type * as beta from '../gen/types/storagemigration.v1beta1.ts';
import type { Column } from '../kind.ts';

export const storageVersionMigrationColumns: readonly Column<beta.StorageVersionMigration>[] = [
  nameColumn,
  text('Resource', 'What is rewritten.', ({ spec }) =>
    spec === undefined ? '' : `${spec.resource.resource}${spec.resource.group === '' ? '' : `.${spec.resource.group}`}`,
  ),
  ageColumn,
];
