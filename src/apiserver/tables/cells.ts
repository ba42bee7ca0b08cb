import type { Column, Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../machinery/object.ts';
import { humanDuration, parseTime } from '../../machinery/time.ts';

interface ColumnDefinition {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  readonly priority: number;
}

/** What can be shown as a Table. */
export type Shown = Pick<Kind, 'columns'>;

const definitions = new WeakMap<Shown, string>();

/** The JSON of columnDefinitions. */
export function columnDefinitions(kind: Shown): string {
  let text = definitions.get(kind);
  if (text === undefined) {
    const all = kind.columns.map(
      ({ name, type, format, description, priority }: Column): ColumnDefinition => ({
        name,
        // Ages and times are printed by the server, as text.
        type: type === 'date' ? 'string' : type,
        format: format ?? '',
        description,
        priority,
      }),
    );
    text = JSON.stringify(all);
    definitions.set(kind, text);
  }
  return text;
}

export function cellsOf(kind: Shown, object: KubeObject, nowMs: number): readonly (string | number | boolean | null)[] {
  return kind.columns.map((column) => {
    const cell = column.cell(object, nowMs);
    return column.type === 'date' ? formatAge(cell, nowMs) : cell;
  });
}

function formatAge(cell: string | number | boolean | null, nowMs: number): string {
  if (typeof cell !== 'string' || cell === '') return '<unknown>';
  const at = parseTime(cell);
  return at === undefined ? '<unknown>' : humanDuration(nowMs - at);
}
