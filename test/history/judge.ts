import type { Truth } from './truth.ts';
import type { HistoryWatcher, Segment } from './watcher.ts';

/** What is wrong with what a watcher heard, in sentences. */
export function faultsOf(watcher: HistoryWatcher, truth: Truth): readonly string[] {
  const faults = [...watcher.faults];
  for (const { revision, lines } of watcher.listings)
    faults.push(...difference(`${watcher.selector.name}: list @${revision}`, lines, truth.listed(watcher.selector, revision)));
  for (const segment of watcher.segments) faults.push(...faultsOfSegment(watcher, segment, truth));
  return faults;
}

function faultsOfSegment(watcher: HistoryWatcher, { start, heard }: Segment, truth: Truth): readonly string[] {
  const { selector } = watcher;
  const where = `${selector.name}: watch ${JSON.stringify(start)}`;
  if (start.kind === 'after') return follows(where, start.revision, heard, (after, upTo) => truth.between(selector, after, upTo));
  if (start.kind === 'marked') {
    const mark = heard.findIndex((each) => each.type === 'bookmark');
    // Cut before the mark: whatever came belongs to a state that was never said to be complete.
    if (mark === -1) return [];
    const { revision } = heard[mark] as Segment['heard'][number];
    const first = heard[mark];
    const unmarked = first?.type === 'bookmark' && first.initialEnd ? [] : [`${where}: the first bookmark does not mark the end of the initial events`];
    const twice = heard.slice(mark + 1).some((each) => each.type === 'bookmark' && each.initialEnd) ? [`${where}: marked twice`] : [];
    const initial = difference(`${where} initial @${revision}`, linesOf(heard.slice(0, mark)), truth.listed(selector, revision));
    return [...unmarked, ...twice, ...initial, ...follows(where, revision, heard.slice(mark + 1), (after, upTo) => truth.between(selector, after, upTo))];
  }
  let faults: readonly string[] = [];
  // Which version the state had is not said: one of those between question and answer must fit.
  for (let revision = start.from; revision <= start.to; revision++) {
    const initial = truth.listed(selector, revision);
    const part = heard.slice(0, initial.length);
    faults = difference(`${where} initial @${revision}`, linesOf(part), initial.slice(0, part.length));
    if (faults.length === 0) faults = follows(where, revision, heard.slice(initial.length), (after, upTo) => truth.between(selector, after, upTo));
    if (faults.length === 0) return [];
  }
  return faults;
}

const linesOf = (heard: Segment['heard']): readonly string[] => heard.flatMap((each) => (each.type === 'event' ? [each.line] : []));

/** Events exactly as they happened after the revision up to the last one heard; a bookmark promises that nothing before it is missing. */
function follows(where: string, after: number, heard: Segment['heard'], between: (after: number, upTo: number) => readonly string[]): readonly string[] {
  const faults: string[] = [];
  let last = after;
  for (const { type, revision } of heard) {
    if (revision < last || (type === 'event' && revision === last)) faults.push(`${where}: ${type} @${revision} after @${last}`);
    last = revision;
  }
  return [...faults, ...difference(where, linesOf(heard), between(after, last))];
}

function difference(where: string, got: readonly string[], wanted: readonly string[]): readonly string[] {
  const at = Math.max(got.length, wanted.length);
  for (let i = 0; i < at; i++)
    if (got[i] !== wanted[i]) return [`${where}: event ${i} of ${wanted.length} is\n  ${got[i] ?? 'missing'}\n  and should be\n  ${wanted[i] ?? 'nothing'}`];
  return [];
}
