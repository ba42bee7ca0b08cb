import type { JsonObject, KubeObject } from '../../machinery/object.ts';
import { FieldPath, formatFieldError, invalid } from '../../machinery/field-error.ts';
import { badRequest } from '../../machinery/status-error.ts';
import type { Core } from '../core.ts';
import type { Answer, Call, ListAnswer } from '../handlers/call.ts';
import { columnDefinitions } from '../tables/cells.ts';
import { type IncludeObject, oneRowTable, partialOf, plainRow, rowBytes, TABLE_TAIL, type TableForm, tableHead } from '../tables/table.ts';
import { negotiate, type Offers, type Representation } from './accept.ts';
import type { Binding } from '../registry/registry.ts';
import type { StoredEntry } from './projection.ts';
import { itemHead, itemHeadLength, objectBytes, partialBytes, storedBody } from './render.ts';

/** A list as it is written: what stands first, each entry, what stands last. */
export interface ListWriter {
  readonly head: string;
  readonly tail: string;
  /** Between two entries; a comma when absent. */
  readonly separator?: string | undefined;
  /** Stored bytes that one turn of the loop makes pieces of, where that costs more than copying: some five milliseconds. */
  readonly turnBytes?: number | undefined;
  /** The pieces of one entry, in order. Large ones are made in several turns. */
  readonly piece: (entry: StoredEntry) => readonly (string | Uint8Array)[] | Promise<readonly (string | Uint8Array)[]>;
  /** Bytes of all pieces of one entry, where that is known without making them. */
  readonly size?: ((entry: StoredEntry) => number) | undefined;
}

export function offersOf(answer: Answer, protobuf: boolean): Offers {
  if (answer.as === 'object') {
    const { body, shown } = answer;
    return { protobuf, table: true, partial: shown === undefined ? 'as it is' : { list: Array.isArray(body['items']), goType: goTypeOf(body) } };
  }
  return answer.as === 'list' ? boundOffers(answer.binding, protobuf, true) : boundOffers(answer.binding, protobuf, false);
}

/** Of a kind's objects, or of its lists. */
export function boundOffers({ kind }: Binding, protobuf: boolean, list: boolean): Offers {
  const name = list ? kind.listKind : kind.kind;
  const [folder = ''] = kind.typeName.split('.');
  // Without a message it is a custom resource. Events of both groups are one type.
  const goType = protobuf ? `*${folder === 'events' ? 'core' : folder}.${name}` : `*unstructured.Unstructured${list ? 'List' : ''}`;
  return { protobuf, table: true, partial: { list, goType } };
}

function goTypeOf({ apiVersion, kind }: JsonObject): string {
  const [group = ''] = String(apiVersion).split(/[./]/);
  return `*${group === 'v1' ? 'core' : group}.${String(kind)}`;
}

export function chooseRepresentation(accept: string | undefined, answer: Answer, protobuf: boolean): Representation {
  return negotiate(accept, offersOf(answer, protobuf));
}

export function tableForm(call: Call, representation: Representation): TableForm {
  const include = call.query.get('includeObject') ?? '';
  if (include !== '' && include !== 'None' && include !== 'Metadata' && include !== 'Object') {
    const fault = invalid(new FieldPath('includeObject'), include, "must be 'Metadata', 'Object', 'None', or empty");
    throw badRequest(`Unable to convert to Table as requested: ${formatFieldError(fault)}`);
  }
  return { metaVersion: representation.metaVersion, include: include === '' ? 'Metadata' : (include as IncludeObject) };
}

/** What is not stored, in JSON. Where its kind can be shown as a Table, a list has a row for each item. */
export function objectJson(call: Call, { body, shown }: Extract<Answer, { as: 'object' }>, representation: Representation, nowMs: number): string {
  if (representation.as === undefined || shown === undefined) return JSON.stringify(body);
  if (representation.as !== 'Table') return JSON.stringify(partialOf(body, representation.metaVersion));
  const form = tableForm(call, representation);
  const items = Array.isArray(body['items']) ? (body['items'] as readonly KubeObject[]) : [body as KubeObject];
  const rows = items.map((item) => JSON.stringify(plainRow(shown, item, form, nowMs)));
  return `${tableHead(form, JSON.stringify(tableMetadata(body)), columnDefinitions(shown))}${rows.join(',')}${TABLE_TAIL}`;
}

