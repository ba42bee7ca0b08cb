import { ageColumn, nameColumn, text } from '../columns.ts';
import type * as internal from '../gen/types/apiserverinternal.v1alpha1.ts';
import type { Column } from '../kind.ts';

export const storageVersionColumns: readonly Column<internal.StorageVersion>[] = [
  nameColumn,
  text('CommonEncodingVersion', 'The version that all servers write.', ({ status }) => status?.commonEncodingVersion ?? '<unset>'),
  text('StorageVersions', 'What each server writes.', ({ status }) => {
    const all = (status?.storageVersions ?? []).map((v) => `${v.apiServerID ?? ''}=${v.encodingVersion ?? ''}`);
    return all.length === 0 ? '<unset>' : all.length > 3 ? `${all.slice(0, 3).join(',')} + ${all.length - 3} more...` : all.join(',');
  }),
  ageColumn,
];
