import type { Json } from '../../machinery/object.ts';
import { yamlFormatter } from '../../schema/yaml.ts';
import type { StoredEntry } from './projection.ts';
import type { ListWriter } from './representation.ts';

/** A list for people to read: indented JSON, or YAML. */
export interface ReadableList extends ListWriter {
  readonly format: 'json' | 'yaml';
}

const join = (pieces: readonly (string | Uint8Array)[]): Json =>
  JSON.parse(
    pieces.map((piece) => (typeof piece === 'string' ? piece : Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).toString('utf8'))).join(''),
  ) as Json;

/** The same text as `JSON.stringify(list, null, 2)`, without ever having the list. */
export function prettyList({ head, tail, piece }: ListWriter, count: number): ReadableList {
  if (count === 0) return { format: 'json', head: JSON.stringify(JSON.parse(head + tail), null, 2), tail: '', piece };
  const [before = '', after = ''] = JSON.stringify(JSON.parse(`${head}"@"${tail}`), null, 2).split('"@"');
  const item = (entry: StoredEntry): readonly string[] => [JSON.stringify(join(piece(entry)), null, 2).replaceAll('\n', '\n    ')];
  return { format: 'json', head: before, tail: after, separator: ',\n    ', slice: 50, piece: item };
}

/** What is not the items stands first; every item is a block of its own. */
export async function yamlList({ head, tail, piece }: ListWriter, count: number): Promise<ReadableList> {
  const format = await yamlFormatter();
  const empty = JSON.parse(head + tail) as Record<string, Json>;
  const key = 'rows' in empty ? 'rows' : 'items';
  if (count === 0) return { format: 'yaml', head: format(empty), tail: '', piece };
  const { [key]: _, ...rest } = empty;
  return { format: 'yaml', head: `${format(rest)}${key}:\n`, tail: '', separator: '', slice: 2, piece: (entry) => [format([join(piece(entry))])] };
}
