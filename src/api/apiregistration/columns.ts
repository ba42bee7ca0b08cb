import { ageColumn, nameColumn, text } from '../columns.ts';
import type * as apiregistration from '../gen/types/apiregistration.v1.ts';
import type { Column } from '../kind.ts';

function formatAvailable({ status }: apiregistration.APIService): string {
  const available = (status?.conditions ?? []).find((c) => c.type === 'Available');
  if (available === undefined) return 'Unknown';
  return available.status === 'True' || (available.reason ?? '') === '' ? available.status : `${available.status} (${available.reason})`;
}

export const apiServiceColumns: readonly Column<apiregistration.APIService>[] = [
  nameColumn,
  text('Service', 'Who serves it.', ({ spec }) => (spec?.service === undefined ? 'Local' : `${spec.service.namespace ?? ''}/${spec.service.name ?? ''}`)),
  text('Available', 'Whether it answers.', formatAvailable),
  ageColumn,
];
