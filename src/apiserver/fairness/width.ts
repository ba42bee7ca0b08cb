import { parseFieldSelector, requiredValue } from '../../machinery/fields.ts';
import type { Core } from '../core.ts';
import type { Query } from '../handlers/query.ts';
import type { AuthorizeAttributes } from '../stages.ts';

/** What is stored of a resource, over all namespaces. */
export interface StoredSize {
  readonly count: number;
  readonly averageBytes: number;
}

/** Upstream's figures (apiserver `util/flowcontrol/request`, SizeBasedListCostEstimate): a list from memory is written as a stream. */
const BYTES_PER_SEAT = 100_000;
const MOST_BYTES = 1_000_000;

/** Seats that a list takes, or a watch that begins with the state: by the bytes that it goes through, one to ten. */
export function listSeats({ count, averageBytes }: StoredSize, limit: number, single: boolean): number {
  const objects = single ? 1 : limit > 0 ? Math.min(limit, count) : count;
  return Math.max(1, Math.ceil(Math.min(objects * averageBytes, MOST_BYTES) / BYTES_PER_SEAT));
}

/** Objects whose sizes stand for those of all. */
const LOOKED_AT = 16;

/** What a request is worth in seats. */
export function seatsOf(
  { store, registry }: Pick<Core, 'store' | 'registry'>,
  { verb, group, version, resource, fieldSelector = '' }: AuthorizeAttributes,
  query: Query,
): number {
  if (verb !== 'list' && (verb !== 'watch' || query.flag('sendInitialEvents') !== true)) return 1;
  const binding = registry.find(group === '' ? version : `${group}/${version}`, resource);
  if (binding === undefined) return 1;
  const count = store.count(binding.prefix);
  if (count === 0) return 1;
  const { entries } = store.list(binding.prefix, { limit: LOOKED_AT });
  const averageBytes = entries.reduce((sum, { value }) => sum + value.byteLength, 0) / Math.max(1, entries.length);
  const selector = parseFieldSelector(fieldSelector);
  const single = !('fault' in selector) && requiredValue(selector, 'metadata.name') !== undefined;
  return listSeats({ count, averageBytes }, verb === 'list' ? Math.max(0, Number(query.get('limit') ?? '0') || 0) : 0, single);
}
