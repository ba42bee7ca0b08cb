import type { JsonObject, KubeObject } from '../../machinery/object.ts';
import { badRequest } from '../../machinery/status-error.ts';
import type { Core } from '../core.ts';
import type { Answer, Call, ListAnswer } from '../handlers/call.ts';
import { columnDefinitions } from '../tables/cells.ts';
import { type IncludeObject, oneRowTable, plainRow, rowBytes, TABLE_TAIL, type TableForm, tableHead } from '../tables/table.ts';
import { negotiate, type Offers, type Representation } from './accept.ts';
import type { StoredEntry } from './projection.ts';
import { itemHead, objectBytes, partialBytes, storedBody } from './render.ts';

/** A list as it is written: what stands first, each entry, what stands last. */
export interface ListWriter {
  readonly head: string;
  readonly tail: string;
  /** Between two entries; a comma when absent. */
  readonly separator?: string | undefined;
  /** So many entries in one turn of the loop, where making them costs more than copying. */
  readonly slice?: number | undefined;
  /** The pieces of one entry, in order. */
  readonly piece: (entry: StoredEntry) => readonly (string | Uint8Array)[];
  /** Bytes of all pieces of one entry, where that is known without making them. */
  readonly size?: ((entry: StoredEntry) => number) | undefined;
}

export function offersOf(answer: Answer, protobuf: boolean): Offers {
  if (answer.as === 'list') return { protobuf, table: true, partial: 'PartialObjectMetadataList' };
  return { protobuf, table: answer.as === 'entry' || answer.binding !== undefined, partial: answer.as === 'entry' ? 'PartialObjectMetadata' : undefined };
}

export function chooseRepresentation(accept: string | undefined, answer: Answer, protobuf: boolean): Representation {
  return negotiate(accept, offersOf(answer, protobuf));
}

export function tableForm(call: Call, representation: Representation): TableForm {
  const include = call.query.get('includeObject') ?? '';
  if (include !== '' && include !== 'None' && include !== 'Metadata' && include !== 'Object') {
    throw badRequest(`invalid includeObject value: ${JSON.stringify(include)}`);
  }
  return { metaVersion: representation.metaVersion, include: include === '' ? 'Metadata' : (include as IncludeObject) };
}

/** What is not stored, in JSON. Where its kind can be shown as a Table, a list has a row for each item. */
export function objectJson(call: Call, { body, binding }: Extract<Answer, { as: 'object' }>, representation: Representation, nowMs: number): string {
  if (representation.as !== 'Table' || binding === undefined) return JSON.stringify(body);
  const form = tableForm(call, representation);
  const items = Array.isArray(body['items']) ? (body['items'] as readonly KubeObject[]) : [body as KubeObject];
  const rows = items.map((item) => JSON.stringify(plainRow(binding.kind, item, form, nowMs)));
  return `${tableHead(form, JSON.stringify(body['metadata'] ?? {}), columnDefinitions(binding.kind))}${rows.join(',')}${TABLE_TAIL}`;
}

/** A stored object in JSON. */
export function entryBytes(core: Core, call: Call, answer: Extract<Answer, { as: 'entry' }>, representation: Representation): Buffer {
  const { binding, entry } = answer;
  switch (representation.as) {
    case 'Table':
      return oneRowTable(core, binding, entry, tableForm(call, representation), core.clock.now(), columnDefinitions(binding.kind));
    case 'PartialObjectMetadata':
      return partialBytes(entry, representation.metaVersion);
    default:
      return objectBytes(core, binding, entry);
  }
}

export function listMetadata({ resourceVersion, continueToken, remaining }: ListAnswer): JsonObject {
  return {
    resourceVersion,
    ...(continueToken === '' ? {} : { continue: continueToken }),
    ...(remaining === undefined || remaining === 0 ? {} : { remainingItemCount: remaining }),
  };
}

export function listWriter(core: Core, call: Call, answer: ListAnswer, representation: Representation): ListWriter {
  const { binding } = answer;
  const metadata = JSON.stringify(listMetadata(answer));
  if (representation.as === 'Table') {
    const form = tableForm(call, representation);
    const nowMs = core.clock.now();
    return {
      head: tableHead(form, metadata, columnDefinitions(binding.kind)),
      tail: TABLE_TAIL,
      slice: 100,
      piece: (entry) => [rowBytes(core, binding, entry, form, nowMs)],
    };
  }
  if (representation.as === 'PartialObjectMetadataList') {
    const { metaVersion } = representation;
    return {
      head: `{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/${metaVersion}","metadata":${metadata},"items":[`,
      tail: ']}',
      slice: 500,
      piece: (entry) => [partialBytes(entry, metaVersion)],
    };
  }
  return {
    head: `{"kind":${JSON.stringify(binding.kind.listKind)},"apiVersion":${JSON.stringify(binding.apiVersion)},"metadata":${metadata},"items":[`,
    tail: ']}',
    size: binding.direct ? (entry) => itemHead(entry).length + entry.value.byteLength - entry.projection.start : undefined,
    slice: binding.direct ? undefined : 100,
    piece: binding.direct ? (entry) => [itemHead(entry), storedBody(entry)] : (entry) => [convertedItem(core, answer, entry)],
  };
}

function convertedItem(core: Core, { binding }: ListAnswer, entry: StoredEntry): string {
  const { kind: _k, apiVersion: _a, ...item } = core.objects.full(entry, binding);
  return JSON.stringify(item);
}
