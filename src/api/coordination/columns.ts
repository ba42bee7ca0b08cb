import { ageColumn, nameColumn, text } from '../columns.ts';
import type * as coordination from '../gen/types/coordination.v1.ts';
import type * as beta from '../gen/types/coordination.v1beta1.ts';
import type { Column } from '../kind.ts';

export const leaseColumns: readonly Column<coordination.Lease>[] = [
  nameColumn,
  text('Holder', 'Who holds it.', ({ spec }) => spec?.holderIdentity ?? ''),
  ageColumn,
];

export const leaseCandidateColumns: readonly Column<beta.LeaseCandidate>[] = [
  nameColumn,
  text('LeaseName', 'The lease that it wants.', ({ spec }) => spec?.leaseName ?? ''),
  text('BinaryVersion', 'Its version.', ({ spec }) => spec?.binaryVersion ?? ''),
  text('EmulationVersion', 'The version that it behaves as.', ({ spec }) => spec?.emulationVersion ?? ''),
  text('PreferredStrategy', 'How the holder should be chosen.', ({ spec }) => spec?.strategy ?? ''),
  ageColumn,
];
