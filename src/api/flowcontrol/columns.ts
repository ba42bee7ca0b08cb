import { ageColumn, nameColumn, text } from '../columns.ts';
import type * as flowcontrol from '../gen/types/flowcontrol.v1.ts';
import type { Column } from '../kind.ts';

const dangling = ({ status }: flowcontrol.FlowSchema): string => {
  const condition = (status?.conditions ?? []).find((c) => c.type === 'Dangling');
  return condition?.status ?? '?';
};

export const flowSchemaColumns: readonly Column<flowcontrol.FlowSchema>[] = [
  nameColumn,
  text('PriorityLevel', 'The level that its requests get.', ({ spec }) => spec?.priorityLevelConfiguration.name ?? ''),
  text('MatchingPrecedence', 'The lowest number that matches wins.', ({ spec }) => String(spec?.matchingPrecedence ?? 0)),
  text('DistinguisherMethod', 'What makes flows of it.', ({ spec }) => spec?.distinguisherMethod?.type ?? '<none>'),
  ageColumn,
  text('MissingPL', 'Whether the level is missing.', dangling),
];

const formatCount = (count: number | undefined): string => (count === undefined ? '<none>' : String(count));

export const priorityLevelColumns: readonly Column<flowcontrol.PriorityLevelConfiguration>[] = [
  nameColumn,
  text('Type', 'Limited or Exempt.', ({ spec }) => spec?.type ?? ''),
  text('NominalConcurrencyShares', 'Its share of the seats.', ({ spec }) =>
    formatCount(spec?.limited?.nominalConcurrencyShares ?? spec?.exempt?.nominalConcurrencyShares),
  ),
  text('Queues', 'How many queues it has.', ({ spec }) => formatCount(spec?.limited?.limitResponse?.queuing?.queues)),
  text('HandSize', 'How many queues a flow is dealt.', ({ spec }) => formatCount(spec?.limited?.limitResponse?.queuing?.handSize)),
  text('QueueLengthLimit', 'How many requests may wait in a queue.', ({ spec }) => formatCount(spec?.limited?.limitResponse?.queuing?.queueLengthLimit)),
  ageColumn,
];
