import type { JsonObject, ManagedFieldsEntry } from '../../machinery/object.ts';
import { finished, type Steps } from '../steps.ts';
import { type FieldSet, isEmpty, isWide } from './field-set.ts';
import { deepFreeze } from '../../machinery/record.ts';
import { decodeFields, encodeFields, encodeFieldsText, fieldsText, isEncoded, isLong, parseFields } from './fields-v1.ts';
import { endOfObject } from '../parse-json.ts';

/** An entry of managedFields: who owns which fields. */
export interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  /** The version in which the fields are named. */
  readonly apiVersion: string;
  readonly subresource: string;
  readonly time: string | undefined;
  readonly fields: FieldSet;
}

/** By identity. An applier is the same in every version; an updater is another in each. */
export type Managers = ReadonlyMap<string, Manager>;

export function managerId({ name, operation, apiVersion, subresource }: Omit<Manager, 'time' | 'fields'>): string {
  return `${operation}\n${name}\n${subresource}\n${operation === 'Update' ? apiVersion : ''}`;
}

/** Undefined when an entry can't be read. */
export function decodeManagers(entries: readonly ManagedFieldsEntry[]): Managers | undefined {
  const out = new Map<string, Manager>();
  for (const entry of entries) {
    const manager = decodeManager(entry);
    if (manager === undefined) return undefined;
    out.set(managerId(manager), manager);
  }
  return out;
}

function decodeManager(entry: ManagedFieldsEntry): Manager | undefined {
  const { operation, apiVersion = '', fieldsType, fieldsV1 } = entry;
  if (operation !== 'Apply' && operation !== 'Update') return undefined;
  if (apiVersion === '' || (fieldsType ?? '') !== 'FieldsV1' || fieldsV1 === undefined) return undefined;
  const fields = decodeFields(fieldsV1);
  if (fields === undefined) return undefined;
  return { name: entry.manager ?? '', operation, apiVersion, subresource: entry.subresource ?? '', time: entry.time, fields };
}

/** Sorted as Kubernetes prints them: appliers first, then by time, then by name. Sets without a member are left out. */
export function encodeManagers(managers: Managers): readonly ManagedFieldsEntry[] {
  const sorted = [...managers.values()].filter(({ fields }) => !isEmpty(fields)).sort(order);
  return sorted.map(({ name, operation, apiVersion, time, fields, subresource }) => ({
    ...(name === '' ? {} : { manager: name }),
    operation,
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: encodeFields(fields),
    ...(subresource === '' ? {} : { subresource }),
  }));
}

/** The same, set by set: wide ones take some milliseconds each. Their texts are made too, which whoever stores them needs. */
export function* encodeManagersSteps(managers: Managers): Steps<readonly ManagedFieldsEntry[]> {
  for (const { fields } of managers.values()) {
    if (!isWide(fields)) continue;
    encodeFieldsText(fields);
    yield;
    encodeFields(fields);
    yield;
  }
  return encodeManagers(managers);
}

/** Of those whose object has not been made yet. */
export function hasWide(managers: Managers): boolean {
  for (const { fields } of managers.values()) if (!isEncoded(fields) && isWide(fields)) return true;
  return false;
}

export const hasLong = (entries: readonly ManagedFieldsEntry[]): boolean => entries.some(({ fieldsV1 }) => fieldsV1 !== undefined && isLong(fieldsV1));

/** Reads long sets one by one; what comes after finds them read. */
export function* readSetsSteps(entries: readonly ManagedFieldsEntry[]): Steps<void> {
  for (const { fieldsV1 } of entries) if (fieldsV1 !== undefined && isLong(fieldsV1) && decodeFields(fieldsV1) !== undefined) yield;
}

