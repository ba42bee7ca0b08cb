import type { Json, JsonObject, KubeObject } from '../../machinery/object.ts';
import type { Core } from '../core.ts';
import type { StoredEntry } from '../codec/projection.ts';
import { objectBytes, partialBytes } from '../codec/render.ts';
import type { Binding } from '../registry/registry.ts';
import { cellsOf, type Shown } from './cells.ts';

/** `includeObject` of the query: what stands in a row beside its cells. */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

export interface TableForm {
  readonly metaVersion: 'v1' | 'v1beta1';
  readonly include: IncludeObject;
}

/** A row, as JSON bytes. `object`: what the entry holds, in the version of the binding. */
export function rowBytes(
  core: Core,
  binding: Binding,
  entry: StoredEntry,
  object: KubeObject,
  { metaVersion, include }: TableForm,
  nowMs: number,
  before = '',
  after = '',
): Buffer {
  const cells = JSON.stringify(cellsOf(binding.kind, object, nowMs));
  const conditions = binding.kind.rowConditions?.(object) ?? [];
  const said = conditions.length === 0 ? '' : `"conditions":${JSON.stringify(conditions)},`;
  const head = `${before}{"cells":${cells},${said}"object":`;
  const tail = `}${after}`;
  if (include === 'None') return Buffer.from(`${head}null${tail}`);
  // Cells may hold anything; only the splicing below is ASCII.
  const shown = include === 'Object' ? objectBytes(core, binding, entry) : partialBytes(entry, metaVersion);
  return Buffer.concat([Buffer.from(head), shown, Buffer.from(tail)]);
}

/** A row of an object that is not stored. */
export function plainRow(kind: Shown, object: KubeObject, { metaVersion, include }: TableForm, nowMs: number): JsonObject {
  const shown = include === 'None' ? null : include === 'Object' ? object : partialOf(object as unknown as JsonObject, metaVersion);
  const conditions = kind.rowConditions?.(object) ?? [];
  return {
    cells: cellsOf(kind, object, nowMs),
    ...(conditions.length === 0 ? {} : { conditions: conditions as unknown as Json }),
    object: shown as unknown as JsonObject,
  };
}

/** The metadata of an object that is not stored, or of a list of such, alone. */
export function partialOf({ metadata = {}, items }: JsonObject, metaVersion: TableForm['metaVersion']): JsonObject {
  const apiVersion = `meta.k8s.io/${metaVersion}`;
  if (!Array.isArray(items)) return { kind: 'PartialObjectMetadata', apiVersion, metadata };
  return { kind: 'PartialObjectMetadataList', apiVersion, metadata, items: items.map((item) => partialOf(item as JsonObject, metaVersion)) };
}

export function tableHead({ metaVersion }: TableForm, metadata: string, columns: string): string {
  return `{"kind":"Table","apiVersion":"meta.k8s.io/${metaVersion}","metadata":${metadata},"columnDefinitions":${columns},"rows":[`;
}

export const TABLE_TAIL = ']}';

/** A whole table of one object, for GET and for a watch event. */
export function oneRowTable(
  core: Core,
  binding: Binding,
  entry: StoredEntry,
  object: KubeObject,
  form: TableForm,
  nowMs: number,
  columns: string,
  after = '',
): Buffer {
  const head = tableHead(form, `{"resourceVersion":"${entry.modRevision}"}`, columns);
  return rowBytes(core, binding, entry, object, form, nowMs, head, TABLE_TAIL + after);
}