/** A list's own; of an object its version alone. */
function tableMetadata({ items, metadata = {} }: JsonObject): JsonObject {
  const own = metadata as JsonObject;
  if (Array.isArray(items)) return own;
  return own['resourceVersion'] === undefined ? {} : { resourceVersion: own['resourceVersion'] };
}

/** A stored object in JSON, and what stands behind it; a large one that is to be converted in several turns. */
export async function entryBytes(
  core: Core,
  call: Call,
  answer: Extract<Answer, { as: 'entry' }>,
  representation: Representation,
  after: string,
): Promise<Buffer> {
  const { binding, entry } = answer;
  switch (representation.as) {
    case 'Table': {
      const form = tableForm(call, representation);
      const object = isLarge(entry) ? await core.objects.passingInTurns(entry, binding, core.yieldToLoop) : core.objects.as(entry, binding);
      return oneRowTable(core, binding, entry, object, form, core.clock.now(), columnDefinitions(binding.kind), after);
    }
    case 'PartialObjectMetadata':
      return partialBytes(entry, representation.metaVersion, '', after);
    default:
      return objectBytes(core, binding, entry, '', after);
  }
}

export function listMetadata({ resourceVersion, continueToken, remaining }: ListAnswer): JsonObject {
  return {
    resourceVersion,
    ...(continueToken === '' ? {} : { continue: continueToken }),
    ...(remaining === undefined || remaining === 0 ? {} : { remainingItemCount: remaining }),
  };
}

/** `after`: what stands behind the list. */
export function listWriter(core: Core, call: Call, answer: ListAnswer, representation: Representation, after: string): ListWriter {
  const { binding } = answer;
  const metadata = JSON.stringify(listMetadata(answer));
  if (representation.as === 'Table') {
    const form = tableForm(call, representation);
    const nowMs = core.clock.now();
    return {
      head: tableHead(form, metadata, columnDefinitions(binding.kind)),
      tail: TABLE_TAIL + after,
      turnBytes: 256 * 1024,
      piece: (entry) =>
        isLarge(entry) ? rowInTurns(core, binding, entry, form, nowMs) : [rowBytes(core, binding, entry, core.objects.passing(entry, binding), form, nowMs)],
    };
  }
  if (representation.as === 'PartialObjectMetadataList') {
    const { metaVersion } = representation;
    return {
      head: `{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/${metaVersion}","metadata":${metadata},"items":[`,
      tail: `]}${after}`,
      turnBytes: 2 * 1024 * 1024,
      piece: (entry) => [partialBytes(entry, metaVersion)],
    };
  }
  return {
    head: `{"kind":${JSON.stringify(binding.kind.listKind)},"apiVersion":${JSON.stringify(binding.apiVersion)},"metadata":${metadata},"items":[`,
    tail: `]}${after}`,
    size: binding.direct ? (entry) => itemHeadLength(entry) + entry.value.byteLength - entry.projection.start : undefined,
    turnBytes: binding.direct ? undefined : 256 * 1024,
    piece: binding.direct
      ? (entry) => [itemHead(entry), storedBody(entry)]
      : (entry) => (isLarge(entry) ? itemInTurns(core, binding, entry) : [itemText(core.objects.passing(entry, binding))]),
  };
}

/** Larger objects are worked on in several turns of the loop. */
const LARGE_BYTES = 128 * 1024;
export const isLarge = ({ value }: StoredEntry): boolean => value.byteLength > LARGE_BYTES;

function itemText({ kind: _k, apiVersion: _a, ...item }: KubeObject): string {
  return JSON.stringify(item);
}

async function itemInTurns(core: Core, binding: Binding, entry: StoredEntry): Promise<readonly string[]> {
  const object = await core.objects.passingInTurns(entry, binding, core.yieldToLoop);
  await core.yieldToLoop();
  return [itemText(object)];
}

async function rowInTurns(core: Core, binding: Binding, entry: StoredEntry, form: TableForm, nowMs: number): Promise<readonly Uint8Array[]> {
  const object = await core.objects.passingInTurns(entry, binding, core.yieldToLoop);
  await core.yieldToLoop();
  return [rowBytes(core, binding, entry, object, form, nowMs)];
}
