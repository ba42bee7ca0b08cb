import { ageColumn, nameColumn, text } from '../columns.ts';
import type * as node from '../gen/types/node.v1.ts';
import type { Column } from '../kind.ts';

export const runtimeClassColumns: readonly Column<node.RuntimeClass>[] = [
  nameColumn,
  text('Handler', 'The name that the runtime knows it by.', ({ handler }) => handler),
  ageColumn,
];
