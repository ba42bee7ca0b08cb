import type { DraftJson, DraftObject, Json, JsonObject } from '../machinery/object.ts';
import { getOwn, hasOwn, setOwn } from '../machinery/record.ts';
import { badRequest, StatusError } from '../machinery/status-error.ts';
import { copyJson, copyObject } from './copy.ts';
import type { Facts, FieldFacts, TypeRef } from './facts.ts';
import { goValueName } from './go-type.ts';
import { printType, printValue } from './go-print.ts';
import { checkOrder, type ListRules, mergeLists } from './strategic-list.ts';

/**
 * Strategic merge patch: like a merge patch, but lists with a merge key are merged by it, and directives (`$patch`,
 * `$retainKeys`, `$setElementOrder/x`, `$deleteFromPrimitiveList/x`) say what JSON can't. Merge keys come from the facts.
 * The document is not changed. Throws StatusError: 400 for a broken patch.
 */
export function applyStrategicMerge(facts: Facts, typeName: string, document: JsonObject, patch: Json): DraftObject {
  if (patch === null) return copyObject(document);
  if (!isObject(patch)) throw badRequest(`json: cannot unmarshal ${goValueName(patch)} into Go value of type map[string]interface {}`);
  return mergeMaps(facts, typeName, document, patch);
}

export const PATCH = '$patch';
const RETAIN_KEYS = '$retainKeys';
const SET_ORDER = '$setElementOrder/';
const DELETE_ITEMS = '$deleteFromPrimitiveList/';

const badFormat = (what: string): StatusError => badRequest(`invalid patch format of ${what}`);

/** Where the rules of a value stand; undefined where the tables say nothing. */
type Schema = TypeRef | undefined;

export function mergeMaps(facts: Facts, schema: Schema, original: JsonObject, patch: JsonObject): DraftObject {
  const directive = getOwn(patch, PATCH);
  if (directive === 'replace') return withoutDirectives(patch);
  if (directive === 'delete') return {};
  if (directive !== undefined) throw unknownDirective(directive, patch);
  const out = retainKeys(original, patch);
  const done = new Set<string>();
  for (const key of Object.keys(patch)) if (key.startsWith(SET_ORDER)) done.add(mergeOrdered(facts, schema, out, patch, key));
  for (const key of Object.keys(patch)) {
    const change = patch[key];
    if (change === undefined || done.has(key) || key === PATCH || key === RETAIN_KEYS || key.startsWith(SET_ORDER)) continue;
    if (key.startsWith(DELETE_ITEMS)) deleteItems(facts, schema, out, { key: key.slice(DELETE_ITEMS.length), items: change });
    else if (change === null) delete out[key];
    else setOwn<DraftJson | undefined>(out, key, mergeField(facts, schema, key, getOwn(out, key), change));
  }
  return out;
}

export function unknownDirective(directive: Json, patch: JsonObject): StatusError {
  return new StatusError('', `unknown patch type: ${printValue(directive)} in map: ${printValue(patch)}`);
}

/** A copy of the original, less the keys that `$retainKeys` does not name. */
function retainKeys(original: JsonObject, patch: JsonObject): DraftObject {
  const keep = getOwn(patch, RETAIN_KEYS);
  if (keep === undefined) return copyObject(original);
  if (!Array.isArray(keep) || !keep.every((key) => typeof key === 'string')) throw badFormat('retainKeys');
  const named = new Set(keep as readonly string[]);
  for (const key of Object.keys(patch)) {
    if (!key.startsWith('$') && patch[key] !== null && !named.has(key)) throw badFormat('retainKeys');
  }
  return copyObject(Object.fromEntries(Object.entries(original).filter(([key]) => named.has(key))));
}

function mergeField(facts: Facts, schema: Schema, key: string, current: Json | undefined, change: Json): DraftJson {
  const { ref, field } = lookUp(facts, schema, key);
  const strategies = field?.patchStrategy?.split(',') ?? [];
  if (isObject(change) && isObject(current) && !strategies.includes('replace')) return mergeMaps(facts, ref, current, change);
  if (Array.isArray(change) && Array.isArray(current) && strategies.includes('merge')) {
    return mergeLists(facts, listRules(ref, field), current, change);
  }
  return withoutDirectivesDeep(change);
}

function listRules(ref: Schema, field: FieldFacts | undefined): ListRules {
  const element = typeof ref === 'object' && 'list' in ref ? ref.list : undefined;
  return { element, mergeKey: field?.patchMergeKey };
}

/** The type of a field of a struct, or of a value of a map. */
function lookUp(facts: Facts, schema: Schema, key: string): { readonly ref: Schema; readonly field: FieldFacts | undefined } {
  if (schema === undefined) return { ref: undefined, field: undefined };
  if (typeof schema !== 'string') return { ref: 'map' in schema ? schema.map : undefined, field: undefined };
  const field = getOwn(facts.type(schema)?.fields, key);
  return { ref: field?.type, field };
}

/** Merges the list that `$setElementOrder/x` orders and puts it in that order; answers its name. */
function mergeOrdered(facts: Facts, schema: Schema, out: DraftObject, patch: JsonObject, directive: string): string {
  const key = directive.slice(SET_ORDER.length);
  const order = listOf(patch[directive]);
  const current = getOwn(out, key);
  const change = getOwn(patch, key);
  const { ref, field } = lookUp(facts, schema, key);
  const rules = listRules(ref, field);
  if (change === null) {
    delete out[key];
    return key;
  }
  if (current === undefined && change === undefined) return key;
  const base = current === undefined ? [] : listOf(current as Json);
  const changes = change === undefined ? [] : listOf(change);
  checkOrder(rules, changes, order);
  setOwn<DraftJson | undefined>(out, key, mergeLists(facts, rules, base, changes, order));
  return key;
}

function listOf(value: Json | undefined): readonly Json[] {
  if (Array.isArray(value)) return value as readonly Json[];
  throw new StatusError('', `expected a []interface {}, but received a ${printType(value ?? null)}`);
}

/** Takes items out of a merged list of scalars. (Where the list is not merged, the items that should go are the new list: so Kubernetes.) */
function deleteItems(facts: Facts, schema: Schema, out: DraftObject, { key, items }: { readonly key: string; readonly items: Json }): void {
  const current = getOwn(out, key);
  if (!Array.isArray(items)) throw badFormat('primitive list');
  if (!Array.isArray(current)) return;
  const merged = lookUp(facts, schema, key).field?.patchStrategy?.split(',').includes('merge') === true;
  const gone = new Set<unknown>(items as readonly Json[]);
  setOwn<DraftJson | undefined>(out, key, merged ? current.filter((item) => !gone.has(item)) : (copyJson(items) as DraftJson));
}

export function withoutDirectives(patch: JsonObject): DraftObject {
  const out: DraftObject = {};
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (value === undefined || value === null || isDirective(key)) continue;
    setOwn<DraftJson | undefined>(out, key, withoutDirectivesDeep(value));
  }
  return out;
}

const isDirective = (key: string): boolean => key === PATCH || key === RETAIN_KEYS || key.startsWith(SET_ORDER) || key.startsWith(DELETE_ITEMS);

/** What a patch adds where nothing was: nulls and directives have no effect there. */
function withoutDirectivesDeep(value: Json): DraftJson {
  if (Array.isArray(value)) {
    return value.filter((item: Json) => !(isObject(item) && hasOwn(item, PATCH) && item[PATCH] === 'delete')).map(withoutDirectivesDeep);
  }
  return isObject(value) ? withoutDirectives(value) : copyJson(value);
}

export const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
