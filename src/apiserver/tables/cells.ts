import type { Column, Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../machinery/object.ts';

interface ColumnDefinition {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  readonly priority: number;
}

/** What can be shown as a Table. */
export type Shown = Pick<Kind, 'columns' | 'rowConditions'>;

const definitions = new WeakMap<Shown, string>();

/** The JSON of columnDefinitions. */
export function columnDefinitions(kind: Shown): string {
  let text = definitions.get(kind);
  if (text === undefined) {
    const all = kind.columns.map(
      ({ name, type, format, description, priority }: Column): ColumnDefinition => ({
        name,
        type,
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
  return kind.columns.map((column) => column.cell(object, nowMs));
}
