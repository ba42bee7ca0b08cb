import type { Json } from '../../machinery/object.ts';
import { yamlFormatter } from '../../schema/yaml.ts';
import type { StoredEntry } from './projection.ts';
import { isLarge, type ListWriter } from './representation.ts';
import type { YamlWriter } from './yaml-thread.ts';

const textOf = (pieces: readonly (string | Uint8Array)[]): string =>
  pieces.map((piece) => (typeof piece === 'string' ? piece : Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).toString('utf8'))).join('');

/** A list as YAML: what is not the items stands first; every item is a block of its own. `write`: for large items. */
export async function yamlList({ head, tail, piece }: ListWriter, count: number, write: YamlWriter): Promise<ListWriter> {
  const format = await yamlFormatter();
  const empty = JSON.parse(head + tail) as Record<string, Json>;
  const key = 'rows' in empty ? 'rows' : 'items';
  if (count === 0) return { head: format(empty), tail: '', piece };
  const { [key]: _, ...rest } = empty;
  const block = async (entry: StoredEntry): Promise<readonly string[]> => [await write(`[${textOf(await piece(entry))}]`)];
  return {
    head: `${format(rest)}${key}:\n`,
    tail: '',
    separator: '',
    turnBytes: 16 * 1024,
    piece: (entry) => {
      const pieces = entry.value.byteLength > LONG_BYTES || isLarge(entry) ? undefined : piece(entry);
      return pieces === undefined || pieces instanceof Promise ? block(entry) : [format([JSON.parse(textOf(pieces)) as Json])];
    },
  };
}

/** Longer items hold the loop for more than it takes to hand them to a thread. */
const LONG_BYTES = 16 * 1024;
