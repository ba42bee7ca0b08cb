import type { KubeObject } from '../../machinery/object.ts';
import { ageColumn, nameColumn, text } from '../columns.ts';
import type { Column } from '../kind.ts';

/** The parts that the printed columns need; the same in every version of the group. */
interface Claim extends KubeObject {
  readonly status?: { readonly allocation?: unknown; readonly reservedFor?: readonly unknown[] | undefined } | undefined;
}

function formatState({ metadata, status }: Claim): string {
  const words: string[] = [];
  if (status?.allocation !== undefined) words.push('allocated');
  if ((status?.reservedFor ?? []).length > 0) words.push('reserved');
  if (words.length === 0) words.push('pending');
  if (metadata?.deletionTimestamp !== undefined) words.unshift('deleted');
  return words.join(',');
}

export const resourceClaimColumns: readonly Column<Claim>[] = [nameColumn, text('State', 'Whether it has devices and who uses them.', formatState), ageColumn];

interface Slice extends KubeObject {
  readonly spec: { readonly nodeName?: string | undefined; readonly driver: string; readonly pool: { readonly name: string } };
}

export const resourceSliceColumns: readonly Column<Slice>[] = [
  nameColumn,
  text('Node', 'The node of its devices.', ({ spec }) => (spec.nodeName === undefined || spec.nodeName === '' ? '<unset>' : spec.nodeName)),
  text('Driver', 'Who drives them.', ({ spec }) => spec.driver),
  text('Pool', 'The pool that they belong to.', ({ spec }) => spec.pool.name),
  ageColumn,
];
