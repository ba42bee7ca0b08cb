import type { Column, Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../machinery/object.ts';
import { humanDuration, parseTime } from '../../machinery/time.ts';
import type { Core } from '../core.ts';
import type { StoredEntry } from '../codec/projection.ts';
import { objectBytes, partialBytes } from '../codec/render.ts';
import type { Binding } from '../registry/registry.ts';

/** `includeObject` of the query: what stands in a row beside its cells. */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

export interface TableForm {
  readonly metaVersion: 'v1' | 'v1beta1';
  readonly include: IncludeObject;
}

interface ColumnDefinition {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  readonly priority: number;
}

const definitions = new WeakMap<Kind, string>();

/** The JSON of columnDefinitions. */
export function columnDefinitions(kind: Kind): string {
  let text = definitions.get(kind);
  if (text === undefined) {
    const all = kind.columns.map(({ name, type, format, description, priority }: Column): ColumnDefinition => ({
      name,
      // Ages and times are printed by the server, as text.
      type: type === 'date' ? 'string' : type,
      format: format ?? '',
      description,
      priority,
    }));
    text = JSON.stringify(all);
    definitions.set(kind, text);
  }
  return text;
}

export function cellsOf(kind: Kind, object: KubeObject, nowMs: number): readonly (string | number | boolean | null)[] {
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

/** A row, as JSON bytes. */
export function rowBytes(core: Core, binding: Binding, entry: StoredEntry, { metaVersion, include }: TableForm, nowMs: number, before = '', after = ''): Buffer {
  const cells = JSON.stringify(cellsOf(binding.kind, core.objects.as(entry, binding), nowMs));
  const head = `${before}{"cells":${cells},"object":`;
  const tail = `}${after}`;
  if (include === 'None') return Buffer.from(`${head}null${tail}`);
  // Cells may hold anything; only the splicing below is ASCII.
  const object = include === 'Object' ? objectBytes(core, binding, entry) : partialBytes(entry, metaVersion);
  return Buffer.concat([Buffer.from(head), object, Buffer.from(tail)]);
}

export function tableHead({ metaVersion }: TableForm, metadata: string, columns: string): string {
  return `{"kind":"Table","apiVersion":"meta.k8s.io/${metaVersion}","metadata":${metadata},"columnDefinitions":${columns},"rows":[`;
}

export const TABLE_TAIL = ']}';

/** A whole table of one object, for GET and for a watch event. */
export function oneRowTable(core: Core, binding: Binding, entry: StoredEntry, form: TableForm, nowMs: number, columns: string): Buffer {
  const head = tableHead(form, `{"resourceVersion":"${entry.modRevision}"}`, columns);
  return rowBytes(core, binding, entry, form, nowMs, head, TABLE_TAIL);
}