/** Times are RFC 3339 in UTC: they sort as text. */
function order(a: Manager, b: Manager): number {
  return (
    compareText(a.operation, b.operation) ||
    compareText(a.time ?? '', b.time ?? '') ||
    compareText(a.name, b.name) ||
    compareText(a.apiVersion, b.apiVersion) ||
    compareText(a.subresource, b.subresource)
  );
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** `[]` and `[{}]` ask the server to forget all managers. */
export function asksForReset(entries: readonly ManagedFieldsEntry[] | undefined): boolean {
  if (entries === undefined) return false;
  return entries.length === 0 || (entries.length === 1 && Object.keys(entries[0] ?? {}).length === 0);
}

const MAX_UPDATE_MANAGERS = 10;
const ANCIENT = 'ancient-changes';

/** Beyond ten updaters the oldest are merged, version by version, into one called ancient-changes. */
export function capUpdaters(managers: Managers, unite: (a: FieldSet, b: FieldSet) => FieldSet): Managers {
  const updaters = [...managers].filter(([, { operation }]) => operation === 'Update');
  if (updaters.length <= MAX_UPDATE_MANAGERS) return managers;
  updaters.sort(([, a], [, b]) => compareText(a.time ?? '', b.time ?? '') || compareText(a.name, b.name));
  const out = new Map(managers);
  const first = new Map<string, string>();
  let count = updaters.length;
  for (const [id, manager] of updaters) {
    if (count <= MAX_UPDATE_MANAGERS) break;
    const { apiVersion } = manager;
    const bucket = { name: ANCIENT, operation: 'Update', apiVersion, subresource: '' } as const;
    const bucketId = managerId(bucket);
    const firstId = first.get(apiVersion);
    if (firstId === undefined) {
      first.set(apiVersion, id);
      continue;
    }
    const gathered = out.get(bucketId) ?? out.get(firstId);
    if (gathered === undefined) continue;
    if (!out.has(bucketId)) out.delete(firstId);
    out.delete(id);
    out.set(bucketId, { ...bucket, time: manager.time, fields: unite(gathered.fields, manager.fields) });
    count--;
  }
  return out;
}

/** The JSON of entries; the texts of their sets are at hand. */
export function formatManagedFields(entries: readonly ManagedFieldsEntry[]): string {
  let out = '[';
  for (const entry of entries) {
    let text = '';
    for (const key of Object.keys(entry) as (keyof ManagedFieldsEntry)[]) {
      const value = entry[key];
      if (value === undefined) continue;
      text += `${text === '' ? '' : ','}"${key}":${typeof value === 'string' ? JSON.stringify(value) : fieldsText(value)}`;
    }
    out += `${out === '[' ? '' : ','}{${text}}`;
  }
  return `${out}]`;
}

const SETS = '"fieldsV1":{';

/**
 * The entries of a text that `formatManagedFields` wrote, frozen. Sets are not parsed but found by their texts. (A quote inside a string is
 * escaped, so that the name of the field is found nowhere else.)
 */
export function parseManagedFields(text: string): readonly ManagedFieldsEntry[] {
  return finished(parseManagedFieldsSteps(text));
}

/** The same, set by set. */
export function* parseManagedFieldsSteps(text: string): Steps<readonly ManagedFieldsEntry[]> {
  const sets: string[] = [];
  let rest = '';
  let from = 0;
  for (let at = text.indexOf(SETS); at !== -1; at = text.indexOf(SETS, from)) {
    const start = at + SETS.length - 1;
    const end = endOfObject(text, start);
    sets.push(text.slice(start, end));
    rest += text.slice(from, start) + String(sets.length - 1);
    from = end;
  }
  if (sets.length === 0) return deepFreeze(JSON.parse(text) as ManagedFieldsEntry[]);
  const entries = JSON.parse(rest + text.slice(from)) as { fieldsV1?: number | JsonObject }[];
  // In its place: the order of the fields is that of the text.
  for (const entry of entries) {
    if (typeof entry.fieldsV1 === 'number') {
      entry.fieldsV1 = deepFreeze(parseFields(sets[entry.fieldsV1] as string));
      if (isLong(entry.fieldsV1)) yield;
    }
    Object.freeze(entry);
  }
  return Object.freeze(entries) as readonly ManagedFieldsEntry[];
}
