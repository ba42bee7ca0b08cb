import { ageOf, text, wide, type nameColumn } from '../columns.ts';
import type * as core from '../gen/types/core.v1.ts';
import type * as events from '../gen/types/events.v1.ts';
import type { Column } from '../kind.ts';

/** The times and counts of an event, whichever group it is read in. */
interface Seen {
  readonly firstSeen: string;
  readonly lastSeen: string;
  readonly count: number;
}

/** Times that nobody has given are absent, or null where Go prints them so. */
interface Times {
  readonly eventTime?: string | null | undefined;
  readonly first?: string | null | undefined;
  readonly last?: string | null | undefined;
  readonly count?: number | undefined;
  readonly series?: { readonly count: number; readonly lastObservedTime: string } | undefined;
}

function seen({ eventTime, first, last, count, series }: Times, nowMs: number): Seen {
  const firstSeen = ageOf(first ?? eventTime ?? undefined, nowMs);
  if (series !== undefined) return { firstSeen, lastSeen: ageOf(series.lastObservedTime, nowMs), count: series.count };
  return {
    firstSeen,
    lastSeen: (last ?? undefined) === undefined ? firstSeen : ageOf(last ?? undefined, nowMs),
    count: count === undefined || count === 0 ? 1 : count,
  };
}

const coreTimes = (e: core.Event): Times => ({
  eventTime: e.eventTime,
  first: e.firstTimestamp,
  last: e.lastTimestamp,
  count: e.count,
  series: e.series as Times['series'],
});
const newTimes = (e: events.Event): Times => ({
  eventTime: e.eventTime,
  first: e.deprecatedFirstTimestamp,
  last: e.deprecatedLastTimestamp,
  count: e.deprecatedCount,
  series: e.series,
});

function target({ kind = '', name = '' }: core.ObjectReference = {}): string {
  return name === '' ? kind.toLowerCase() : `${kind.toLowerCase()}/${name}`;
}

function formatSource(source: core.EventSource | undefined, controller: string | undefined, instance: string | undefined): string {
  const component = source?.component !== undefined && source.component !== '' ? source.component : (controller ?? '');
  const host = source?.host !== undefined && source.host !== '' ? source.host : (instance ?? '');
  return host === '' ? component : `${component}, ${host}`;
}

const name: Column = { ...wide('Name', 'The name of the event.', (event) => event.metadata?.name ?? ''), format: 'name' } satisfies typeof nameColumn;

export const coreEventColumns: readonly Column<core.Event>[] = [
  text('Last Seen', 'How long ago it happened last.', (e, nowMs) => seen(coreTimes(e), nowMs).lastSeen),
  text('Type', 'Normal or Warning.', (e) => e.type ?? ''),
  text('Reason', 'What happened, in one word.', (e) => e.reason ?? ''),
  text('Object', 'What it happened to.', (e) => target(e.involvedObject)),
  wide('Subobject', 'The part of it.', (e) => e.involvedObject.fieldPath ?? ''),
  wide('Source', 'Who reports it.', (e) => formatSource(e.source, e.reportingComponent, e.reportingInstance)),
  text('Message', 'What happened.', (e) => (e.message ?? '').trim()),
  wide('First Seen', 'How long ago it happened first.', (e, nowMs) => seen(coreTimes(e), nowMs).firstSeen),
  wide('Count', 'How often it happened.', (e, nowMs) => seen(coreTimes(e), nowMs).count),
  name,
];

export const newEventColumns: readonly Column<events.Event>[] = [
  text('Last Seen', 'How long ago it happened last.', (e, nowMs) => seen(newTimes(e), nowMs).lastSeen),
  text('Type', 'Normal or Warning.', (e) => e.type ?? ''),
  text('Reason', 'What happened, in one word.', (e) => e.reason ?? ''),
  text('Object', 'What it happened to.', (e) => target(e.regarding)),
  wide('Subobject', 'The part of it.', (e) => e.regarding?.fieldPath ?? ''),
  wide('Source', 'Who reports it.', (e) => formatSource(e.deprecatedSource, e.reportingController, e.reportingInstance)),
  text('Message', 'What happened.', (e) => (e.note ?? '').trim()),
  wide('First Seen', 'How long ago it happened first.', (e, nowMs) => seen(newTimes(e), nowMs).firstSeen),
  wide('Count', 'How often it happened.', (e, nowMs) => seen(newTimes(e), nowMs).count),
  name,
];
