import { ageColumn, boolean, integer, nameColumn, text } from '../columns.ts';
import type * as scheduling from '../gen/types/scheduling.v1.ts';
import type { Column } from '../kind.ts';

export const priorityClassColumns: readonly Column<scheduling.PriorityClass>[] = [
  nameColumn,
  integer('Value', 'The priority of its pods.', ({ value }) => value ?? 0),
  boolean('Global-Default', 'Whether pods without a class get it.', ({ globalDefault }) => globalDefault ?? false),
  ageColumn,
  text('PreemptionPolicy', 'Whether its pods push others out.', ({ preemptionPolicy }) => preemptionPolicy ?? 'PreemptLowerPriority'),
];
